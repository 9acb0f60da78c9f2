// SPDX-License-Identifier: GPL-2.0-or-later
// What the user asked dmremap-sim for.
#pragma once

#include <optional>
#include <string>

#include "sim/setup.h"

namespace remap::sim {

struct Options {
	enum class Mode : u8 { seeds, exhaustive, bugs, list_bugs, replay, help };

	Mode mode = Mode::seeds;
	std::optional<u64> seeds; // or workloads
	u64 first_seed = 1;
	u32 operations = 3; // of an exhaustive workload, at most
	u32 again = 2;	    // of one in which the power fails in the recovery as well
	u32 jobs = 1;
	std::optional<Bug> bug;
	std::string file;
	bool verbose = false;

	// nullopt: what was wrong is on stderr.
	static std::optional<Options> parse(int count, char **words);
	static const char *help();
};

} // namespace remap::sim
