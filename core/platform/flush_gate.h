// SPDX-License-Identifier: GPL-2.0-or-later
// FlushGate: keeps the flushes of a device that are the users' apart from those that are the core's.
//
// A device tells of a write that it lost once, to one of the flushes that are under way then; which
// of them ends first says nothing. So of a flush of the core's and one of a user's never are two
// under way: what one was told, is known before the other begins. Users' flushes run side by side.
#pragma once

#include "core/base/atomic.h"
#include "core/base/types.h"

namespace remap {

class FlushGate {
public:
	// A user's flush is about to be sent. false: it has to wait, and to ask again when the gate
	// has opened. Any context.
	bool enter()
	{
		for (;;) {
			const u32 now = word_.load_acquire();
			const bool closed = now & kClosed;
			if (word_.replace(now, closed ? now | kRefused : now + 1))
				return !closed;
		}
	}
	// It has ended. Whether the core waits for just that. Any context.
	bool leave() { return (word_.fetch_sub(1) & ~kRefused) == kClosed + 1; }

	// Lets nobody in; those who are inside leave one by one. Writer context, as what follows.
	void close() { word_.fetch_or(kClosed); }
	bool empty() const { return !(word_.load_acquire() & ~(kClosed | kRefused)); }
	// Whether somebody was refused meanwhile.
	bool open() { return word_.fetch_and(~(kClosed | kRefused)) & kRefused; }

private:
	static constexpr u32 kClosed = 1u << 31;
	static constexpr u32 kRefused = 1u << 30;

	Atomic<u32> word_; // the users' flushes under way, and two flags
};

}  // namespace remap
