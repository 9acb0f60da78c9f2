// SPDX-License-Identifier: GPL-2.0-or-later
// The health score: 100 is a disk of which nothing bad is known, 0 one to replace today.
//
//	100 - 30 * used share of the spare
//	    - 20 * min(1, lost or pending sectors / 1000)
//	    - 20 * min(1, errors that went upward / 100)
//	    - 10 * min(1, bad sectors of the spare / 1000)
//	    - 10 * the part of 30 days by which the spare is full earlier, if its use goes on growing
//	    - 10, or 60 if nothing can be recorded any more, when metadata or spare are short of
//	      something
//
// and not below 0. What is subtracted is rounded up, so that any of it is seen. Monotone in each
// input: more of anything bad never raises it.
#pragma once

#include "core/base/bits.h"
#include "core/base/types.h"
#include "core/health/forecast.h"

namespace remap {

// How far the set can do its work; in the words of the status line.
enum class Mode : u8 { ok, degraded, readonly };

struct HealthInputs {
	u64 spare_used = 0;
	u64 spare_total = 1;
	u64 unreadable_sectors = 0; // lost and pending
	u64 errors = 0;             // reads, writes and flushes that failed upward
	u64 bad_places = 0;         // sectors of the spare
	u64 full_seconds = Forecast::kNever;
	Mode mode = Mode::ok;
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
	constexpr u64 kFar = 30 * Forecast::kDay;
	const u64 earlier = kFar - min_of(inputs.full_seconds, kFar);
	const u32 less = penalty(inputs.spare_used, inputs.spare_total, 30) +
			 penalty(inputs.unreadable_sectors, 1000, 20) +
			 penalty(inputs.errors, 100, 20) +
			 penalty(inputs.bad_places, 1000, 10) + penalty(earlier, kFar, 10) +
			 (inputs.mode == Mode::ok ? 0 : inputs.mode == Mode::degraded ? 10 : 60);
	return 100 - min_of(less, 100u);
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
