// SPDX-License-Identifier: GPL-2.0-or-later
// Copies: which of the replicas of log and checkpoint, as bits. A member's head copy is bit 2 m,
// its tail copy bit 2 m + 1, as in the superblock. Members: which of the set's, a bit for each.
#pragma once

#include "core/format/superblock.h"

namespace remap {

using Copies = u32;
using Members = u32;
inline constexpr u32 kMaxCopies = kMaxMembers * kCopies;

constexpr Copies copies_on(u32 member) { return ((1u << kCopies) - 1) << member * kCopies; }
constexpr u32 member_of(u32 copy) { return copy / kCopies; }
constexpr u32 end_of(u32 copy) { return copy % kCopies; }

constexpr u32 count_of(Copies copies)
{
	u32 count = 0;
	for (; copies; copies &= copies - 1)
		++count;
	return count;
}

constexpr Copies copies_of(Members members)
{
	Copies copies = 0;
	for (; members; members &= members - 1)
		copies |= copies_on(lowest_bit(members));
	return copies;
}

// Those that a superblock has in a state.
inline Members members_of(const Superblock &set, MemberState state)
{
	Members members = 0;
	for (u32 m = 0; m < kMaxMembers; ++m)
		members |= Members{set.members[m].state == state} << m;
	return members;
}
inline Members members_in_use(const Superblock &set)
{
	return members_of(set, MemberState::in_use);
}
inline Members members_gone(const Superblock &set)
{
	return members_of(set, MemberState::gone) | members_of(set, MemberState::asked);
}

// Calls visit(member) for each; visit(copy) below.
template <class Visitor> void for_each_member(Members members, Visitor &&visit)
{
	for (; members; members &= members - 1)
		visit(lowest_bit(members));
}

template <class Visitor> void for_each_copy(Copies copies, Visitor &&visit)
{
	for (; copies; copies &= copies - 1)
		visit(lowest_bit(copies));
}

}  // namespace remap
