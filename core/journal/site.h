// SPDX-License-Identifier: GPL-2.0-or-later
// Site: one of the three places of a superblock on a spare, with two slots that alternate, so that
// whatever happens to a write, the superblock before it stays.
#pragma once

#include "core/format/superblock.h"

namespace remap {

// What is known of a site since it was read or last written.
struct Site {
	static constexpr u32 kSlots = 2;

	u32 readable = 0;      // slots that gave an answer
	u32 ours = 0;	       // slots that begin with our magic, whole or not
	u32 blank = 0;	       // slots of zeros
	u32 whole = 0;	       // slots that hold a superblock: bits
	bool tied = false;     // both slots claim to be the newest
	u32 crcs[kSlots] = {};   // of the whole ones
	u32 others[kSlots] = {}; // what each of them says of the other one
	u64 highest = 0;	 // epoch or announcement in any slot
	u32 newest = 0;	       // among the whole ones
	Uuid names[kSlots];    // the sets of the slots in `ours`, as they say themselves
	u32 version = 0;       // of the newest that is whole, or of a whole one of another version
	Superblock superblock; // the newest
	// A write to it failed. It may still land, upon whatever is written there next, so the site
	// is left alone until a load reads what became of it.
	bool failed = false;

	bool valid() const { return whole != 0; }
	// The older slot is what the newer one was written beside, or torn. If not, a late write
	// landed here, perhaps upon a newer superblock.
	bool slots_fit() const
	{
		constexpr u32 both = (1u << kSlots) - 1;
		return whole != both || (!tied && others[newest] == crcs[1 - newest]);
	}
	// The slot to write next: never the newest valid one.
	u32 next_slot() const { return valid() ? 1 - newest : 0; }
};

// The order of superblocks of one set.
inline bool newer(const Superblock &a, const Superblock &b)
{
	if (a.epoch != b.epoch)
		return a.epoch > b.epoch;
	if (a.generation != b.generation)
		return a.generation > b.generation;
	return a.announced > b.announced;
}

}  // namespace remap
