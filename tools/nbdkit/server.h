// SPDX-License-Identifier: GPL-2.0-or-later
// Server: the set that the plugin serves, from its parameters to its end.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "frontend/control.h"
#include "tools/dmremap/serving_set.h"
#include "tools/dmremap/sockets.h"

namespace dmremap {

struct Parameters {
	std::string main;
	std::vector<std::string> spares;
	std::string set;		    // UUID; empty: what is on the spares
	std::optional<std::string> main_id; // empty: by its size alone; none: WWN or serial number
	std::string name, control;	    // both empty: no control socket
	std::vector<std::string> bad;	    // as --fail-sectors
	std::vector<std::string> features;  // what is done about errors, as words of a table line
};

class Server {
public:
	// Before nbdkit goes into the background: takes the devices and opens the set. Throws Failure.
	Server(const Parameters &given, std::function<void()> stop);
	// After that: takes it into service. Throws Failure.
	void begin();
	// No client is left: ends the service, and marks the set as closed.
	void end();

	remap::host::Volume &volume() { return set_->volume(); }

private:
	void run(std::function<void(const std::string &)> ready);
	void listen(const Parameters &given);
	std::string asked_to_stop();
	remap::frontend::Reply reload(const std::string &path);

	const std::string name_;
	const std::function<void()> stop_;
	remap::host::Reactor reactor_{remap::host::Reactor::Ring::later};
	std::optional<ServingSet> set_;
	Sockets sockets_;
	int listener_ = -1;
	std::optional<remap::frontend::Control> control_;
	std::atomic<bool> ending_{false};
	std::thread thread_;
};

}  // namespace dmremap
