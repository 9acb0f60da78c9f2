// SPDX-License-Identifier: GPL-2.0-or-later
// Memory for the core, as Platform wants it.
#pragma once

#include <cstdlib>
#include <cstring>

#include "core/base/bits.h"
#include "core/format/layout.h"

namespace remap::host {

// Blocks of 4 KiB and more can be read and written without a copy (O_DIRECT). Given back with
// std::free(); nullptr: there is none.
inline void *allocate_zeroed(usize bytes)
{
	const usize alignment = bytes >= kMetadataBlockBytes ? kMetadataBlockBytes : 64;
	const usize whole = round_up(bytes, alignment);
	void *memory = std::aligned_alloc(alignment, whole);
	if (memory)
		std::memset(memory, 0, whole);
	return memory;
}

}  // namespace remap::host
