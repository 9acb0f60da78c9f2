// SPDX-License-Identifier: GPL-2.0-or-later
// What the table holds, and how a lookup answers.
#pragma once

#include "core/base/types.h"

namespace remap {

// A sector on a spare: the member in the upper 2 bits of 44, the sector within that member's data
// area in the lower 42. Places of one member that follow each other differ by 1.
using Place = u64;
inline constexpr u32 kPlaceSectorBits = 42;
inline constexpr u32 kPlaceBits = kPlaceSectorBits + 2;
inline constexpr Sector kMaxSpareSectors = Sector{1} << kPlaceSectorBits;

constexpr Place make_place(u32 member, Sector sector)
{
	return (Place{member} << kPlaceSectorBits) | sector;
}
constexpr u32 member_of(Place place) { return static_cast<u32>(place >> kPlaceSectorBits); }
constexpr Sector sector_of(Place place) { return place & (kMaxSpareSectors - 1); }

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
