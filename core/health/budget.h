// SPDX-License-Identifier: GPL-2.0-or-later
// Budget: how many remaps the core decides on by itself in a while.
//
// A window begins with its first remap and lasts for the seconds given. The first remap after its
// end begins the next one, with the whole budget. What is left over is not carried on.
#pragma once

#include "core/base/atomic.h"
#include "core/base/types.h"

namespace remap {

class Budget {
public:
	// Whether `more` of `remaps` in `seconds` are left, if so many are about to be taken. Under the
	// writer's lock.
	bool allows(u64 now, u32 remaps, u32 seconds, u32 more) const
	{
		return used(now, seconds) + u64{more} <= remaps;
	}
	// Under the writer's lock: so many were made. Whether that began a window.
	bool take(u64 now, u32 seconds, u32 made)
	{
		const bool begins = made && !within(now, seconds);
		if (begins) {
			began_.store_relaxed(now);
			used_.store_relaxed(0);
			begun_.store_relaxed(true);
		}
		used_.add_relaxed(made);
		return begins;
	}
	// Any context.
	u32 used(u64 now, u32 seconds) const
	{
		return within(now, seconds) ? used_.load_relaxed() : 0;
	}

private:
	bool within(u64 now, u32 seconds) const
	{
		return begun_.load_relaxed() && now - began_.load_relaxed() < seconds;
	}

	Atomic<u64> began_;
	Atomic<u32> used_;
	Atomic<bool> begun_;
};

}  // namespace remap
