// SPDX-License-Identifier: GPL-2.0-or-later
// What the table holds, and how a lookup answers.
#pragma once

#include "core/base/types.h"

namespace remap {

// A sector of spare, counted over the data areas of all members (core/spare/spares.h).
using Place = u64;
inline constexpr u32 kPlaceBits = 44;
// Of one spare, so that the places of four have room.
inline constexpr Sector kMaxSpareSectors = Sector{1} << (kPlaceBits - 2);

enum class State : u8 {
	none = 0,    // not mapped
	active = 1,  // mapped
	lost = 2,    // mapped, content unknown: reads fail until written
	pending = 3, // not mapped; a read failed here, so the next write relocates
};

struct Extent {
	Sector main = 0;
	u64 length = 0;
	Place place = 0;      // 0 where the state has no place (pending)
	State state = State::none;
	bool boundary = false; // an extent as it was added begins at `main`
};

// For the `sectors` sectors from the one asked on: in which state they are and where they begin.
struct Answer {
	State state = State::none;
	Place place = 0;
	u64 sectors = 0;
};

}  // namespace remap
