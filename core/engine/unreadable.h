// SPDX-License-Identifier: GPL-2.0-or-later
// Unreadable: which sectors of a step could not be read, one bit each.
#pragma once

#include "core/base/bits.h"
#include "core/base/types.h"

namespace remap {

class Unreadable {
public:
	static constexpr u32 kSectors = kSectorsPerMiB;

	void begin(Sector first)
	{
		first_ = first;
		for (u64 &word : words_)
			word = 0;
	}

	void add(Sector sector, u64 length)
	{
		for (u64 i = sector - first_; i < sector - first_ + length; ++i)
			words_[i / 64] |= u64{1} << (i % 64);
	}

	// How many of `want` sectors from `sector` on are alike; *unreadable tells how.
	u64 run(Sector sector, u64 want, bool *unreadable) const
	{
		*unreadable = has(sector);
		u64 length = 1;
		while (length < want && has(sector + length) == *unreadable)
			++length;
		return length;
	}

private:
	bool has(Sector sector) const
	{
		const u64 i = sector - first_;
		return words_[i / 64] >> (i % 64) & 1;
	}

	Sector first_ = 0;
	u64 words_[kSectors / 64] = {};
};

}  // namespace remap
