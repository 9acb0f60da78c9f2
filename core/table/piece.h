// SPDX-License-Identifier: GPL-2.0-or-later
// A piece: what one region (256 sectors, 128 KiB) maps in one stretch, in one word, so that a
// reader gets a consistent answer with one load and the writer changes it with one store.
//
//	bit 0      0: a piece, 1: a pointer to a leaf of several pieces (leaf.h)
//	bit 1      boundary: an extent as it was added begins at the first sector
//	bits 2-3   state; never `none`, so that no piece is the word 0
//	bits 4-11  first sector within the region
//	bits 12-19 length - 1
//	bits 20-63 place of the first sector; 0 when pending
//
// A coarse word (coarse.h) has the same layout with first sector and length 0, for all of 8 MiB.
#pragma once

#include "core/base/bits.h"
#include "core/table/extent.h"

namespace remap {

using Word = u64;

// Sizes, in bits of a sector number, of what the table counts in.
inline constexpr u32 kRegionBits = 8;  // 128 KiB: a slot
inline constexpr u32 kMidBits = 10;    // 512 KiB: a mid bit
inline constexpr u32 kCoarseBits = 14; // 8 MiB: a coarse word, a word of fine bits
inline constexpr u32 kBlockBits = 17;  // 64 MiB: a top bit, two words of mid bits
inline constexpr u32 kSpanBits = 23;   // 4 GiB: a top word, a chunk of fine bits
inline constexpr u32 kAreaBits = 25;   // 16 GiB: a chunk of mid bits
inline constexpr u32 kRegionSectors = 1u << kRegionBits;
inline constexpr u32 kCoarseSectors = 1u << kCoarseBits;
inline constexpr u32 kCoarseRegions = 1u << (kCoarseBits - kRegionBits);

constexpr Word pack_piece(u32 offset, u32 length, Place place, State state, bool boundary)
{
	return (place << 20) | (u64{length - 1} << 12) | (u64{offset} << 4) |
	       (static_cast<u64>(state) << 2) | (u64{boundary} << 1);
}

constexpr bool is_leaf(Word word) { return word & 1; }
constexpr bool boundary_of(Word word) { return word & 2; }
constexpr State state_of(Word word) { return static_cast<State>((word >> 2) & 3); }
constexpr u32 offset_of(Word word) { return static_cast<u32>(word >> 4) & 255; }
constexpr u32 length_of(Word word) { return (static_cast<u32>(word >> 12) & 255) + 1; }
constexpr u32 end_of(Word word) { return offset_of(word) + length_of(word); }
constexpr Place place_of(Word word) { return word >> 20; }

constexpr bool is_mapped(State state) { return state == State::active || state == State::lost; }

// Where `distance` sectors further on begin.
constexpr Place place_at(State state, Place place, u64 distance)
{
	return state == State::pending ? 0 : place + distance;
}

// Whether a stretch of `length` sectors goes on in the stretch after it.
constexpr bool goes_on(State state, Place place, u64 length, State next_state, Place next_place)
{
	return state == next_state && (!is_mapped(state) || place + length == next_place);
}

// Whether `next` begins where `word` ends and goes on in state and place.
constexpr bool goes_on(Word word, Word next)
{
	return end_of(word) == offset_of(next) &&
	       goes_on(state_of(word), place_of(word), length_of(word), state_of(next),
		       place_of(next));
}

// The part of a piece inside the region's sectors [from, to). REQUIRES: it has one.
constexpr Word cut_piece(Word word, u32 from, u32 to)
{
	const u32 start = max_of(offset_of(word), from);
	const u32 end = min_of(end_of(word), to);
	const u32 skipped = start - offset_of(word);
	return pack_piece(start, end - start, place_at(state_of(word), place_of(word), skipped),
			  state_of(word), boundary_of(word) && !skipped);
}

constexpr Word lengthened(Word word, u32 sectors) { return word + (u64{sectors} << 12); }
constexpr Word with_boundary(Word word) { return word | 2; }
constexpr Word with_state(Word word, State state)
{
	return (word & ~u64{12}) | (static_cast<u64>(state) << 2);
}

// The word of a full region number `index` within a coarse word, and back.
constexpr Word fine_of(Word coarse, u32 index)
{
	const State state = state_of(coarse);
	return pack_piece(0, kRegionSectors,
			  place_at(state, place_of(coarse), u64{index} << kRegionBits), state,
			  boundary_of(coarse) && index == 0);
}
constexpr bool is_full(Word word)
{
	return word && !is_leaf(word) && length_of(word) == kRegionSectors;
}
// REQUIRES: is_full(first).
constexpr Word coarse_of(Word first) { return first & ~(u64{255} << 12); }

} // namespace remap
