// SPDX-License-Identifier: GPL-2.0-or-later
// Which device is which member. Each says so itself, by the name of the set and its own; the order of
// the table line is of no account. A set is served whole or not at all: what is missing may hold the
// newest content of sectors, and what is there twice cannot both be it.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// All that say anything speak of one set, the demanded one.
template <Platform P> Status Journal<P>::judge_sets(Refusal &why, const Superblock &newest)
{
	for (u32 i = 0; i < shape_.spares.count; ++i) {
		const Superblock *there = newest_on(kFirstSpare + i);
		if (!there || terms_.set.nil() || terms_.set == there->set)
			continue;
		why.begin() << name_of(kFirstSpare + i) << " belongs to set " << there->set
			    << ", but set " << terms_.set << " is demanded";
		return Error::wrong_set;
	}
	for (u32 i = 0; i < shape_.spares.count; ++i) {
		const Superblock *there = newest_on(kFirstSpare + i);
		if (!there || there->set == newest.set)
			continue;
		why.begin() << name_of(kFirstSpare + i) << " belongs to set " << there->set
			    << ", another one to set " << newest.set
			    << "; all spares that are named must be of one set";
		return Error::wrong_set;
	}
	return {};
}

// Finds the device of each member, and with that where everything lies.
template <Platform P> Status Journal<P>::judge_members(Refusal &why, const Superblock &newest)
{
	u32 count = 0;
	while (count < kMaxMembers && newest.members[count].state == MemberState::in_use)
		++count;
	TRY(judge_member_states(why, newest, count));
	DeviceIndex holder[kMaxMembers] = {};
	TRY(identify(why, newest, count, holder));
	SpareSizes sizes;
	for (u32 m = 0; m < count; ++m) {
		if (!holder[m])
			return missing(why, newest, m, holder);
		const Sector sectors = shape_.spares[holder[m] - kFirstSpare];
		if (newest.members[m].sectors != sectors) {
			why.begin() << name_of(holder[m]) << " has " << sectors << " sectors, set "
				    << newest.set << " was made on one of "
				    << newest.members[m].sectors;
			return Error::wrong_set;
		}
		sizes.add(sectors);
	}
	if (count < shape_.spares.count)
		return superfluous(why, newest, count, holder);
	// What no set may have been made with, only one that was made on these terms has.
	const bool usual = newest.max_extents >= kMinExtents && newest.max_extents <= kMaxExtents;
	const u64 extents = usual ? newest.max_extents : terms_.max_extents;
	spares_ = extents ? Spares::of(sizes, extents) : Spares::of(sizes);
	for (u32 m = 0; m < count; ++m)
		spares_.found_at(m, holder[m]);
	return {};
}

// A set begins with all its members, and none has ever left it.
template <Platform P>
Status Journal<P>::judge_member_states(Refusal &why, const Superblock &newest, u32 count)
{
	for (u32 m = 0; m < kMaxMembers; ++m) {
		if (newest.members[m].state != MemberState::gone)
			continue;
		why.begin() << "set " << newest.set << " goes on without its member " << m << ", "
			    << newest.members[m].uuid
			    << "; this version serves only sets that are whole";
		return Error::unknown_format;
	}
	bool sound = count;
	for (u32 m = 0; m < count; ++m)
		for (u32 before = 0; before < m; ++before)
			sound = sound && !(newest.members[m].uuid == newest.members[before].uuid);
	for (u32 m = count; m < kMaxMembers; ++m)
		sound = sound && newest.members[m].state == MemberState::absent;
	if (sound)
		return {};
	why.begin() << "the superblock is valid, but what it says cannot be";
	return Error::damaged;
}

template <Platform P>
Status Journal<P>::identify(Refusal &why, const Superblock &newest, u32 count, DeviceIndex *holder)
{
	for (u32 i = 0; i < shape_.spares.count; ++i) {
		const DeviceIndex device = kFirstSpare + i;
		const Superblock *there = newest_on(device);
		if (!there)
			continue;
		const u32 m = there->member;
		if (m >= count || !(there->members[m].uuid == newest.members[m].uuid)) {
			why.begin() << "the superblock of " << name_of(device)
				    << " is valid, but what it says cannot be: set " << newest.set
				    << " has no such member " << m;
			return Error::damaged;
		}
		if (holder[m]) {
			why.begin() << name_of(holder[m]) << " and " << name_of(device)
				    << " both are member " << m << ", " << newest.members[m].uuid
				    << ", of the set: one is a copy of the other";
			return Error::wrong_set;
		}
		holder[m] = device;
	}
	return {};
}

template <Platform P>
Status Journal<P>::missing(Refusal &why, const Superblock &newest, u32 member,
			   const DeviceIndex *holder)
{
	const DeviceIndex silent = without_member(holder);
	Text text = why.begin();
	text << "member " << member << ", " << newest.members[member].uuid << ", of set "
	     << newest.set << " is missing";
	if (silent)
		text << "; " << name_of(silent) << " holds no superblock";
	else
		text << "; the set has more spares than were named";
	return Error::wrong_set;
}

template <Platform P>
Status Journal<P>::superfluous(Refusal &why, const Superblock &newest, u32 count,
			       const DeviceIndex *holder)
{
	why.begin() << name_of(without_member(holder)) << " is no member of set " << newest.set
		    << ", which is whole with " << count << " of the " << shape_.spares.count
		    << " spares that were named";
	return Error::wrong_set;
}

// The first device that is nobody; 0: none.
template <Platform P> DeviceIndex Journal<P>::without_member(const DeviceIndex *holder) const
{
	for (DeviceIndex device = kFirstSpare; device < kFirstSpare + shape_.spares.count; ++device) {
		bool held = false;
		for (u32 m = 0; m < kMaxMembers; ++m)
			held |= holder[m] == device;
		if (!held)
			return device;
	}
	return 0;
}

}  // namespace remap
