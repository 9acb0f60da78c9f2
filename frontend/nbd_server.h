// SPDX-License-Identifier: GPL-2.0-or-later
// NBD on a Unix socket or on the loopback address.
#pragma once

#include <list>
#include <string>

#include "frontend/nbd_connection.h"

namespace remap::frontend::nbd {

class Server final : private host::Completion {
public:
	static constexpr u32 kMaxConnections = 16;

	// `listener` is a socket that listens; taken over.
	Server(host::Volume &volume, const Export &shown, int listener);
	~Server();

	host::Volume &volume() { return volume_; }
	const Export &shown() const { return shown_; }
	// Takes no further connections, and ends those that there are.
	void finish();
	bool over() const
	{
		return finishing_ && !accepting_ && !pausing_ && connections_.empty();
	}
	// Looks, in this turn, which connections are over.
	void look() { looks_ = true; }
	void each_turn();

private:
	// After an accept that failed, which the next one would too: when descriptors are used up.
	struct Pause final : host::Completion {
		explicit Pause(Server &owner) : server(owner) {}
		void done(int result) override;
		Server &server;
	};

	void accept();
	void pause();
	void done(int result) override;

	host::Volume &volume_;
	Export shown_;
	int listener_;
	Pause pause_{*this};
	bool accepting_ = false;
	bool pausing_ = false;
	bool finishing_ = false;
	bool looks_ = false;
	std::list<Connection> connections_;
};

// A socket that listens on 127.0.0.1. Throws OpenFailure: EADDRINUSE when somebody else does already.
int listen_on_port(u16 port);

}  // namespace remap::frontend::nbd
