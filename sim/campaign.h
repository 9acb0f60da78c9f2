// SPDX-License-Identifier: GPL-2.0-or-later
// Campaign: many runs on several processors, with a progress bar, until one breaks a promise or
// somebody interrupts it.
#pragma once

#include <functional>
#include <vector>

#include "sim/setup.h"

namespace remap::sim {

// What runs added up to; sent from the processes that do the work.
struct Tally {
	u64 items = 0;
	u64 runs = 0;
	u64 operations = 0;
	u64 crashes = 0;
	u64 torn = 0;
	u64 bad = 0;
	u64 given_up = 0;
	u64 too_short = 0;   // runs with less in them than is asked of a seed
	u64 broken[4] = {};  // by Promise
	u64 broken_item = 0; // the lowest that broke one
	Counts kinds;

	bool ok() const { return !broken[1] && !broken[2] && !broken[3]; }
	void add(const Findings &findings);
	void add(const Tally &other);
};

class Campaign {
public:
	using One = std::function<Tally(u64 item)>;

	Campaign(u32 jobs, bool progress) : jobs_(jobs), progress_(progress) {}

	// Calls one(item) for each of [first, first + count), in processes of its own, until an
	// item breaks a promise.
	Tally run(u64 first, u64 count, const One &one);
	// So many from the first on are done, without a gap.
	u64 done() const;
	static bool interrupted();

private:
	u64 item_of(u32 job, u64 round) const;
	u32 job_of(u64 item) const;
	Tally collect(int pipe, u64 first, u64 count);
	void show(u64 done, u64 count) const;
	void stop();

	u32 jobs_;
	bool progress_;
	std::vector<int> workers_;
	std::vector<u64> done_; // by worker, each of which goes from low items to high ones
};

} // namespace remap::sim
