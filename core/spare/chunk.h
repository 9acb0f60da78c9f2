// SPDX-License-Identifier: GPL-2.0-or-later
// A stretch of the spare's data area as bits: 32,768 blocks, one bit each, set when in use.
#pragma once

#include "core/base/bits.h"
#include "core/base/types.h"

namespace remap {

class SpareChunk {
public:
	static constexpr u32 kBlocks = 32768;

	bool is_used(u32 block) const { return words_[block / 64] >> (block % 64) & 1; }
	u32 used() const { return used_; }

	// The first block at or behind `from` that is in the state asked for, below `limit`; `limit`
	// when there is none.
	u32 find(u32 from, u32 limit, bool used) const
	{
		u32 block = from;
		while (block < limit) {
			const u64 wanted = used ? words_[block / 64] : ~words_[block / 64];
			const u64 rest = wanted & ~low_mask(block % 64);
			if (rest)
				return min_of(limit, (block & ~63u) + lowest_bit(rest));
			block = (block & ~63u) + 64;
		}
		return limit;
	}

	// REQUIRES: the blocks are in the other state.
	void set(u32 first, u32 count, bool used)
	{
		used_ += used ? count : 0 - count;
		for (u32 block = first, end = first + count; block < end;) {
			const u32 bit = block % 64;
			const u32 here = min_of(end - block, 64 - bit);
			const u64 mask = low_mask(here) << bit;
			if (used)
				words_[block / 64] |= mask;
			else
				words_[block / 64] &= ~mask;
			block += here;
		}
	}

private:
	u64 words_[kBlocks / 64];
	u32 used_;
};

}  // namespace remap
