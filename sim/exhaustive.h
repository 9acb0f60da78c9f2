// SPDX-License-Identifier: GPL-2.0-or-later
// Every workload of up to three operations on a small set, cut off before every write and flush and
// at its end, with every subset of what was not stable surviving, up to a bound. For the shorter
// ones the power fails again before every write and flush of the recovery.
#pragma once

#include "sim/campaign.h"

namespace remap::sim {

class Exhaustive {
public:
	static constexpr u32 kOperations = 3;
	// Up to so many unflushed units all subsets are tried; beyond, none, all, each alone, each
	// missing, and so many more.
	static constexpr u32 kAllSubsets = 7;
	static constexpr u32 kMoreSubsets = 24;
	// Of the workloads with up to so many operations the power fails in the recovery as well.
	// Before that none or all of what was not flushed survives, then none, all, or every other
	// unit.
	static constexpr u32 kAgainOperations = 2;

	Exhaustive(u32 again_operations, std::optional<Bug> bug)
	    : again_(workloads(again_operations)), bug_(bug)
	{
	}

	// How many there are of up to so many operations.
	static u64 workloads(u32 operations);
	// All crash points of one workload.
	Tally run(u64 workload) const;
	// The trace of its first run that breaks a promise.
	std::optional<Trace> find(u64 workload) const;

private:
	template <class Visitor> void for_each_run(u64 workload, Visitor visit) const;

	u64 again_; // workloads
	std::optional<Bug> bug_;
};

} // namespace remap::sim
