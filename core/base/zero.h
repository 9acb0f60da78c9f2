// SPDX-License-Identifier: GPL-2.0-or-later
// Whether memory is all zeros, a word at a time: most of what a load reads is empty.
#pragma once

#include "core/base/types.h"

namespace remap {

// REQUIRES: bytes is a multiple of 32.
inline bool is_zero(const void *memory, usize bytes)
{
	const u8 *at = static_cast<const u8 *>(memory);
	for (const u8 *const end = at + bytes; at != end; at += 32) {
		u64 words[4];
		__builtin_memcpy(words, at, sizeof(words));
		if (words[0] | words[1] | words[2] | words[3])
			return false;
	}
	return true;
}

}  // namespace remap
