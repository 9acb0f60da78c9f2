// SPDX-License-Identifier: GPL-2.0-or-later
// History: how much of the spare was in use, and when, as far back as a forecast looks.
//
// A point is added when the use has changed, but not within kSpacing of the last one: a bad track is
// one event, not five hundred. The oldest gives way. It lives in memory only, and begins anew with
// each load.
//
// Readers take no lock. As in last_error.h there are two slots, and the writer fills the one that is
// not shown.
#pragma once

#include "core/base/atomic.h"
#include "core/base/types.h"

namespace remap {

class History {
public:
	static constexpr u32 kPoints = 32;
	static constexpr u64 kSpacing = 60; // seconds

	struct Point {
		u64 seconds;
		u64 used; // sectors
	};
	struct Points {
		Point point[kPoints];
		u32 count = 0;
		// The oldest gives way.
		void add(const Point &next)
		{
			if (count == kPoints) {
				for (u32 i = 1; i < kPoints; ++i)
					point[i - 1] = point[i];
				--count;
			}
			point[count++] = next;
		}
	};

	// One at a time. The first call after begin() is the first point, whatever the use.
	void note(u64 now, u64 used)
	{
		if (points_.count) {
			const Point &last = points_.point[points_.count - 1];
			if (used == last.used || now - last.seconds < kSpacing)
				return;
		}
		points_.add({now, used});
		show();
	}
	// One at a time. Forgets all.
	void begin()
	{
		points_.count = 0;
		show();
	}

	// Any context.
	Points get() const
	{
		Points points;
		u32 shown;
		do {
			shown = shown_.load_acquire();
			const Slot &slot = slots_[shown % 2];
			points.count = slot.count.load_relaxed();
			for (u32 i = 0; i < kPoints; ++i)
				points.point[i] = {slot.seconds[i].load_relaxed(),
						   slot.used[i].load_relaxed()};
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
		} while (filling_.load_relaxed() - shown > 1);
		return points;
	}

private:
	struct Slot {
		Atomic<u64> seconds[kPoints];
		Atomic<u64> used[kPoints];
		Atomic<u32> count;
	};

	void show()
	{
		const u32 next = shown_.load_relaxed() + 1;
		Slot &slot = slots_[next % 2];
		// Before the slot changes; pairs with the fence in get().
		filling_.store_relaxed(next);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		slot.count.store_relaxed(points_.count);
		for (u32 i = 0; i < points_.count; ++i) {
			slot.seconds[i].store_relaxed(points_.point[i].seconds);
			slot.used[i].store_relaxed(points_.point[i].used);
		}
		shown_.store_release(next);
	}

	Points points_; // the writer's
	Atomic<u32> shown_;
	Atomic<u32> filling_; // the last that was begun
	Slot slots_[2];
};

}  // namespace remap
