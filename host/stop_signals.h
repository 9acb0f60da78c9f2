// SPDX-License-Identifier: GPL-2.0-or-later
// StopSignals: SIGTERM, SIGINT and SIGHUP as events of a reactor.
#pragma once

#include <functional>

#include "host/reactor.h"

namespace remap::host {

class StopSignals final : public Completion {
public:
	// Calls `stop` in the reactor's thread for each one that arrives. REQUIRES: block() was
	// called.
	StopSignals(Reactor &reactor, std::function<void()> stop);
	~StopSignals();
	// In this thread and those it starts.
	static void block();

private:
	void arm();
	void done(int) override;

	Reactor &reactor_;
	std::function<void()> stop_;
	int fd_;
};

} // namespace remap::host
