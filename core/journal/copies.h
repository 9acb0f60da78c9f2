// SPDX-License-Identifier: GPL-2.0-or-later
// Copies: which of the replicas of log and checkpoint, as bits. A member's head copy is bit 2 m,
// its tail copy bit 2 m + 1, as in the superblock.
#pragma once

#include "core/format/superblock.h"

namespace remap {

using Copies = u32;
inline constexpr u32 kMaxCopies = kMaxMembers * kCopies;

constexpr Copies copies_of(u32 members) { return (1u << members * kCopies) - 1; }
constexpr Copies copies_on(u32 member) { return copies_of(1) << member * kCopies; }
constexpr u32 member_of(u32 copy) { return copy / kCopies; }
constexpr u32 end_of(u32 copy) { return copy % kCopies; }

constexpr u32 count_of(Copies copies)
{
	u32 count = 0;
	for (; copies; copies &= copies - 1)
		++count;
	return count;
}

// Calls visit(copy) for each.
template <class Visitor> void for_each_copy(Copies copies, Visitor &&visit)
{
	for (; copies; copies &= copies - 1)
		visit(lowest_bit(copies));
}

}  // namespace remap
