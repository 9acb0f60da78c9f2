// SPDX-License-Identifier: GPL-2.0-or-later
// Contents: what a sector holds, as one number.
//
// A sector of user data is its stamp, repeated: 8 bytes tell all of it, and copying a simulated
// sector costs as much as copying a word. Anything else, which is metadata, is kept as the bytes it
// has; the number says where.
#pragma once

#include <array>
#include <cstring>
#include <vector>

#include "core/base/bits.h"
#include "core/base/types.h"

namespace remap::sim {

// A stamp, or kRaw plus the place of the bytes. Stamp 0 is a sector of zeros.
using Content = u64;
inline constexpr Content kZeros = 0;
inline constexpr Content kRaw = Content{1} << 63;

class Contents {
public:
	static bool is_raw(Content content) { return content & kRaw; }

	Content learn(const void *bytes)
	{
		Words words;
		std::memcpy(words.data(), bytes, sizeof(words));
		if (is_stamp(words))
			return words[0];
		// Copies of metadata are written one after the other: they are one content.
		const u64 size = raw_.size();
		const u64 recent = min_of<u64>(size, kRecent);
		for (u64 i = size - recent; i < size; ++i)
			if (raw_[i] == words)
				return kRaw + i;
		raw_.push_back(words);
		return kRaw + size;
	}

	void spell(Content content, void *bytes) const
	{
		if (is_raw(content)) {
			std::memcpy(bytes, &raw_[content - kRaw], sizeof(Words));
		} else if (content == kZeros) {
			std::memset(bytes, 0, sizeof(Words));
		} else {
			Words words;
			words.fill(content);
			std::memcpy(bytes, &words, sizeof(words));
		}
	}

	bool same(Content a, Content b) const
	{
		return a == b || (is_raw(a) && is_raw(b) && raw_[a - kRaw] == raw_[b - kRaw]);
	}

	// The content with one bit turned.
	Content flipped(Content content, u32 bit)
	{
		Words words;
		spell(content, &words);
		words[bit / 64 % words.size()] ^= u64{1} << (bit % 64);
		return learn(&words);
	}

	void clear() { raw_.clear(); }

private:
	using Words = std::array<u64, kSectorBytes / sizeof(u64)>;

	static bool is_stamp(const Words &words)
	{
		u64 differs = words[0] & kRaw;
		for (const u64 word : words)
			differs |= word ^ words[0];
		return !differs;
	}

	static constexpr u64 kRecent = 16; // sectors, two blocks

	std::vector<Words> raw_;
};

} // namespace remap::sim
