// SPDX-License-Identifier: GPL-2.0-or-later
// Members that the operator gave up: `dmremap repair --without`. What such a member says of itself does not
// count any more, whatever its epochs, since it may have been served by itself.
//
// The repair writes two epochs. The first one only asks: of it a crash may leave one site, and a load that
// cannot read that site goes on with the member that was to be given up. So an ask that stands on one
// site alone is nothing, if all three were read and another says something else; where that cannot be
// told, the set is refused until the operator has run the repair again. The second epoch says that it is
// given up, and one site of that is enough. docs/development/members.pml is the model of it.
#pragma once

#include "core/journal/journal.h"

namespace remap {

inline bool asks(const Superblock &superblock)
{
	return members_of(superblock, MemberState::asked) != 0;
}

// Whether a member's newest superblock knows of an epoch of another one's: that one is in use in an epoch
// as late, or was opened in one.
inline bool knows(const Superblock &superblock, u32 member, u64 epoch)
{
	const Member &seen = superblock.members[member];
	return seen.in_use() ? superblock.epoch >= epoch
			     : seen.gone() && !seen.given_up() && seen.opened_epoch >= epoch;
}

// Whether what `who` knows has the member whose superblock `whom` is as given up, or counts as that.
inline bool gave_up(const Superblock &who, const Superblock &whom)
{
	if (!(who.set == whom.set) || whom.member >= kMaxMembers || who.member >= kMaxMembers)
		return false;
	const Member &seen = who.members[whom.member];
	return seen.given_up() && seen.uuid == whom.members[whom.member].uuid &&
	       !knows(whom, who.member, who.epoch);
}

// The newest of a device's sites that count; what the device says of itself.
template <Platform P> const Superblock *Journal<P>::newest_on(DeviceIndex device) const
{
	const Superblock *best = nullptr;
	for (u32 number = 0; number < kSites; ++number) {
		const Site &site = site_on(device, number);
		if (counts(site) && (!best || newer(site.superblock, *best)))
			best = &site.superblock;
	}
	return best;
}

// Whether a site asks, and no other one of its device has that epoch.
template <Platform P> bool Journal<P>::is_lonely(DeviceIndex device, u32 number) const
{
	const Site &one = site_on(device, number);
	bool lonely = counts(one) && asks(one.superblock);
	for (u32 other = 0; other < kSites; ++other) {
		const Site &site = site_on(device, other);
		if (other != number && counts(site) && site.superblock.epoch == one.superblock.epoch)
			lonely = false;
	}
	return lonely;
}

// As newest_on(), but for asks that are nothing; what the device says of the set.
template <Platform P> const Superblock *Journal<P>::candidate(DeviceIndex device) const
{
	const Superblock *best = nullptr;
	for (u32 number = 0; number < kSites; ++number) {
		const Site &site = site_on(device, number);
		const bool nothing = dead_asks_ >> device & 1 && is_lonely(device, number);
		if (counts(site) && !nothing && (!best || newer(site.superblock, *best)))
			best = &site.superblock;
	}
	return best;
}

// Which asks count. Errors: damaged, where nobody can tell.
template <Platform P> Status Journal<P>::judge_asks(Refusal &why)
{
	dead_asks_ = 0;
	for (DeviceIndex device = kFirstSpare; device < kFirstSpare + shape_.spares.count; ++device) {
		const Superblock *newest = newest_on(device);
		u32 lonely = 0;
		bool newest_is = false;
		for (u32 number = 0; number < kSites; ++number)
			if (is_lonely(device, number)) {
				++lonely;
				newest_is |= newest == &site_on(device, number).superblock;
			}
		if (!newest_is || members_of(*newest, MemberState::asked) & terms_.without)
			continue;
		if (counting_sites(device) == kSites && lonely < kSites)
			dead_asks_ |= u32{!is_settled(*newest)} << device;
		else
			TRY(judge_unclear(why, *newest));
	}
	return {};
}

// Whether who was to be given up knows better: it gave up the other one, or has it in use since.
template <Platform P> bool Journal<P>::is_settled(const Superblock &asking) const
{
	for (DeviceIndex device = kFirstSpare; device < kFirstSpare + shape_.spares.count; ++device) {
		const Superblock *own = newest_on(device);
		if (own && own->set == asking.set && own->member < kMaxMembers &&
		    asking.members[own->member].asked() &&
		    (gave_up(*own, asking) || knows(*own, asking.member, asking.epoch)))
			return true;
	}
	return false;
}

template <Platform P> Status Journal<P>::judge_unclear(Refusal &why, const Superblock &asking)
{
	if (is_settled(asking))
		return {};
	const u32 m = lowest_bit(members_of(asking, MemberState::asked));
	why.begin() << "member " << m << " of set " << asking.set
		    << " was about to be given up, and nobody can tell whether it was; run "
		       "'dmremap repair --without "
		    << m << "' again";
	return Error::damaged;
}

// Whether another one gave up the member on a device, and that one not it.
template <Platform P> bool Journal<P>::given_up(DeviceIndex device) const
{
	const Superblock *whom = candidate(device);
	for (DeviceIndex other = kFirstSpare; other < kFirstSpare + shape_.spares.count; ++other) {
		const Superblock *who = candidate(other);
		if (other != device && who && whom && gave_up(*who, *whom) &&
		    (!gave_up(*whom, *who) || (asks(*whom) && !asks(*who))))
			return true;
	}
	return false;
}

template <Platform P> Status Journal<P>::judge_given_up(Refusal &why)
{
	for (DeviceIndex a = kFirstSpare; a < kFirstSpare + shape_.spares.count; ++a)
		for (DeviceIndex b = kFirstSpare; b < a; ++b) {
			const Superblock *one = candidate(a);
			const Superblock *other = candidate(b);
			if (!one || !other || !gave_up(*one, *other) || !gave_up(*other, *one) ||
			    asks(*one) != asks(*other))
				continue;
			why.begin() << name_of(b) << " and " << name_of(a)
				    << " were given up, each for the sake of the other: their "
				       "histories have parted";
			return Error::damaged;
		}
	return {};
}

}  // namespace remap
