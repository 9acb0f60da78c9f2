// SPDX-License-Identifier: GPL-2.0-or-later
// What whoever opens a set has, and what he demands of it.
#pragma once

#include "core/format/superblock.h"
#include "core/journal/copies.h"
#include "core/spare/spares.h"

namespace remap {

// The devices that a set is to live on. main_sectors and block_bytes may be 0 where main is not at
// hand: then they are what the set says, and there must be one. The spares are those of devices
// kFirstSpare and following.
struct SetShape {
	Sector main_sectors = 0;
	u32 block_bytes = 512;
	SpareSizes spares;
};

// What whoever opens the set demands of it.
struct Terms {
	Uuid set; // not nil: only this set is accepted, and nothing is formatted
	char main_id[kMainIdBytes + 1] = ""; // not empty: main's serial number or WWN
	bool format = false;		     // a spare that is not blank may be formatted
	bool allow_degraded = false;	     // members that the set records as gone may be missing
	u64 max_extents = 0;		     // for a format; 0: one for each 4 KiB of spare

	// ---- decisions that only an operator takes, by the tools ----
	Uuid new_set;		   // not nil: a format gives this name
	Uuid wipe_set;		   // not nil: what is left of this set may be formatted over
	bool accept_sites = false; // one superblock is enough: what the others said is given up
	bool accept_end = false;   // the log ends where its chain does: what came behind is given up
	Members without = 0;	   // missing members that are given up, with all that was on them
	// Of a format, for each spare as the table line has it: what it is to be. No slots: the members are
	// numbered and their places follow each other in that order.
	struct {
		u32 slots = 0; // of members beyond which there is none
		u8 number[kMaxSpares] = {};
		Place first[kMaxSpares] = {};
	} places;
};

enum class Found : u8 {
	nothing, // not surveyed, or refused
	blank,	 // may be formatted: zeros, an interrupted format, or permitted
	set,
};

}  // namespace remap
