// SPDX-License-Identifier: GPL-2.0-or-later
// FenceSet: the ranges of main to which new I/O is held back while their place changes.
//
// One writer opens and closes fences; the I/O path reads them without a lock. A reader may see a
// fence half written. That is harmless: open() is followed by the host's drain(), which waits for
// every reader that began before the fence was complete and for the I/O that it sent; and one that
// holds back without need asks covers() again under the lock of the host's list before it waits.
#pragma once

#include "core/base/atomic.h"
#include "core/base/bits.h"
#include "core/base/check.h"
#include "core/base/types.h"

namespace remap {

class FenceSet {
public:
	static constexpr u32 kFences = 16;

	// Any context. One load when nothing is fenced.
	bool any() const { return open_.load_acquire() != 0; }

	// Whether [start, +*length) touches a fence. If it begins inside one, *length is cut to the
	// fence's end and *inside is set; else it is cut to the first fence's start.
	bool covers(Sector start, u32 *length, bool *inside) const
	{
		bool touched = false;
		*inside = false;
		for (u32 open = open_.load_acquire(); open; open &= open - 1) {
			const Range &range = ranges_[lowest_bit(open)];
			const Sector first = range.first.load_relaxed();
			const Sector end = range.end.load_relaxed();
			if (start >= end || first >= start + *length)
				continue;
			touched = true;
			*inside = first <= start;
			*length = static_cast<u32>(*inside ? min_of<u64>(*length, end - start)
							   : first - start);
			if (*inside)
				break;
		}
		return touched;
	}

	// Writer. Returns the fence's number. REQUIRES: fewer than kFences are open.
	u32 open(Sector first, u64 length)
	{
		const u32 free = ~open_.load_relaxed();
		const u32 number = lowest_bit(free);
		REMAP_CHECK(number < kFences);
		ranges_[number].first.store_relaxed(first);
		ranges_[number].end.store_relaxed(first + length);
		open_.store_release(open_.load_relaxed() | 1u << number);
		return number;
	}

	// Writer.
	void close(u32 number) { open_.store_release(open_.load_relaxed() & ~(1u << number)); }

private:
	struct Range {
		Atomic<Sector> first;
		Atomic<Sector> end;
	};

	Atomic<u32> open_;
	Range ranges_[kFences];
};

}  // namespace remap
