// SPDX-License-Identifier: GPL-2.0-or-later
// The control socket of a served device: what dmsetup is to a mapped one.
//
// A request is a line, its answer "<errno> <bytes>", a line end, and so many bytes of text: the reply,
// or the sentence of a refusal. Requests are "message WORD...", "status", "table", "events", "events N",
// "reload", "reload PATH" and "stop". "events" answers how many events there were, "events N" when they are
// not N any more. "reload" goes on with the spares that the set uses, or knows as gone; with a PATH, with
// those in use and that one; with "-" for a path, with those in use alone. Messages end early for it, and
// who asks something meanwhile is answered afterwards. Each client has a thread, so
// messages that come together share a commit; when he hangs up, his message ends at its next step.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "host/volume.h"

namespace remap::frontend {

struct Reply {
	int error = 0; // an errno
	std::string text;
};

class Control {
public:
	// `listener` is a socket that listens; taken over. stop() and reload() are called in threads of
	// their own; stop() says why it cannot be done now.
	Control(host::Volume &volume, int listener, std::function<std::string()> stop,
		std::function<Reply(const std::string &path)> reload);
	Control(const Control &) = delete;
	Control &operator=(const Control &) = delete;
	~Control();

	// Waits until all messages have ended. After Volume::presuspend().
	void finish();

private:
	struct Client;

	void accept_all();
	void begin(int fd);
	void tell_refused();
	void serve(Client &client);
	std::string answer(const std::string &line);
	std::string status();
	std::string table();
	std::string reload(const std::string &path);
	std::string message(const std::string &words);
	std::string events(const std::string &seen);

	host::Volume &volume_;
	int listener_;
	std::function<std::string()> stop_;
	std::function<Reply(const std::string &)> reload_;
	std::mutex mutex_;
	std::list<std::unique_ptr<Client>> clients_; // under mutex_
	bool finishing_ = false;		      // under mutex_
	std::thread thread_;
};

}  // namespace remap::frontend
