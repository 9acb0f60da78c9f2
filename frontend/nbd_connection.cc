// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/nbd_connection.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "frontend/nbd_server.h"
#include "host/io_errno.h"

namespace remap::frontend::nbd {
namespace {

constexpr u32 kCommands = 128;
constexpr u32 kSlices = kMaxPayload / Slice::kBytes + 32;
constexpr usize kMemory = usize{kSlices} * Slice::kBytes;
constexpr usize kBuffer = 65536;

}  // namespace

void Slice::ended() { command->connection->slice_ended(*this); }

void Command::ended()
{
	error = static_cast<u32>(host::errno_of(status));
	connection->command_ended(*this);
}

Connection::Receive::Receive(Connection &owner)
    : host::Source(owner.volume_.reactor()), connection(owner)
{
}

// ---- life ----

Connection::Connection(Server &server, int socket)
    : server_(server), volume_(server.volume()), socket_(socket), handshake_(server.shown()),
      receive_(*this), send_(*this), buffer_(new char[kBuffer]),
      all_commands_(new Command[kCommands]), all_slices_(new Slice[kSlices])
{
	vectors_.reserve(kSlices + kCommands);
	void *memory = mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	if (memory == MAP_FAILED)
		throw std::bad_alloc();
	memory_ = static_cast<u8 *>(memory);
	for (u32 i = 0; i < kCommands; ++i) {
		all_commands_[i].connection = this;
		all_commands_[i].next = free_commands_;
		free_commands_ = &all_commands_[i];
	}
	for (u32 i = kSlices; i-- > 0;) {
		all_slices_[i].memory = memory_ + usize{i} * Slice::kBytes;
		all_slices_[i].next = free_slices_;
		free_slices_ = &all_slices_[i];
	}
	text_ = Handshake::greeting();
	receive_.descriptor = socket;
	receive_.prompt = true;
	receive();
}

Connection::~Connection()
{
	munmap(memory_, kMemory);
	close(socket_);
	if (counted_)
		volume_.host().count_users(-1);
}

void Connection::finish() { shutdown(socket_, SHUT_RD); }

// Nothing more is read; what is at work is answered, where somebody still listens.
void Connection::end()
{
	ended_ = true;
	receive_.wanted = false;
	if (current_) {
		// The rest of it will not come; what of it was submitted goes on.
		Command &command = *current_;
		command.open -= filling_ != nullptr;
		current_ = nullptr;
		filling_ = nullptr;
		command.error = EIO;
		if (--command.open == 0)
			command_ended(command);
	}
	server_.look();
}

// ---- receiving ----

void Connection::go_on()
{
	if (receive_.wanted)
		return;
	while (parse()) {
	}
}

// Whether there may be more to do with what was received; if not, somebody will call go_on().
bool Connection::parse()
{
	if (ended_)
		return false;
	switch (phase_) {
	case Phase::handshake:
		return handshake();
	case Phase::header:
		return read_header();
	case Phase::payload:
		return read_payload();
	case Phase::discard:
		break;
	}
	const usize gone = min_of<u64>(buffered(), left_);
	begin_ += gone;
	left_ -= gone;
	if (left_) {
		receive();
		return false;
	}
	phase_ = Phase::header;
	Command &command = *current_;
	current_ = nullptr;
	command.error = discard_error_;
	command_ended(command);
	return true;
}

bool Connection::handshake()
{
	in_.append(buffer_.get() + begin_, buffered());
	begin_ = end_ = 0;
	const Handshake::State state = handshake_.consume(&in_, &text_);
	if (state == Handshake::State::over) {
		ended_ = true;
		server_.look();
		return false;
	}
	if (state == Handshake::State::running) {
		receive();
		return false;
	}
	phase_ = Phase::header;
	counted_ = true;
	volume_.host().count_users(1);
	if (in_.size() > kBuffer) {
		end();
		return false;
	}
	end_ = in_.copy(buffer_.get(), in_.size());
	in_.clear();
	return true;
}

bool Connection::read_header()
{
	if (buffered() < sizeof(RequestHeader)) {
		receive();
		return false;
	}
	if (!free_commands_)
		return false;
	RequestHeader header;
	std::memcpy(&header, buffer_.get() + begin_, sizeof(header));
	header = {be32toh(header.magic),  be16toh(header.flags),  be16toh(header.type),
		  be64toh(header.cookie), be64toh(header.offset), be32toh(header.length)};
	if (header.magic != kRequestMagic || header.type == kDisconnect ||
	    (header.type == kWrite && header.length > kMaxPayload)) {
		end();
		return false;
	}
	begin_ += sizeof(header);
	return begin(header);
}

// 0, or the errno for the client.
u32 Connection::judge(const RequestHeader &header) const
{
	const u32 block = server_.shown().block;
	switch (header.type) {
	case kFlush:
		return 0;
	case kRead:
		if (header.length > kMaxPayload)
			return EOVERFLOW;
		break;
	case kWrite:
	case kTrim:
	case kWriteZeroes:
		break;
	case kBlockStatus:
		if (!handshake_.contexts())
			return EINVAL;
		break;
	default:
		return EINVAL;
	}
	if (!header.length || header.offset % block || header.length % block)
		return EINVAL;
	if (!range_fits(header.offset, header.length, server_.shown().bytes))
		return header.type == kWrite || header.type == kWriteZeroes ? ENOSPC : EINVAL;
	return 0;
}

bool Connection::begin(const RequestHeader &header)
{
	Command &command = *free_commands_;
	free_commands_ = command.next;
	++commands_;
	command.header = header;
	command.slices = command.last_slice = nullptr;
	command.error = 0;
	command.open = 1;
	const u32 error = judge(header);
	left_ = header.length;
	if (error && header.type == kWrite) {
		current_ = &command;
		discard_error_ = error;
		phase_ = Phase::discard;
	} else if (error) {
		command.error = error;
		command_ended(command);
	} else if (header.type == kRead || header.type == kWrite) {
		current_ = &command;
		phase_ = Phase::payload;
	} else if (header.type == kBlockStatus) {
		command.chunk_bytes =
			status_chunks(volume_, handshake_.contexts(), header, command.chunks);
		command_ended(command);
	} else {
		submit_plain(command);
	}
	return true;
}

void Connection::submit_plain(Command &command)
{
	command.flush = command.header.type == kFlush;
	command.op = command.header.type == kTrim ? Op::discard : Op::write_zeroes;
	command.fua = command.header.flags & kFua;
	command.sector = command.flush ? 0 : command.header.offset / kSectorBytes;
	command.sectors = command.flush ? 0 : command.header.length / kSectorBytes;
	volume_.submit(command);
}

Slice *Connection::take_slice(Command &command)
{
	Slice *slice = free_slices_;
	if (!slice)
		return nullptr;
	free_slices_ = slice->next;
	const u64 done = command.header.length - left_;
	slice->bytes = static_cast<u32>(min_of<u64>(left_, Slice::kBytes));
	left_ -= slice->bytes;
	slice->command = &command;
	slice->next = nullptr;
	slice->op = command.header.type == kRead ? Op::read : Op::write;
	slice->fua = slice->op == Op::write && command.header.flags & kFua;
	slice->sector = (command.header.offset + done) / kSectorBytes;
	slice->sectors = slice->bytes / kSectorBytes;
	slice->data = slice->memory;
	(command.last_slice ? command.last_slice->next : command.slices) = slice;
	command.last_slice = slice;
	++command.open;
	return slice;
}

// The slices of a read, or those of a write with what has come of their data.
bool Connection::read_payload()
{
	Command &command = *current_;
	const bool reads = command.header.type == kRead;
	if (!filling_) {
		if (!left_) {
			current_ = nullptr;
			phase_ = Phase::header;
			if (--command.open == 0)
				command_ended(command);
			return true;
		}
		filling_ = take_slice(command);
		filled_ = 0;
		if (!filling_)
			return false;
	}
	if (!reads && filled_ < filling_->bytes) {
		const usize count = min_of<usize>(buffered(), filling_->bytes - filled_);
		std::memcpy(filling_->memory + filled_, buffer_.get() + begin_, count);
		begin_ += count;
		filled_ += static_cast<u32>(count);
		if (filled_ < filling_->bytes) {
			receive();
			return false;
		}
	}
	Slice &slice = *filling_;
	filling_ = nullptr;
	volume_.submit(slice);
	return true;
}

// The data of a write mostly follow its head at once, but seldom come with it.
void Connection::readable()
{
	if (take_in() && receive_.wanted && phase_ == Phase::payload)
		take_in();
}

// Into the slice that is being filled, else behind what is in the buffer. Whether there was something.
bool Connection::take_in()
{
	char *at;
	usize room;
	if (phase_ == Phase::payload && filling_) {
		at = reinterpret_cast<char *>(filling_->memory) + filled_;
		room = filling_->bytes - filled_;
	} else {
		std::memmove(buffer_.get(), buffer_.get() + begin_, buffered());
		end_ -= begin_;
		begin_ = 0;
		at = buffer_.get() + end_;
		room = kBuffer - end_;
	}
	const ssize_t got = recv(socket_, at, room, MSG_DONTWAIT);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (got <= 0) {
		end();
		return false;
	}
	if (phase_ == Phase::payload && filling_)
		filled_ += static_cast<u32>(got);
	else
		end_ += static_cast<usize>(got);
	receive_.wanted = false;
	go_on();
	return true;
}

// ---- answering ----

void Connection::slice_ended(Slice &slice)
{
	Command &command = *slice.command;
	if (!command.error)
		command.error = static_cast<u32>(host::errno_of(slice.status));
	if (--command.open == 0)
		command_ended(command);
}

void Connection::command_ended(Command &command)
{
	command.next = nullptr;
	(last_to_answer_ ? last_to_answer_->next : to_answer_) = &command;
	last_to_answer_ = &command;
}

// The head of an answer, and the data behind it. A read that failed has no data.
void Connection::answer(Command &command)
{
	const RequestHeader &header = command.header;
	if (header.type == kBlockStatus && !command.error) {
		vectors_.push_back({command.chunks, command.chunk_bytes});
		return;
	}
	const bool has_data = header.type == kRead && !command.error;
	Words head(command.head);
	if (!handshake_.structured() || (header.type != kRead && header.type != kBlockStatus)) {
		head.put<u32>(kSimpleReplyMagic).put<u32>(command.error).put<u64>(header.cookie);
	} else {
		head.put<u32>(kChunkMagic).put<u16>(kDone);
		head.put<u16>(command.error ? kError : kOffsetData).put<u64>(header.cookie);
		head.put<u32>(command.error ? 6 : 8 + header.length);
		if (command.error)
			head.put<u32>(command.error).put<u16>(0);
		else
			head.put<u64>(header.offset);
	}
	vectors_.push_back({command.head, head.bytes()});
	for (Slice *slice = command.slices; has_data && slice; slice = slice->next)
		vectors_.push_back({slice->memory, slice->bytes});
}

// Whether there is something to send.
bool Connection::fill()
{
	if (vector_ < vectors_.size())
		return true;
	vectors_.clear();
	vector_ = 0;
	if (!text_.empty()) {
		text_at_work_.swap(text_);
		vectors_.push_back({text_at_work_.data(), text_at_work_.size()});
		return true;
	}
	answering_ = to_answer_;
	to_answer_ = last_to_answer_ = nullptr;
	for (Command *command = answering_; command; command = command->next)
		answer(*command);
	return !vectors_.empty();
}

// Without the ring as far as the socket has room. Commands that went on because others were answered may
// have ended by then.
void Connection::send()
{
	while (!sending_ && fill()) {
		message_.msg_iov = &vectors_[vector_];
		message_.msg_iovlen = vectors_.size() - vector_;
		const ssize_t result = sendmsg(socket_, &message_, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (result < 0 && (errno == EINTR || errno == EAGAIN))
			send_when_there_is_room();
		else
			sent(static_cast<int>(result));
	}
}

void Connection::send_when_there_is_room()
{
	sending_ = true;
	volume_.reactor().start(send_, [&](io_uring_sqe *sqe) {
		io_uring_prep_sendmsg(sqe, socket_, &message_, MSG_NOSIGNAL);
	});
}

// The client that is gone gets no answers; they are dropped as if they had been sent.
void Connection::sent(int result)
{
	sending_ = false;
	if (result == -EINTR || result == -EAGAIN)
		return;
	if (result <= 0) {
		shutdown(socket_, SHUT_RDWR);
		vector_ = vectors_.size();
	}
	for (usize left = result > 0 ? static_cast<usize>(result) : 0; left;) {
		iovec &vector = vectors_[vector_];
		const usize count = min_of(left, vector.iov_len);
		vector.iov_base = static_cast<char *>(vector.iov_base) + count;
		vector.iov_len -= count;
		left -= count;
		vector_ += !vector.iov_len;
	}
	if (vector_ == vectors_.size()) {
		text_at_work_.clear();
		while (Command *command = answering_) {
			answering_ = command->next;
			free_command(*command);
		}
		vectors_.clear();
		vector_ = 0;
	}
	if (ended_)
		server_.look();
	else
		go_on();
}

void Connection::free_command(Command &command)
{
	for (Slice *slice = command.slices; slice;) {
		Slice *next = slice->next;
		slice->next = free_slices_;
		free_slices_ = slice;
		slice = next;
	}
	command.next = free_commands_;
	free_commands_ = &command;
	--commands_;
}

}  // namespace remap::frontend::nbd
