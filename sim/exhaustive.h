// SPDX-License-Identifier: GPL-2.0-or-later
// Every workload of up to three operations on a small set, cut off before every write and flush,
// with every subset of what was not stable surviving, up to a bound.
#pragma once

#include "sim/campaign.h"

namespace remap::sim {

class Exhaustive {
public:
	// Up to so many unflushed units all subsets are tried; beyond, none, all, each alone, each
	// missing, and some more.
	static constexpr u32 kAllSubsets = 7;

	static u64 workloads();
	// All crash points of one workload.
	static Tally run(u64 workload, std::optional<Bug> bug);
	// The trace of its first run that breaks a promise.
	static std::optional<Trace> find(u64 workload, std::optional<Bug> bug);
};

} // namespace remap::sim
