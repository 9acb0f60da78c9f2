// SPDX-License-Identifier: GPL-2.0-or-later
// A leaf: the pieces of a region that has more than one, sorted, in an array of 4 to 512 words.
//
// Word 0 holds the number of pieces while the leaf is live, and is the link of its list once it is
// retired (limbo.h): readers never look at it. Pieces follow from word 1; the rest is 0. A leaf of
// 4 << c words has 2 << c buckets of two words each and at most 1.5 pieces per bucket. The pointer
// carries c, so that a reader can search before anything of the leaf is in the cache.
//
// Concurrency: never changed once published; a change makes a new leaf and retires the old one.
#pragma once

#include "core/table/piece.h"

namespace remap {

inline constexpr u32 kLeafClasses = 8;

constexpr u32 leaf_bytes(u32 size_class) { return 32u << size_class; }
constexpr u32 leaf_buckets(u32 size_class) { return 2u << size_class; }
constexpr u32 leaf_most(u32 size_class) { return 3u << size_class; }
constexpr u32 leaf_least(u32 size_class) { return 1u << size_class; }
static_assert(leaf_most(kLeafClasses - 1) >= kRegionSectors, "a piece for each sector");

inline Word leaf_word(Word *leaf, u32 size_class)
{
	return reinterpret_cast<u64>(leaf) | (size_class << 1) | 1;
}
inline Word *leaf_of(Word word) { return reinterpret_cast<Word *>(word & ~u64{15}); }
inline u32 leaf_class(Word word) { return static_cast<u32>(word >> 1) & 7; }

// The size for `count` pieces of a region whose present content is `before`: the same one while
// the bucket rule allows it, else the smallest. REQUIRES: 2 <= count <= 256.
inline u32 choose_leaf_class(Word before, u32 count)
{
	if (is_leaf(before)) {
		const u32 same = leaf_class(before);
		if (count >= leaf_least(same) && count <= leaf_most(same))
			return same;
	}
	u32 size_class = 0;
	while (count > leaf_most(size_class))
		size_class++;
	return size_class;
}

// The number of pieces that begin at or before sector `offset` of the region; the last of them is
// at that index. Words of 0 behind the last piece count as later than everything.
inline u32 leaf_search(const Word *leaf, u32 size_class, u32 offset)
{
	u32 found = 0;
	for (u32 step = 2u << size_class; step; step >>= 1) {
		const Word word = leaf[found + step];
		if (word && offset_of(word) <= offset)
			found += step;
	}
	return found;
}

// The pieces of a slot's word one by one, whatever its kind. Writer, or a reader in its section.
class Pieces {
public:
	explicit Pieces(Word word) : word_(word) {}

	u32 count() const
	{
		return is_leaf(word_) ? static_cast<u32>(leaf_of(word_)[0]) : word_ != 0;
	}
	Word operator[](u32 index) const
	{
		return is_leaf(word_) ? leaf_of(word_)[index + 1] : word_;
	}

	// The index of the first piece that ends after sector `offset`; count() if none.
	u32 first_after(u32 offset) const
	{
		u32 index = 0;
		if (is_leaf(word_)) {
			const u32 found = leaf_search(leaf_of(word_), leaf_class(word_), offset);
			index = found ? found - 1 : 0;
		}
		if (index < count() && end_of((*this)[index]) <= offset)
			index++;
		return index;
	}

private:
	Word word_;
};

} // namespace remap
