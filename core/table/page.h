// SPDX-License-Identifier: GPL-2.0-or-later
// A page: the slots of all regions whose hash it owns, a small hash table of its own.
//
// 64 + 1024 * units bytes: a header and lines of four 16-byte slots. A key has a home slot and
// moves on around its line, then line by line, where slots are taken. A bucket is two slots.
//
// Invariants. A key is written once in the life of a page (0 -> key) and never moves; removal only
// sets its piece to 0, and the slot may be taken again by the same key alone. So an empty slot ends
// every search, and a reader needs no second look at the key. At least 3/16 of the
// slots are empty. Index, mask and size never change: growing makes a new page.
//
// Concurrency: one writer changes slots in place, piece before key (release); readers load the key
// (acquire), then the piece.
#pragma once

#include "core/base/atomic.h"
#include "core/table/piece.h"

namespace remap {

// Low half: chooses the page. High half: chooses the slot. (One multiplication whose halves are
// folded was measured: 2 ns less, but pages of twice the average when regions are consecutive.)
inline u64 hash_of(u64 region)
{
	u64 hash = (region + 1) * 0x9e3779b97f4a7c15;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93;
	return hash ^ (hash >> 32);
}

struct Slot {
	Atomic<u64> key; // region + 1; 0: never used
	Atomic<Word> piece;
};

inline constexpr u32 kLineSlots = 4;

struct alignas(64) Line {
	Slot slot[kLineSlots];
};

struct alignas(64) Page {
	// Owns the hashes with (hash & mask) == index.
	u32 index;
	u32 mask;
	u32 units;
	u32 used;    // slots with a piece
	u32 claimed; // slots with a key
	u32 upper;   // used slots that the other half would get in a split
	Page *next;  // in limbo

	static constexpr u32 kUnitLines = 16;
	static constexpr u32 kUnitSlots = kUnitLines * kLineSlots;
	static constexpr u32 kUnitBuckets = kUnitSlots / 2;
	static constexpr u32 kMaxUnits = 63; // what the low bits of a directory word can say
	static constexpr u32 kMinUnits = 2;  // 64 buckets

	static constexpr usize bytes(u32 units) { return sizeof(Page) + usize{units} * 1024; }
	static constexpr u32 most(u32 units) { return units * kUnitBuckets * 3 / 2; }
	static constexpr u32 least(u32 units) { return units * kUnitBuckets / 2; }

	bool owns(u64 hash) const { return (hash & mask) == index; }
	// REQUIRES: !owns(hash). A page nearer to the one that does: not hash & mask, which need
	// not exist yet.
	u64 next_index(u64 hash) const
	{
		const u64 parted = (hash ^ index) & mask;
		return hash & (parted ^ (parted - 1));
	}
	u32 buckets() const { return units * kUnitBuckets; }
	Line *lines() { return reinterpret_cast<Line *>(this + 1); }
	const Line *lines() const { return reinterpret_cast<const Line *>(this + 1); }
};
static_assert(sizeof(Line) == 64 && sizeof(Page) == 64);
static_assert(Page::kMinUnits * Page::kUnitBuckets == 64);

inline u32 home_slot(u64 hash, u32 line_count)
{
	return static_cast<u32>(((hash >> 32) * (line_count * kLineSlots)) >> 32);
}

// Where a key may be, in order: from its home slot around its line, then the lines behind it, each
// from the same slot on. Returns the slot that holds `key`, or the empty one that ends the search,
// with what it holds in *found; nullptr if there is neither, which the share of empty slots rules
// out.
inline const Slot *search(const Line *lines, u32 line_count, u32 home, u64 key, u64 *found)
{
	const Line *line = &lines[home / kLineSlots];
	for (u32 tried = 0; tried < line_count; tried++) {
		for (u32 i = 0; i < kLineSlots; i++) {
			const Slot *slot = &line->slot[(home + i) % kLineSlots];
			*found = slot->key.load_acquire();
			if (*found == key || !*found)
				return slot;
		}
		line = line + 1 == lines + line_count ? lines : line + 1;
	}
	*found = 0;
	return nullptr;
}

// Writer. The slot that holds `key`, or the empty one to put it into, or nullptr (see search()).
inline Slot *slot_for(Page *page, u64 hash, u64 key)
{
	u64 found;
	const u32 line_count = page->units * Page::kUnitLines;
	return const_cast<Slot *>(
		search(page->lines(), line_count, home_slot(hash, line_count), key, &found));
}

// For pages that are being filled, that no reader can see yet, and that do not hold the key.
inline void fill_slot(Slot *slot, u64 key, Word word)
{
	slot->key.store_relaxed(key);
	slot->piece.store_relaxed(word);
}

// Into the first free slot in the order of search().
inline void fill_free(Line *lines, u32 line_count, u32 home, u64 key, Word word)
{
	Line *line = &lines[home / kLineSlots];
	for (u32 tried = 0; tried < line_count; tried++) {
		for (u32 i = 0; i < kLineSlots; i++) {
			Slot *slot = &line->slot[(home + i) % kLineSlots];
			if (!slot->key.load_relaxed())
				return fill_slot(slot, key, word);
		}
		line = line + 1 == lines + line_count ? lines : line + 1;
	}
}

} // namespace remap
