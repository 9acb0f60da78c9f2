// SPDX-License-Identifier: GPL-2.0-or-later
// Making a set on one spare or several.
#pragma once

#include "tools/dmremap/permission.h"

namespace dmremap {

struct FormatArguments {
	std::string main;
	std::vector<std::string> spares;
	std::string main_id; // what main is to be known by; empty: find out
	bool no_main_id = false;
	remap::u64 max_extents = 0; // 0: one for each 4 KiB of all spares
	Permission permission;
	Consent consent;

	void add_options(CLI::App &command);
	// WWN or serial number of main, as given or as sysfs has it; empty: there is none, or it is
	// not wanted. Throws Failure when what was given cannot be stored.
	std::string identity() const;
};

// Says what it is going to do, asks, and does it. Returns the UUID of the new set; empty: --dry-run.
std::string format_spare(const FormatArguments &given);

}  // namespace dmremap
