// SPDX-License-Identifier: GPL-2.0-or-later
// The health score: 100 is a disk of which nothing bad is known, 0 one to replace today.
//
//	100 - 40 * used share of the spare
//	    - 30 * min(1, lost or pending sectors / 1000), at least 1 when there are any
//	    - 30 * min(1, errors that went upward / 100), at least 1 when there are any
//
// Monotone in each input: more of anything bad never raises it.
#pragma once

#include "core/base/bits.h"
#include "core/base/types.h"

namespace remap {

struct HealthInputs {
	u64 spare_used = 0;
	u64 spare_total = 1;
	u64 unreadable_sectors = 0; // lost and pending
	u64 errors = 0;             // reads, writes and flushes that failed upward
};

// `value` of `full` as a share of `weight`, rounded up so that any is seen.
constexpr u32 penalty(u64 value, u64 full, u32 weight)
{
	if (value >= full)
		return weight;
	return static_cast<u32>(div_round_up(value * weight, full));
}

constexpr u32 health_score(const HealthInputs &inputs)
{
	return 100 - penalty(inputs.spare_used, inputs.spare_total, 40) -
	       penalty(inputs.unreadable_sectors, 1000, 30) - penalty(inputs.errors, 100, 30);
}

constexpr const char *health_word(u32 score)
{
	return score >= 95	 ? "EXCELLENT"
	       : score >= 80 ? "GOOD"
	       : score >= 60 ? "FAIR"
	       : score >= 40 ? "POOR"
				 : "CRITICAL";
}

}  // namespace remap
