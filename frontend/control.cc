// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/control.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <new>
#include <sstream>
#include <vector>

#include "core/base/word.h"

namespace remap::frontend {
namespace {

constexpr usize kMaxClients = 32;
constexpr usize kMaxLine = 4096;
constexpr usize kMaxReply = 65536;
constexpr usize kStatusRoom = 512;
// Until descriptors that are used up are looked for again.
constexpr std::chrono::milliseconds kPause(100);

std::string framed(int error, const std::string &text)
{
	return std::to_string(error) + ' ' + std::to_string(text.size()) + '\n' + text;
}

bool send_all(int fd, const std::string &text)
{
	for (usize done = 0; done < text.size();) {
		const ssize_t sent = send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		done += static_cast<usize>(sent);
	}
	return true;
}

// Without the line end; false: he has hung up, or talks too much.
bool read_line(int fd, std::string *buffer, std::string *line)
{
	for (;;) {
		const usize end = buffer->find('\n');
		if (end != std::string::npos) {
			*line = buffer->substr(0, end);
			buffer->erase(0, end + 1);
			return true;
		}
		char more[512];
		const ssize_t got = buffer->size() < kMaxLine ? recv(fd, more, sizeof(more), 0) : 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		buffer->append(more, static_cast<usize>(got));
	}
}

}  // namespace

struct Control::Client final : host::Caller {
	explicit Client(int fd) : socket(fd) {}
	~Client()
	{
		if (thread.joinable())
			thread.join();
		close(socket);
	}
	bool gone() override
	{
		pollfd look = {socket, POLLRDHUP, 0};
		return poll(&look, 1, 0) == 1 && look.revents & (POLLRDHUP | POLLHUP | POLLERR);
	}

	int socket;
	std::atomic<bool> over{false};
	std::thread thread;
};

Control::Control(host::Volume &volume, int listener, std::function<std::string()> stop,
		 std::function<Reply(const std::string &)> reload)
    : volume_(volume), listener_(listener), stop_(std::move(stop)), reload_(std::move(reload)),
      thread_([this] { accept_all(); })
{
}

Control::~Control()
{
	finish();
	close(listener_);
}

void Control::finish()
{
	{
		const std::lock_guard<std::mutex> held(mutex_);
		finishing_ = true;
		for (const auto &client : clients_)
			shutdown(client->socket, SHUT_RD);
	}
	shutdown(listener_, SHUT_RDWR);
	if (thread_.joinable())
		thread_.join();
	clients_.clear();
}

void Control::accept_all()
{
	for (;;) {
		const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			std::this_thread::sleep_for(kPause);
		const std::lock_guard<std::mutex> held(mutex_);
		clients_.remove_if([](const auto &client) { return client->over.load(); });
		if (fd < 0 && finishing_)
			return;
		if (fd < 0)
			continue;
		if (finishing_ || clients_.size() == kMaxClients) {
			close(fd);
			continue;
		}
		begin(fd);
	}
}

// Without memory for him and a thread he is refused; the others are served on.
void Control::begin(int fd)
{
	const usize before = clients_.size();
	std::unique_ptr<Client> made(new (std::nothrow) Client(fd));
	if (!made) {
		close(fd);
		return tell_refused();
	}
	Client &client = *made;
	try {
		clients_.push_back(std::move(made));
		client.thread = std::thread([this, &client] { serve(client); });
	} catch (const std::exception &) { // std::bad_alloc, or std::system_error of the thread
		clients_.resize(before);
		tell_refused();
	}
}

void Control::tell_refused()
{
	volume_.host().log_limited("warning: a client of the control socket is refused, for want of "
				   "memory");
}

void Control::serve(Client &client)
{
	host::ServingHost::caller = &client;
	std::string buffer, line;
	try {
		while (read_line(client.socket, &buffer, &line) &&
		       send_all(client.socket, answer(line))) {
		}
	} catch (const std::bad_alloc &) {
		tell_refused();
	}
	host::ServingHost::caller = nullptr;
	shutdown(client.socket, SHUT_RDWR);
	client.over.store(true);
}

std::string Control::answer(const std::string &line)
{
	const usize blank = line.find(' ');
	const std::string word = line.substr(0, blank);
	const std::string rest = blank == std::string::npos ? "" : line.substr(blank + 1);
	if (word == "message")
		return message(rest);
	if (word == "status")
		return framed(0, status());
	if (word == "table")
		return framed(0, table());
	if (word == "reload")
		return reload(rest);
	if (word == "stop") {
		const std::string reason = stop_();
		return framed(reason.empty() ? 0 : EBUSY, reason);
	}
	if (word == "events")
		return events(rest);
	return framed(EINVAL, "a request is message, status, table, events, reload or stop");
}

std::string Control::status()
{
	const host::Volume::Visit visit(volume_);
	char text[kStatusRoom];
	Text out(text, sizeof(text));
	out << u64{0} << ' ' << volume_.sectors() << " dm-remap ";
	volume_.engine().status_line(out);
	return text;
}

// The working directory of whoever asks is another one.
std::string Control::reload(const std::string &path)
{
	if (!path.empty() && path != "-" && path.front() != '/')
		return framed(EINVAL, path + " is no path from the root on");
	const Reply reply = reload_(path);
	return framed(reply.error, reply.text);
}

// Main and the first spare in front of the features, the other spares among them; `-` where the set goes on
// without the first.
std::string Control::table()
{
	const host::Volume::Visit visit(volume_);
	const auto path = [this](DeviceIndex device) -> const std::string & {
		return volume_.host().file(device).absolute_path();
	};
	std::vector<const char *> further;
	usize room = kStatusRoom;
	for (DeviceIndex device = kFirstSpare + 1; device < volume_.host().devices(); ++device) {
		further.push_back(path(device).c_str());
		room += sizeof(" spare ") + path(device).size();
	}
	std::vector<char> features(room);
	Text out(features.data(), features.size());
	volume_.engine().table_features(out, volume_.policy(), further.data(),
					static_cast<u32>(further.size()));
	const std::string first = volume_.engine().uses(kFirstSpare) ? path(kFirstSpare) : "-";
	return "0 " + std::to_string(volume_.sectors()) + " dm-remap " + path(kMainDevice) + ' ' + first +
	       (out.length() ? " " : "") + features.data();
}

std::string Control::events(const std::string &seen)
{
	host::ServingHost &host = volume_.host();
	if (seen.empty())
		return framed(0, std::to_string(host.events()));
	u64 before = 0;
	if (parse_number(seen.c_str(), &before) != NumberFault::none || before > 0xffffffff)
		return framed(EINVAL, "the number of events is not a number");
	for (;;) {
		const u32 count = host.wait_event(static_cast<u32>(before), kPause);
		if (count != before)
			return framed(0, std::to_string(count));
		if (host::ServingHost::caller->gone())
			return framed(ENODEV, "it is not served any more");
	}
}

std::string Control::message(const std::string &words)
{
	std::istringstream stream(words);
	std::vector<std::string> list;
	for (std::string word; stream >> word;)
		list.push_back(word);
	std::vector<char *> pointers;
	for (std::string &word : list)
		pointers.push_back(word.data());
	std::vector<char> reply(kMaxReply);
	host::ServingHost::last_line.clear();
	const host::Volume::Visit visit(volume_);
	const int result = volume_.engine().message(static_cast<u32>(pointers.size()),
						    pointers.data(), reply.data(), reply.size());
	return result < 0 ? framed(-result, host::ServingHost::last_line) : framed(0, reply.data());
}

}  // namespace remap::frontend
