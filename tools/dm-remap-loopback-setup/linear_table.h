// SPDX-License-Identifier: GPL-2.0-or-later
// The table that makes sectors bad: linear segments over the good ones, error segments over the bad
// ones, and back from a table to the sectors that are bad.
#pragma once

#include <cstdint>
#include <string>

#include "tools/dm-remap-loopback-setup/bad_sectors.h"
#include "tools/dm-remap-loopback-setup/table.h"

namespace dmremap::loopback {

// What such a table says.
struct LinearTable {
	std::string device;	    // below it; empty: every sector is bad
	uint64_t sector_bytes = 0;  // of `sectors` and `bad`
	uint64_t sectors = 0;
	BadSectors bad;

	// Throws Failure when there would be too many segments.
	Table table() const;
	// Throws Failure when `table`, of the device `name`, is no table of this kind.
	static LinearTable parse(const Table &table, const std::string &name, uint64_t sector_bytes);
};

}  // namespace dmremap::loopback
