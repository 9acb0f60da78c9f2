// SPDX-License-Identifier: GPL-2.0-or-later
// Plan: what a set-up is going to make, found out and checked before anything is made.
#pragma once

#include <string>

#include "tools/dm-remap-loopback-setup/actions.h"
#include "tools/dm-remap-loopback-setup/image_file.h"
#include "tools/dm-remap-loopback-setup/table.h"

namespace dmremap::loopback {

struct Plan {
	ImageFile main, spare;
	uint32_t sector_bytes = 0;
	bool sparse = true;
	Chosen bad;
	std::string set; // the set that an existing spare holds; empty: none

	// Reads only. Throws Failure.
	static Plan make(const Options &options);

	uint64_t sectors() const { return main.bytes / sector_bytes; }
	// `device` and `spare_device` are loop devices.
	Table linear_table(const std::string &device) const;
	Table remap_table(const std::string &spare_device) const;
	// What is made of what, a line each.
	std::string text(const std::string &main_loop, const std::string &spare_loop) const;
};

}  // namespace dmremap::loopback
