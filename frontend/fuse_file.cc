// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/fuse_file.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

#include "frontend/fuse_calls.h"
#include "host/io_errno.h"
#include "host/open_failure.h"

namespace remap::frontend {
namespace {

constexpr usize kPage = 4096;
// In front of the data of a write.
constexpr usize kHead = sizeof(fuse_in_header) + sizeof(fuse_write_in);
// A page in front for the head, and at the end for what alignment adds.
constexpr usize kMemory = FuseFile::kMaxBytes + 3 * kPage;
// Of the message: the most that the kernel wants to be able to send.
constexpr usize kMessage = FuseFile::kMaxBytes + kPage;
constexpr u32 kRequests = 64;
constexpr u64 kZeroesAtOnce = u64{1} << 30;
// So many are taken before others have their turn.
constexpr u32 kAtOnce = 64;

// libfuse tells why it cannot mount in a line on standard error; it becomes a part of a sentence.
std::string g_said;

void listen(fuse_log_level, const char *format, va_list words)
{
	char line[256];
	std::vsnprintf(line, sizeof(line), format, words);
	g_said = line;
	while (!g_said.empty() && g_said.back() == '\n')
		g_said.pop_back();
}

}  // namespace

void FuseRequest::ended() { file->ended(*this); }

// ---- life ----

FuseFile::FuseFile(host::Volume &volume, const std::string &where, const std::string &name)
    : host::Source(volume.reactor()), volume_(volume), name_(name), block_(volume.block_bytes()),
      requests_(new FuseRequest[kRequests])
{
	mount(where);
	take_memory();
}

void FuseFile::mount(const std::string &where)
{
	std::string program = "dmremap";
	std::string option = "-o";
	std::string options =
		"fsname=dm-remap,subtype=dm-remap,max_read=" + std::to_string(kMaxBytes);
	char *words[] = {program.data(), option.data(), options.data(), nullptr};
	fuse_args arguments = FUSE_ARGS_INIT(3, words);
	fuse_set_log_func(listen);
	session_ = fuse_session_new(&arguments, &fuse_calls(), sizeof(fuse_lowlevel_ops), this);
	fuse_opt_free_args(&arguments);
	const bool mounted = session_ && fuse_session_mount(session_, where.c_str()) == 0;
	fuse_set_log_func(nullptr);
	if (mounted)
		return;
	if (session_)
		fuse_session_destroy(session_);
	throw host::OpenFailure(ENODEV, "FUSE cannot be mounted at " + where +
						(g_said.empty() ? "" : ": " + g_said));
}

void FuseFile::take_memory()
{
	constexpr usize kAll = kRequests * kMemory + 2 * kPage;
	void *memory =
		mmap(nullptr, kAll, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		fuse_session_unmount(session_);
		fuse_session_destroy(session_);
		throw std::bad_alloc();
	}
	memory_ = static_cast<u8 *>(memory);
	ends_ = memory_ + kRequests * kMemory;
	for (u32 i = kRequests; i-- > 0;) {
		FuseRequest &request = requests_[i];
		request.file = this;
		request.payload = memory_ + i * kMemory + kPage;
		request.message = request.payload - kHead;
		request.next = free_;
		free_ = &request;
	}
}

FuseFile::~FuseFile()
{
	fuse_session_unmount(session_);
	fuse_session_destroy(session_);
	munmap(memory_, kRequests * kMemory + 2 * kPage);
}

void FuseFile::start()
{
	descriptor = fuse_session_fd(session_);
	fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
	wanted = true;
	prompt = true;
}

void FuseFile::finish() { finishing_ = true; }

void FuseFile::count_users(int by)
{
	users_.add_relaxed(static_cast<u32>(by));
	volume_.host().count_users(by);
}

// ---- requests of the kernel ----

void FuseFile::take()
{
	for (u32 i = 0; i < kAtOnce && free_ && !finishing_; ++i) {
		FuseRequest &request = *free_;
		const ssize_t got = ::read(descriptor, request.message, kMessage);
		if (got < 0 && (errno == EINTR || errno == ENOENT)) // one was taken back
			continue;
		if (got < 0 && errno != EAGAIN) { // somebody has unmounted it
			finishing_ = true;
			return;
		}
		if (got < 0)
			return;
		free_ = request.next;
		current_ = &request;
		if (!take_transfer()) {
			fuse_buf message = {};
			message.mem = request.message;
			message.size = static_cast<size_t>(got);
			fuse_session_process_buf(session_, &message);
		}
		if (current_) { // answered
			request.next = free_;
			free_ = &request;
			current_ = nullptr;
		}
	}
}

// false: it is for libfuse. What may be interrupted the kernel asks once: nothing.
bool FuseFile::take_transfer()
{
	fuse_in_header head;
	std::memcpy(&head, current_->message, sizeof(head));
	const u8 *body = current_->message + sizeof(head);
	current_->unique = head.unique;
	if (head.opcode == FUSE_READ) {
		fuse_read_in in;
		std::memcpy(&in, body, sizeof(in));
		read(in.offset, in.size);
	} else if (head.opcode == FUSE_WRITE) {
		fuse_write_in in;
		std::memcpy(&in, body, sizeof(in));
		// No fsync comes behind a write that is to be stable: its flags say so.
		write(in.offset, in.size, in.flags & O_DSYNC);
	} else if (head.opcode == FUSE_FSYNC) {
		flush();
	} else if (head.opcode == FUSE_FALLOCATE) {
		fuse_fallocate_in in;
		std::memcpy(&in, body, sizeof(in));
		allocate(in.offset, in.length, in.mode);
	} else if (head.opcode == FUSE_INTERRUPT) {
		reply(*current_, ENOSYS);
	} else {
		return false;
	}
	return true;
}

// The memory in which the message lies is the request's until it is answered.
FuseRequest &FuseFile::begin(FuseRequest::Kind kind, u64 offset, u64 bytes)
{
	FuseRequest &request = *current_;
	current_ = nullptr;
	++at_work_;
	request.kind = kind;
	request.phase = FuseRequest::Phase::whole;
	request.offset = offset;
	request.bytes = bytes;
	request.op = Op::read;
	request.IoRequest::flush = false;
	request.fua = false;
	request.frees = false;
	request.sector = 0;
	request.sectors = 0;
	request.data = nullptr;
	return request;
}

bool FuseFile::aligned(const FuseRequest &request) const
{
	return request.offset % block_ == 0 && request.bytes % block_ == 0;
}

// What a request needs of whole blocks.
void FuseFile::go_on(FuseRequest &request)
{
	const u64 begin = down(request.offset);
	request.sector = begin / kSectorBytes;
	request.sectors =
		static_cast<u32>((up(request.offset + request.bytes) - begin) / kSectorBytes);
	request.data = request.payload;
	volume_.submit(request);
}

void FuseFile::read(u64 offset, u64 bytes)
{
	const u64 end = this->bytes();
	bytes = offset < end ? min_of(bytes, end - offset) : 0;
	if (!bytes || bytes > kMaxBytes)
		return reply(*current_, 0);
	go_on(begin(FuseRequest::Kind::read, offset, bytes));
}

void FuseFile::flush()
{
	FuseRequest &request = begin(FuseRequest::Kind::flush, 0, 0);
	request.IoRequest::flush = true;
	volume_.submit(request);
}

// Holes and zeros inside the file, which has no other size: a hole may be said to reach further.
void FuseFile::allocate(u64 offset, u64 length, u32 mode)
{
	const bool inside = range_fits(offset, length, bytes());
	const bool keeps_size = mode & FALLOC_FL_KEEP_SIZE;
	const u32 what = mode & ~FALLOC_FL_KEEP_SIZE;
	if (what != FALLOC_FL_PUNCH_HOLE && what != FALLOC_FL_ZERO_RANGE)
		return reply(*current_, what ? EOPNOTSUPP : inside ? 0 : ENOSPC);
	if (offset >= bytes() || (!inside && !keeps_size))
		return reply(*current_, keeps_size ? 0 : ENOSPC);
	zero(offset, min_of(length, bytes() - offset), what == FALLOC_FL_PUNCH_HOLE);
}

void FuseFile::zero(u64 offset, u64 bytes, bool frees)
{
	if (offset % block_ || bytes % block_)
		return reply(*current_, EOPNOTSUPP);
	FuseRequest &request = begin(FuseRequest::Kind::zeroes, offset, bytes);
	request.op = Op::write_zeroes;
	request.frees = frees;
	request.left = bytes;
	begin_write(request);
}

void FuseFile::write(u64 offset, u64 bytes, bool stable)
{
	if (!range_fits(offset, bytes, this->bytes()) || bytes > kMaxBytes)
		return reply(*current_, offset < this->bytes() ? ENOSPC : EFBIG);
	FuseRequest &request = begin(FuseRequest::Kind::write, offset, bytes);
	request.op = Op::write;
	request.fua = stable;
	begin_write(request);
}

// ---- writes: an unaligned one is alone ----

void FuseFile::begin_write(FuseRequest &request)
{
	if (gate_.enter(request, aligned(request)))
		start_write(request);
}

void FuseFile::start_write(FuseRequest &request)
{
	if (request.kind == FuseRequest::Kind::zeroes)
		return submit_zeroes(request);
	if (aligned(request))
		return go_on(request);
	request.op = Op::read;
	read_end(request, FuseRequest::Phase::head);
}

void FuseFile::read_end(FuseRequest &request, FuseRequest::Phase phase)
{
	const bool head = phase == FuseRequest::Phase::head;
	request.phase = phase;
	request.sector = down(head ? request.offset : request.offset + request.bytes - 1) /
			 kSectorBytes;
	request.sectors = block_ / kSectorBytes;
	request.data = head ? ends_ : ends_ + kPage;
	volume_.submit(request);
}

// Puts what was read around the data, and all of it at the beginning of the page.
void FuseFile::join_ends(FuseRequest &request)
{
	const u64 before = request.offset % block_;
	const u64 after = up(before + request.bytes) - before - request.bytes;
	std::memmove(request.payload + before, request.payload, request.bytes);
	std::memcpy(request.payload, ends_, before);
	std::memcpy(request.payload + before + request.bytes, ends_ + kPage + block_ - after, after);
	request.op = Op::write;
	request.phase = FuseRequest::Phase::whole;
	go_on(request);
}

void FuseFile::submit_zeroes(FuseRequest &request)
{
	const u64 part = min_of(request.left, kZeroesAtOnce);
	request.sector = (request.offset + request.bytes - request.left) / kSectorBytes;
	request.sectors = static_cast<u32>(part / kSectorBytes);
	request.left -= part;
	volume_.submit(request);
}

void FuseFile::ended(FuseRequest &request)
{
	if (request.status == IoStatus::ok) {
		if (request.phase == FuseRequest::Phase::head)
			return read_end(request, FuseRequest::Phase::tail);
		if (request.phase == FuseRequest::Phase::tail)
			return join_ends(request);
		if (request.kind == FuseRequest::Kind::zeroes && request.left)
			return submit_zeroes(request);
	}
	const bool writes = request.kind == FuseRequest::Kind::write ||
			    request.kind == FuseRequest::Kind::zeroes;
	answer(request);
	if (writes)
		write_ended();
	--at_work_;
	request.next = free_;
	free_ = &request;
}

void FuseFile::write_ended()
{
	gate_.leave();
	while (FuseRequest *next = gate_.next([this](const FuseRequest &one) { return aligned(one); }))
		start_write(*next);
}

void FuseFile::answer(FuseRequest &request)
{
	const int error = host::errno_of(request.status);
	if (error || request.kind == FuseRequest::Kind::flush ||
	    request.kind == FuseRequest::Kind::zeroes) {
		reply(request, error);
	} else if (request.kind == FuseRequest::Kind::read) {
		reply(request, 0, request.payload + request.offset % block_, request.bytes);
	} else {
		const fuse_write_out out = {static_cast<u32>(request.bytes), 0};
		std::memcpy(request.payload, &out, sizeof(out));
		reply(request, 0, request.payload, sizeof(out));
	}
}

// In one piece: its head goes in front of the data, where there is room for it. It may come too late.
void FuseFile::reply(const FuseRequest &request, int error, u8 *data, u64 bytes)
{
	const fuse_out_header head = {static_cast<u32>(sizeof(head) + bytes), -error, request.unique};
	u8 *const at = (data ? data : request.payload) - sizeof(head);
	std::memcpy(at, &head, sizeof(head));
	(void)!::write(descriptor, at, head.len);
}

}  // namespace remap::frontend
