// SPDX-License-Identifier: GPL-2.0-or-later
// Plan: what a recovery is going to do to the table once its data is stable. Until then nothing is
// done but taking places on the spare, so giving them back undoes all of it.
#pragma once

#include "core/table/extent.h"

namespace remap {

class Plan {
public:
	static constexpr u32 kChanges = 128;
	static constexpr u32 kBad = 32;

	struct Change {
		Extent extent; // what is to hold: active, pending, or none
		bool fresh;    // its place was taken for it
		bool moved;    // it had a place, which failed:
		Place old;
	};
	struct Run {
		Place place;
		u64 length;
	};

	void begin() { changes_ = bad_ = moved_ = 0; }
	// Changes that have a new place.
	u32 fresh() const
	{
		u32 count = 0;
		for (u32 i = 0; i < changes_; ++i)
			count += change_[i].fresh;
		return count;
	}
	bool empty() const { return !changes_ && !bad_; }
	u32 changes() const { return changes_; }
	u32 bad() const { return bad_; }
	u32 moved() const { return moved_; }
	const Change &change(u32 i) const { return change_[i]; }
	const Run &bad(u32 i) const { return bad_run_[i]; }
	// Whether the first pass of a step has to end, so that the second can do something too.
	bool filling() const { return changes_ > kChanges / 3; }
	// Whether a block, its rest and a bad place or two may not fit any more.
	bool nearly_full() const { return changes_ + 40 > kChanges || bad_ + moved_ + 8 > kBad; }

	// false: no room.
	bool add(const Extent &extent, bool fresh, const Place *old = nullptr)
	{
		if (changes_ && !old && joins(change_[changes_ - 1], extent, fresh)) {
			change_[changes_ - 1].extent.length += extent.length;
			return true;
		}
		if (changes_ == kChanges)
			return false;
		moved_ += old != nullptr;
		change_[changes_++] = {extent, fresh, old != nullptr, old ? *old : 0};
		return true;
	}
	// The place failed.
	bool add_bad(Place place, u64 length)
	{
		if (bad_ == kBad)
			return false;
		bad_run_[bad_++] = {place, length};
		return true;
	}
	// Whether this would go on where the last change ends, on both sides.
	bool continues(Sector main, Place place) const
	{
		if (!changes_ || change_[changes_ - 1].extent.state != State::active)
			return false;
		const Extent &last = change_[changes_ - 1].extent;
		return last.main + last.length == main && last.place + last.length == place;
	}
	// Whether some of these sectors of main get a new place.
	bool places(Sector main, u64 length) const
	{
		for (u32 i = 0; i < changes_; ++i) {
			const Change &change = change_[i];
			if (change.fresh && change.extent.main < main + length &&
			    main < change.extent.main + change.extent.length)
				return true;
		}
		return false;
	}
	void drop_bad(u32 i) { bad_run_[i] = bad_run_[--bad_]; }
	void drop_changes(u32 from) { changes_ = from; }

private:
	static bool joins(const Change &last, const Extent &next, bool fresh)
	{
		const Extent &extent = last.extent;
		const bool placed = extent.state == State::active;
		return !last.moved && last.fresh == fresh && extent.state == next.state &&
		       extent.main + extent.length == next.main && !next.boundary &&
		       (!placed || extent.place + extent.length == next.place);
	}

	Change change_[kChanges];
	Run bad_run_[kBad];
	u32 changes_ = 0;
	u32 bad_ = 0;
	u32 moved_ = 0; // each will make a bad place more
};

}  // namespace remap
