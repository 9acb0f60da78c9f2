// SPDX-License-Identifier: GPL-2.0-or-later
// Which device is which member. Each says so itself, by the name of the set and its own; the order of
// the table line is of no account. A member that is in use must be there: it may hold the newest content
// of sectors. One that is gone may be missing, if whoever makes the table knows; what was on it gives
// errors. What is there and gone joins again (join.h), as does a spare that was prepared for the set.
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
	return judge_given_up(why);
}

// ---- who is who ----

// Finds the device of each member, and with that where everything lies.
template <Platform P> Status Journal<P>::judge_members(Refusal &why, const Superblock &newest)
{
	joining_ = stale_ = first_ones_ = 0;
	TRY(judge_member_states(why, newest));
	DeviceIndex holder[kMaxMembers] = {};
	TRY(identify(why, newest, holder));
	TRY(judge_absence(why, newest, holder));
	TRY(place_members(why, newest, holder));
	note_unfinished(newest);
	return {};
}

template <Platform P>
Status Journal<P>::judge_member_states(Refusal &why, const Superblock &newest)
{
	bool sound = members_in_use(newest) != 0;
	for (u32 m = 0; m < kMaxMembers; ++m) {
		const Member &member = newest.members[m];
		sound = sound && member.state <= MemberState::asked;
		for (u32 before = 0; before < m; ++before)
			sound = sound && (member.state == MemberState::absent ||
					  !(member.uuid == newest.members[before].uuid));
	}
	if (sound)
		return {};
	why.begin() << "the superblock is valid, but what it says cannot be";
	return Error::damaged;
}

template <Platform P>
Status Journal<P>::identify(Refusal &why, const Superblock &newest, DeviceIndex *holder)
{
	// Those that come anew take the numbers that are left.
	constexpr bool kTurns[] = {false, true};
	for (const bool anew : kTurns)
		for (u32 i = 0; i < shape_.spares.count; ++i) {
			const DeviceIndex device = kFirstSpare + i;
			const Superblock *there = newest_on(device);
			if (!there || (there->member == kNoMember) != anew)
				continue;
			TRY(anew ? welcome(why, device, *there, holder)
				 : identify(why, newest, device, *there, holder));
		}
	return {};
}

template <Platform P>
Status Journal<P>::identify(Refusal &why, const Superblock &newest, DeviceIndex device,
			    const Superblock &there, DeviceIndex *holder)
{
	const u32 m = there.member;
	const bool known = m < kMaxMembers && newest.members[m].state != MemberState::absent &&
			   there.members[m].uuid == newest.members[m].uuid;
	if (!known) {
		why.begin() << name_of(device) << " was a spare of set " << newest.set
			    << ", which goes on without it; wiped, it can be added anew";
		return Error::wrong_set;
	}
	if (holder[m]) {
		why.begin() << name_of(holder[m]) << " and " << name_of(device)
			    << " both are member " << m << ", " << newest.members[m].uuid
			    << ", of the set: one is a copy of the other";
		return Error::wrong_set;
	}
	if (newest.members[m].sectors != shape_.spares[device - kFirstSpare]) {
		why.begin() << name_of(device) << " has " << shape_.spares[device - kFirstSpare]
			    << " sectors, set " << newest.set << " was made on one of "
			    << newest.members[m].sectors;
		return Error::wrong_set;
	}
	holder[m] = device;
	return newest.members[m].gone() ? readmit(why, newest, m, device) : Status{};
}

// One that was gone is there. Whether what it holds is the newest, a quorum of its sites has to say.
template <Platform P>
Status Journal<P>::readmit(Refusal &why, const Superblock &newest, u32 member, DeviceIndex device)
{
	const bool current = is_current(newest, member, device);
	const u32 counting = counting_sites(device);
	if (!newest.members[member].given_up() && 2 * counting <= kSites) {
		why.begin() << "only " << counting << " of " << kSites << " sites of "
			    << name_of(device) << ", which was lost, hold a superblock: nobody can tell "
			       "whether what is on it is the newest";
		return Error::damaged;
	}
	joining_ |= 1u << member;
	stale_ |= Members{!current} << member;
	new_[member] = newest.members[member];
	return {};
}

// A spare that was prepared for the set.
template <Platform P>
Status Journal<P>::welcome(Refusal &why, DeviceIndex device, const Superblock &there,
			   DeviceIndex *holder)
{
	const Superblock &newest = *winner();
	u32 m = 0;
	while (m < kMaxMembers && (newest.members[m].state != MemberState::absent || holder[m]))
		++m;
	if (m == kMaxMembers) {
		why.begin() << name_of(device) << " is to join set " << newest.set << ", which has "
			    << kMaxMembers << " spares; one of them has to be removed before";
		return Error::wrong_set;
	}
	// A second name of the same spare, or a copy of it.
	for (u32 other = 0; other < kMaxMembers; ++other) {
		const bool anew = joining_ >> other & 1;
		const Member &known = anew ? new_[other] : newest.members[other];
		if ((!anew && known.state == MemberState::absent) ||
		    !(known.uuid == there.members[0].uuid))
			continue;
		why.begin() << name_of(device) << " and another spare both are "
			    << there.members[0].uuid << ", which is to join the set: one is a copy of "
			    << "the other";
		return Error::wrong_set;
	}
	holder[m] = device;
	joining_ |= 1u << m;
	new_[m] = there.members[0];
	new_[m].sectors = shape_.spares[device - kFirstSpare];
	return {};
}

// Whether a member that is gone holds the newest of all that was on it when it was lost. Its own newest
// epoch may be later than the recorded one: of an add that never had its quorum, since a member that the
// set still has does not know of it.
template <Platform P>
bool Journal<P>::is_current(const Superblock &newest, u32 member, DeviceIndex device) const
{
	const Member &recorded = newest.members[member];
	const Superblock &there = *newest_on(device);
	const Member &own = there.members[member];
	const u64 opened = own.in_use() ? there.epoch : own.opened_epoch;
	if (recorded.given_up())
		return has_bug(platform_, Bug::rejoin_any);
	return opened == recorded.opened_epoch || has_bug(platform_, Bug::rejoin_any) ||
	       (opened > recorded.opened_epoch && own.in_use() &&
		members_in_use(there) & members_in_use(newest));
}

// ---- who is missing ----

template <Platform P>
Status Journal<P>::judge_absence(Refusal &why, const Superblock &newest, const DeviceIndex *holder)
{
	for (u32 m = 0; m < kMaxMembers; ++m) {
		const bool given_up = terms_.without >> m & 1;
		const bool known = newest.members[m].in_use() || newest.members[m].asked();
		if (given_up && (holder[m] || !known)) {
			why.begin() << "member " << m << " of set " << newest.set
				    << (holder[m] ? " is here" : " is not in use")
				    << "; only one that is missing can be given up";
			return Error::wrong_set;
		}
		if (!holder[m] && newest.members[m].in_use() && !given_up)
			return missing(why, newest, m, holder);
	}
	const DeviceIndex silent = without_member(holder);
	if (silent)
		return superfluous(why, newest, silent);
	for (u32 m = 0; m < kMaxMembers; ++m) {
		const bool known = terms_.allow_degraded || terms_.without >> m & 1;
		if (holder[m] || !newest.members[m].gone() || known)
			continue;
		why.begin() << "set " << newest.set << " goes on without its member " << m << ", "
			    << newest.members[m].uuid
			    << ", which is not here; with allow_degraded it starts, and what is on "
			       "that spare gives errors";
		return Error::wrong_set;
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
Status Journal<P>::superfluous(Refusal &why, const Superblock &newest, DeviceIndex device)
{
	why.begin() << name_of(device) << " is no member of set " << newest.set
		    << "; 'dmremap spare add' makes it one";
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

// ---- where everything lies ----

template <Platform P>
Status Journal<P>::place_members(Refusal &why, const Superblock &newest, const DeviceIndex *holder)
{
	// What no set may have been made with, only one that was made on these terms has.
	const bool usual = newest.max_extents >= kMinExtents && newest.max_extents <= kMaxExtents;
	SpareSizes sizes;
	for (u32 m = 0; m < kMaxMembers; ++m)
		if (newest.members[m].in_use())
			sizes.add(newest.members[m].sectors);
	const u64 extents = usual		 ? newest.max_extents
			    : terms_.max_extents ? terms_.max_extents
						 : Spares::of(sizes).max_extents();
	spares_ = Spares();
	for (u32 m = 0; m < kMaxMembers; ++m) {
		const Member &member = newest.members[m];
		if (member.state != MemberState::absent)
			spares_.put(m, member.sectors, extents, member.first_place,
				    holder[m] ? holder[m] : kNoDevice);
	}
	for_each_member(joining_, [&](u32 m) {
		if (newest.members[m].state != MemberState::absent)
			return;
		new_[m].first_place = spares_.data_sectors();
		spares_.put(m, new_[m].sectors, extents, new_[m].first_place, holder[m]);
	});
	const u32 small = spares_.too_small();
	if (joining_ >> small & 1)
		return too_small(why, holder[small], spares_.layout(small));
	return {};
}

// An epoch with a member of which another one does not know: an add that a crash ended. Those who know
// are the first to hear of the next one.
template <Platform P> void Journal<P>::note_unfinished(const Superblock &newest)
{
	const Members in_use = members_in_use(newest);
	for_each_member(in_use, [&](u32 m) {
		for_each_member(in_use & ~(1u << m), [&](u32 other) {
			const DeviceIndex device = spares_.device(other);
			const Superblock *there = device == kNoDevice ? nullptr : newest_on(device);
			if (there && !there->members[m].in_use())
				first_ones_ |= 1u << m;
		});
	});
}

}  // namespace remap
