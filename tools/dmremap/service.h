// SPDX-License-Identifier: GPL-2.0-or-later
// A set that is served until somebody asks for its end.
#pragma once

#include <string>
#include <vector>

#include "core/engine/policy.h"
#include "core/journal/journal.h"

namespace dmremap {

struct ServiceArguments {
	std::string main;
	std::vector<std::string> spares;
	std::string name = "remap";
	std::string socket, control;  // paths; empty: in the run directory, by the name
	std::vector<std::string> bad; // sectors of main that are to fail: N or FIRST-LAST
	remap::u32 port = 0;	      // of 127.0.0.1, instead of a socket
	remap::Policy policy;
	std::string device = "auto";  // beside NBD: auto, ublk, loop, file or none
};

// Prints the address when it serves; returns after a signal, or when it was told to stop. Throws
// Failure.
void run_service(const ServiceArguments &given, const remap::Terms &terms);

} // namespace dmremap
