// SPDX-License-Identifier: GPL-2.0-or-later
// NBD clients: a server on image files, some of whose sectors are bad, and in each execution one
// connection. Either the input is what the client sends, or commands are made of it, behind a handshake
// that fits. Whatever comes, the connection ends and the server goes on; in the second case, too, each
// command is answered once.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "frontend/nbd_server.h"
#include "host/unix_socket.h"

using namespace remap;
using namespace remap::frontend;
namespace wire = remap::frontend::nbd;

namespace {

constexpr off_t kFileBytes = off_t{64} << 20;
constexpr int kPatience = 20000; // milliseconds
constexpr usize kUnit = 8;	 // bytes of the input for a command

void require(bool condition, const char *what)
{
	if (condition)
		return;
	std::fprintf(stderr, "broken promise: %s\n", what);
	std::abort();
}

// The server lives in a thread of its own as long as the process.
class World {
public:
	World()
	{
		char name[] = "/dev/shm/fuzz-nbd-XXXXXX"; // in memory
		require(mkdtemp(name), "a directory in /dev/shm");
		directory_ = name;
		std::unique_lock<std::mutex> held(mutex_);
		std::thread([this] { serve(); }).detach();
		changed_.wait(held, [this] { return ready_; });
	}
	int connect()
	{
		const int fd = host::connect_to_socket(socket());
		require(fd >= 0, "the server takes connections");
		return fd;
	}
	~World()
	{
		unlink(socket().c_str());
		rmdir(directory_.c_str());
	}

private:
	std::string socket() const { return directory_ + "/nbd"; }
	std::string make_file(const char *name)
	{
		const std::string path = directory_ + "/" + name;
		const int fd = open(path.c_str(), O_RDWR | O_CREAT, 0600);
		require(fd >= 0 && ftruncate(fd, kFileBytes) == 0, "a file in /dev/shm");
		close(fd);
		return path;
	}
	void serve()
	{
		const std::string main_path = make_file("main");
		const std::string spare_path = make_file("spare");
		host::DeviceFile main(main_path, host::Access::read_write);
		host::DeviceFile spare(spare_path, host::Access::read_write);
		unlink(main_path.c_str());
		unlink(spare_path.c_str());
		host::Faults faults;
		for (Sector at = 64; at < 8192; at += 512)
			faults.add(at, 8);
		host::Reactor reactor;
		host::ServingHost host(reactor, main, spare, faults, "fuzz");
		host::Volume volume(reactor, host);
		Refusal why;
		require(volume.open({main.sectors(), spare.sectors(), 1, 8}, {}, why).ok(), "open");
		volume.begin();
		wire::Server server(volume, {"fuzz", u64{kFileBytes}, 512},
				    host::listen_on_socket(socket(), 0600));
		reactor.each_turn.push_back([&] { server.each_turn(); });
		{
			const std::lock_guard<std::mutex> held(mutex_);
			ready_ = true;
			changed_.notify_one();
		}
		reactor.run();
	}

	std::string directory_;
	std::mutex mutex_;
	std::condition_variable changed_;
	bool ready_ = false;
};

// Sends all of it and returns what was answered, up to the end of the connection.
std::string talk(int fd, const std::string &text)
{
	std::string answer;
	usize sent = 0;
	if (text.empty())
		shutdown(fd, SHUT_WR);
	for (;;) {
		pollfd look = {fd, static_cast<short>(POLLIN | (sent < text.size() ? POLLOUT : 0)), 0};
		require(poll(&look, 1, kPatience) == 1, "the connection ends");
		if (look.revents & POLLOUT && sent < text.size()) {
			const ssize_t done = send(fd, text.data() + sent, text.size() - sent,
						  MSG_NOSIGNAL | MSG_DONTWAIT);
			sent = done < 0 ? text.size() : sent + static_cast<usize>(done);
			if (sent == text.size())
				shutdown(fd, SHUT_WR);
		}
		if (!(look.revents & (POLLIN | POLLHUP | POLLERR)))
			continue;
		char more[65536];
		const ssize_t got = recv(fd, more, sizeof(more), MSG_DONTWAIT);
		if (got <= 0)
			return answer;
		answer.append(more, static_cast<usize>(got));
	}
}

// ---- commands made of the input ----

void put_option(std::string *out, u32 option, const std::string &data)
{
	wire::put<u64>(out, wire::kOptionMagic);
	wire::put<u32>(out, option);
	wire::put<u32>(out, static_cast<u32>(data.size()));
	*out += data;
}

std::string handshake(bool structured, bool contexts)
{
	std::string text;
	wire::put<u32>(&text, wire::kClientFlags);
	if (structured || contexts)
		put_option(&text, wire::kStructuredReply, "");
	if (contexts) {
		std::string queries;
		wire::put<u32>(&queries, 0);
		wire::put<u32>(&queries, 2);
		for (const char *name : {"base:allocation", "dm-remap:state"}) {
			wire::put<u32>(&queries, static_cast<u32>(std::string(name).size()));
			queries += name;
		}
		put_option(&text, wire::kSetContexts, queries);
	}
	put_option(&text, wire::kGo, std::string(6, '\0'));
	return text;
}

// Commands that must be answered, by their cookies.
using Awaited = std::map<u64, u32>; // cookie: type

// Up to three slices; more only takes longer.
u32 length_of(const u8 *unit)
{
	const u32 number = unit[4] | (unit[5] & 5u) << 8;
	return unit[6] & 2 ? number : number * 512;
}

std::string commands(const u8 *data, usize bytes, Awaited *awaited)
{
	std::string text;
	for (u64 cookie = 1; bytes >= kUnit; ++cookie, data += kUnit, bytes -= kUnit) {
		const u16 type = data[0] % 9;
		const u64 offset = u64{data[2] | u32{data[3]} << 8} * 512 + (data[6] & 1);
		const u32 length = length_of(data);
		wire::put<u32>(&text, wire::kRequestMagic);
		wire::put<u16>(&text, data[1]);
		wire::put<u16>(&text, type);
		wire::put<u64>(&text, cookie);
		wire::put<u64>(&text, offset);
		wire::put<u32>(&text, length);
		if (type == wire::kDisconnect)
			return text;
		if (type == wire::kWrite)
			text.append(length, static_cast<char>(data[7]));
		(*awaited)[cookie] = type;
	}
	return text;
}

// Reads words off the front of an answer.
class Reader {
public:
	explicit Reader(const std::string &text) : text_(text) {}
	template <class Word> Word word()
	{
		require(text_.size() - at_ >= sizeof(Word), "an answer is whole");
		at_ += sizeof(Word);
		return wire::get<Word>(text_.data() + at_ - sizeof(Word));
	}
	void skip(u64 bytes)
	{
		require(bytes <= text_.size() - at_, "an answer is whole");
		at_ += bytes;
	}
	bool end() const { return at_ == text_.size(); }

private:
	const std::string &text_;
	usize at_ = 0;
};

void read_handshake(Reader &in)
{
	require(in.word<u64>() == wire::kMagic, "the greeting");
	in.skip(10);
	u32 option, type;
	do {
		require(in.word<u64>() == wire::kOptionReplyMagic, "an option's reply");
		option = in.word<u32>();
		type = in.word<u32>();
		in.skip(in.word<u32>());
		require(!(type & 0x80000000), "what is right is not refused");
	} while (option != wire::kGo || type != wire::kAck);
}

void read_answers(Reader &in, const std::map<u64, u32> &lengths, Awaited *awaited)
{
	while (!in.end()) {
		const u32 magic = in.word<u32>();
		const bool chunk = magic == wire::kChunkMagic;
		require(chunk || magic == wire::kSimpleReplyMagic, "a reply's magic");
		const u32 first = chunk ? in.word<u16>() : in.word<u32>(); // flags, or the error
		if (chunk)
			(void)in.word<u16>();
		const auto asked = awaited->find(in.word<u64>());
		require(asked != awaited->end(), "a command is answered once");
		if (chunk)
			in.skip(in.word<u32>());
		else if (asked->second == wire::kRead && !first)
			in.skip(lengths.at(asked->first));
		if (!chunk || first & wire::kDone)
			awaited->erase(asked);
	}
}

// Of the reads, how much each wants.
std::map<u64, u32> lengths_of(const u8 *data, usize bytes)
{
	std::map<u64, u32> lengths;
	for (u64 cookie = 1; bytes >= kUnit; ++cookie, data += kUnit, bytes -= kUnit)
		lengths[cookie] = length_of(data);
	return lengths;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, usize bytes)
{
	static World world;
	if (!bytes)
		return 0;
	const u8 mode = data[0];
	++data;
	--bytes;
	const int fd = world.connect();
	if (mode & 1) {
		(void)talk(fd, std::string(reinterpret_cast<const char *>(data), bytes));
	} else {
		Awaited awaited;
		std::string text = handshake(mode & 2, mode & 4);
		text += commands(data, bytes, &awaited);
		const std::string answer = talk(fd, text);
		Reader in(answer);
		read_handshake(in);
		read_answers(in, lengths_of(data, bytes), &awaited);
		require(awaited.empty(), "each command is answered");
	}
	close(fd);
	return 0;
}
