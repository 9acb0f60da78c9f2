// SPDX-License-Identifier: GPL-2.0-or-later
// Scan: where the scan of main is, what it has found, and which places come first.
#pragma once

#include "core/base/atomic.h"
#include "core/base/bits.h"
#include "core/base/types.h"

namespace remap {

struct Scan {
	// What scan_turn() returns, in milliseconds, when it is not the pace:
	static constexpr u32 kIdle = ~u32{0}; // until wake_scan()
	static constexpr u32 kBusy = 100;     // a user's I/O is under way, or just was
	static constexpr u32 kSoon = 1;       // there was nothing to read here
	static constexpr u32 kLater = 10000;  // the device does not answer

	// Of a scan that an operator starts where the table line has no rate: 10 MiB in a second.
	static constexpr u32 kRate = 20480;
	// On either side of a bad sector: a track of today's disks.
	static constexpr u64 kNear = 2048;
	// Stretches of the table that are passed over in one turn.
	static constexpr u32 kLooks = 256;

	Atomic<Sector> next;	 // of the pass
	Atomic<bool> started;	 // by an operator: one pass
	Atomic<bool> stopped;	 // by an operator, whatever the table line says
	Atomic<u64> passes;
	Atomic<u64> read;	 // sectors
	Atomic<u64> pending;	 // of these, found unreadable
	Atomic<u64> moved;	 // and moved since they needed retries

	// Any context. `always`: the table line wants it.
	bool runs(bool always) const
	{
		return (always || started.load_relaxed()) && !stopped.load_relaxed();
	}

	// ---- under the lock ----
	void set(bool runs)
	{
		started.store_relaxed(runs);
		stopped.store_relaxed(!runs);
	}
	// What is to be read now: the rest of a place that comes first, or of the pass.
	void range(Sector main_sectors, Sector *from, Sector *end)
	{
		near_ = count_;
		*from = near_ ? first_[0].next : next.load_relaxed();
		*end = near_ ? first_[0].end : main_sectors;
	}
	// So many sectors of that range are done. A place may have come up since.
	void pass(u64 sectors, Sector main_sectors, bool always)
	{
		if (near_) {
			first_[0].next += sectors;
			if (first_[0].next < first_[0].end)
				return;
			--count_;
			for (u32 i = 0; i < count_; ++i)
				first_[i] = first_[i + 1];
			return;
		}
		next.store_relaxed(next.load_relaxed() + sectors);
		if (next.load_relaxed() < main_sectors)
			return;
		next.store_relaxed(0);
		passes.add_relaxed(1);
		if (!always)
			started.store_relaxed(false);
	}
	// A bad sector was found. What is to be read anyway is not named twice; with no room left, the pass
	// comes there in the end.
	void around(Sector sector, u64 length, Sector main_sectors)
	{
		const Sector from = round_down(sector > kNear ? sector - kNear : 0, kNear);
		const Sector end = min_of(round_up(sector + length + kNear, kNear), main_sectors);
		for (u32 i = 0; i < count_; ++i)
			if (from >= first_[i].begin && end <= first_[i].end)
				return;
		if (count_ < kPlaces)
			first_[count_++] = {from, from, end};
	}
	// Places that wait.
	u32 places() const { return count_; }

private:
	static constexpr u32 kPlaces = 8;

	struct Place {
		Sector begin;
		Sector next;
		Sector end;
	};

	Place first_[kPlaces] = {};
	u32 count_ = 0;
	bool near_ = false; // the range at hand is first_[0]
};

}  // namespace remap
