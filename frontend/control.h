// SPDX-License-Identifier: GPL-2.0-or-later
// The control socket of a served device: what dmsetup is to a mapped one.
//
// A request is a line, its answer "<errno> <bytes>", a line end, and so many bytes of text: the reply,
// or the sentence of a refusal. Requests are "message WORD...", "status", "table", "events", "events
// N" and "stop". "events" answers how many events there were, "events N" when they are not N any more. Each
// client has a thread, so messages that come together share a commit; when he hangs up, his message
// ends at its next step.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "host/volume.h"

namespace remap::frontend {

class Control {
public:
	// `listener` is a socket that listens; taken over. `devices` are main and the spares, as the table
	// names them. stop() is called in a thread of its own; it says why it cannot be done now.
	Control(host::Volume &volume, int listener, const std::vector<std::string> &devices,
		std::function<std::string()> stop);
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
	std::string table();
	std::string message(const std::string &words);
	std::string events(const std::string &seen);

	host::Volume &volume_;
	int listener_;
	const std::vector<std::string> devices_;
	std::function<std::string()> stop_;
	std::mutex mutex_;
	std::list<std::unique_ptr<Client>> clients_; // under mutex_
	bool finishing_ = false;		      // under mutex_
	std::thread thread_;
};

}  // namespace remap::frontend
