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
	// Under the writer's lock. Takes one of `remaps` in `seconds`; *first: it began a window.
	// false: none is left.
	bool take(u64 now, u32 remaps, u32 seconds, bool *first)
	{
		*first = !begun_.load_relaxed() || now - began_.load_relaxed() >= seconds;
		if (*first) {
			if (!remaps)
				return false;
			began_.store_relaxed(now);
			used_.store_relaxed(0);
			begun_.store_relaxed(true);
		}
		if (used_.load_relaxed() >= remaps)
			return false;
		used_.add_relaxed(1);
		return true;
	}
	// Any context.
	u32 used(u64 now, u32 seconds) const
	{
		const bool inside = begun_.load_relaxed() && now - began_.load_relaxed() < seconds;
		return inside ? used_.load_relaxed() : 0;
	}

private:
	Atomic<u64> began_;
	Atomic<u32> used_;
	Atomic<bool> begun_;
};

}  // namespace remap
