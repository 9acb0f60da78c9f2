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
	static constexpr u32 kFences = 32;

	// Any context. One load when nothing is fenced.
	bool any() const { return state_.load_acquire() != 0; }

	// Whether [start, +*length) touches a fence. If it begins inside one, *length is cut to the
	// fence's end and *inside is set; else it is cut to the first fence's start.
	bool covers(Sector start, u32 *length, bool *inside) const
	{
		return find(state_.load_acquire() & kOpen, start, length, inside);
	}
	// The same for the ranges that are closed to writes.
	bool closed(Sector start, u32 *length, bool *inside) const
	{
		return find(state_.load_acquire() >> kFences, start, length, inside);
	}

	// Writer. Returns the fence's number. REQUIRES: fewer than kFences are open or closed to
	// writes.
	u32 open(Sector first, u64 length)
	{
		const u64 state = state_.load_relaxed();
		const u64 free = ~(state | state >> kFences) & kOpen;
		const u32 number = REMAP_CHECK(free) ? lowest_bit(free) : kFences - 1;
		ranges_[number].first.store_relaxed(first);
		ranges_[number].end.store_relaxed(first + length);
		state_.store_release(state | bit(number));
		return number;
	}

	// Writer.
	void close(u32 number) { state_.store_release(state_.load_relaxed() & ~bit(number)); }

	// Writer. The fence opens for reads alone: a record of its range may have reached the disk
	// or not. There are as many as records were on their way together, since nothing is
	// recorded any more after the first that failed.
	void close_to_writes(u32 number)
	{
		state_.store_release((state_.load_relaxed() & ~bit(number)) |
				     bit(number) << kFences);
	}
	void open_to_writes() { state_.store_release(state_.load_relaxed() & kOpen); }

private:
	struct Range {
		Atomic<Sector> first;
		Atomic<Sector> end;
	};

	static constexpr u64 kOpen = low_mask(kFences);
	static constexpr u64 bit(u32 number) { return u64{1} << number; }

	bool find(u64 among, Sector start, u32 *length, bool *inside) const
	{
		bool touched = false;
		*inside = false;
		for (; among; among &= among - 1) {
			const Range &range = ranges_[lowest_bit(among)];
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

	// The low half: which are open. The high half: which are closed to writes. One word, so
	// that a range passes from one to the other at once.
	Atomic<u64> state_;
	Range ranges_[kFences];
};

}  // namespace remap
