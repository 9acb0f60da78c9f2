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
	// Among the open ones while a range is closed to writes.
	static constexpr u32 kClosed = 1u << kFences;

	// Any context. One load when nothing is fenced.
	bool any() const { return open_.load_acquire() != 0; }

	// Whether [start, +*length) touches a fence. If it begins inside one, *length is cut to the
	// fence's end and *inside is set; else it is cut to the first fence's start.
	bool covers(Sector start, u32 *length, bool *inside) const
	{
		bool touched = false;
		*inside = false;
		for (u32 open = open_.load_acquire() & ~kClosed; open; open &= open - 1) {
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

	// Writer. Ranges that are closed to writes: a record of theirs may have reached the disk or
	// not. They join into one, which may hold more than was asked; there is one such range, or
	// few close together, since nothing is recorded any more after the first.
	void close_to_writes(Sector first, u64 length)
	{
		const bool any = open_.load_relaxed() & kClosed;
		const Sector end = first + length;
		closed_.end.store_relaxed(any ? max_of(end, closed_.end.load_relaxed()) : end);
		closed_.first.store_relaxed(any ? min_of(first, closed_.first.load_relaxed())
						: first);
		open_.store_release(open_.load_relaxed() | kClosed);
	}
	void open_to_writes() { open_.store_release(open_.load_relaxed() & ~kClosed); }
	// Whether [start, +*length) touches it, as covers() does. Any context.
	bool closed(Sector start, u32 *length, bool *inside) const
	{
		*inside = false;
		const Sector first = closed_.first.load_relaxed();
		const Sector end = closed_.end.load_relaxed();
		if (!(open_.load_acquire() & kClosed) || start >= end || first >= start + *length)
			return false;
		*inside = first <= start;
		*length = static_cast<u32>(*inside ? min_of<u64>(*length, end - start)
						   : first - start);
		return true;
	}

private:
	struct Range {
		Atomic<Sector> first;
		Atomic<Sector> end;
	};

	Atomic<u32> open_;
	Range closed_;
	Range ranges_[kFences];
};

}  // namespace remap
