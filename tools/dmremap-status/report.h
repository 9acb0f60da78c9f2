// SPDX-License-Identifier: GPL-2.0-or-later
// Report: what is known of a device at one moment, whoever told it. What nobody told is empty: no
// figure is ever made up, and no format prints one that is not here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dmremap {

using Number = std::optional<uint64_t>;

// How long I/O took and how much it moved, since measuring began.
struct Timing {
	Number ios;	   // ended
	Number total_ns;   // the sum over all of them
	Number average_ns; // empty also when none has ended
	Number bytes_per_second;

	bool known() const { return ios.has_value(); }
};

// Of the set on the spare; only a live device tells all of it.
struct Metadata {
	std::string set;
	Number epoch, generation, copies, used, total;
	std::vector<std::string> flags;
};

struct Report {
	std::string raw; // the status line as it came
	std::string name; // of the mapped device; empty: from a file that does not say it
	std::string version, target, main, spare;
	uint64_t sectors = 0;
	Number block_bytes;
	Number spare_sectors; // what a remap can be put on
	Number spare_used;

	Number reads, writes;
	Number remaps; // ever made, or since clear_stats
	uint64_t errors = 0;
	Timing timing;

	uint64_t extents = 0;
	Number total_ios, normal_ios, remapped_ios;
	uint64_t remapped_sectors = 0;
	Number lost, pending;

	uint32_t score = 0;
	Number hotspots, health_scans; // the predecessor's
	std::string state; // "operational", or what is wrong
	std::string mode;
	Number cache_hit_percent; // the predecessor's

	Metadata metadata;
	std::string last_error;
	bool live = false;

	bool predecessor() const { return target == "dm-remap-v4"; }
};

}  // namespace dmremap
