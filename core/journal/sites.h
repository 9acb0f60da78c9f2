// SPDX-License-Identifier: GPL-2.0-or-later
// SITE and EPOCH: superblocks are written to one site after the other, each stable before the next,
// into the slot that is not the newest valid one. A quorum is two of the three sites of each member in
// use, failed ones counted. More than half of all together would not do: a member of which one site alone
// had the newest superblock could lose it and then, with another spare of this set, pass for current.
//
// A member that joins knows first: else the others could ask for it before it knows that it is one.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// Those that must know first, then the others; a member without a quorum ends the round.
template <Platform P>
typename Journal<P>::Round Journal<P>::write_sites(const Superblock &superblock, Members members)
{
	Round round;
	u32 wanted = 0;
	const Members order[] = {members & first_ones_, members & ~first_ones_};
	for (const Members some : order)
		for_each_member(some, [&](u32 m) {
			wanted += kSites;
			if (!round.quorum())
				return;
			const u32 here = write_member_sites(superblock, m);
			round.sites += here;
			if (2 * here <= kSites)
				round.failed = m;
		});
	round.all = round.sites == wanted;
	if (round.sites && has_bug(platform_, Bug::any_site_suffices))
		round.failed = kMaxMembers;
	return round;
}

template <Platform P> u32 Journal<P>::write_member_sites(const Superblock &superblock, u32 member)
{
	u32 good = 0;
	for (u32 number = 0; number < kSites; ++number) {
		Site &site = site_on(spares_.device(member), number);
		if (site.failed && !has_bug(platform_, Bug::failed_site_counts))
			continue;
		Superblock content = superblock;
		if (!superblock.members[member].in_use() && superblock.member != kNoMember)
			content = introduction(site, member, superblock.announced);
		// An announcement is the newest of the slots that it is written beside, or nobody
		// sees it: an epoch that came to nothing may be there.
		if (site.valid() && newer(site.superblock, content)) {
			content = site.superblock;
			content.announced = superblock.announced;
		}
		if (content.member != kNoMember)
			content.member = static_cast<u8>(member);
		content.site = static_cast<u8>(number);
		site.failed = !write_site(site, content, member);
		good += !site.failed;
	}
	return good;
}

// A member that joins is told a number, no more: an epoch of the set on one site of it could be taken for
// one of its own, should an operator give up the others before it is one of them.
template <Platform P>
Superblock Journal<P>::introduction(const Site &site, u32 member, u64 announced) const
{
	const Superblock *newest = newest_on(spares_.device(member));
	Superblock own = site.valid() || !newest ? site.superblock : *newest;
	own.announced = announced;
	return own;
}

template <Platform P>
bool Journal<P>::write_site(Site &site, Superblock superblock, u32 member)
{
	const Layout &layout = spares_.layout(member);
	const u32 slot = has_bug(platform_, Bug::newest_slot) ? site.newest : site.next_slot();
	superblock.other = site.crcs[1 - slot];
	SuperblockDisk *disk = &reinterpret_cast<SlotDisk *>(block_)->superblock;
	pack(disk, superblock, layout);
	const u32 crc = disk->crc;
	__builtin_memset(block_ + sizeof(SuperblockDisk), 0,
			 kMetadataBlockBytes - sizeof(SuperblockDisk));
	if (!write_slot(spares_.device(member), layout.site(superblock.site), slot))
		return false;
	site.whole |= 1u << slot;
	site.newest = slot;
	site.tied = false;
	site.crcs[slot] = crc;
	site.others[slot] = superblock.other;
	site.version = kFormatVersion;
	site.superblock = superblock;
	return true;
}

// REQUIRES: the slot's content is in block_.
template <Platform P> bool Journal<P>::write_slot(DeviceIndex device, Sector at, u32 slot)
{
	if (has_bug(platform_, Bug::both_slots))
		(void)debt_.write(platform_, device, at + (1 - slot) * kBlockSectors, block_,
				  kBlockSectors);
	if (debt_.write(platform_, device, at + slot * kBlockSectors, block_, kBlockSectors) !=
	    IoStatus::ok)
		return false;
	if (has_bug(platform_, Bug::no_site_flush))
		return true;
	return debt_.flush(platform_, device) == IoStatus::ok;
}

// The same epoch, another content: a checkpoint, or the end. A member that does not take it is lost if
// the set can go on without it: false, and it is to be published again. Errors: unwritable.
template <Platform P> Result<bool> Journal<P>::publish(Superblock superblock)
{
	superblock.generation = now_.generation + 1;
	superblock.announced = announced_;
	const Round round = write_sites(superblock, members_in_use(superblock));
	if (!round.quorum() && can_lose(round, superblock.copies)) {
		const Copies copies = now_.copies & ~copies_on(round.failed);
		lost(round.failed);
		TRY(change_epoch(copies, SetState::opened, {.lose = 1u << round.failed}));
		return false;
	}
	became(superblock, round);
	if (!round.quorum())
		return fail().error();
	now_ = superblock;
	return true;
}

template <Platform P> void Journal<P>::became(const Superblock &superblock, const Round &round)
{
	const Members gone = members_gone(superblock);
	const Copies all = copies_of(members_in_use(superblock));
	degraded_.store_relaxed(!round.all || superblock.copies != all || gone);
	gone_.store_relaxed(gone);
}

// The first epoch of a life does not use the place behind the log: a write of an earlier life may
// still land there.
template <Platform P> void Journal<P>::leave_free()
{
	if (begun_)
		return;
	if (!has_bug(platform_, Bug::same_place))
		++end_;
	first_ = end_;
}

// EPOCH: first a quorum learns that the number is taken, then it begins. Without the first round
// two loads that each reached one site could begin the same epoch with different copies. A member that
// fails meanwhile is lost, by an epoch with a number of its own. Errors: unwritable.
template <Platform P>
Status Journal<P>::change_epoch(Copies copies, SetState state, const Change &change)
{
	leave_free();
	Superblock announcement = now_;
	announcement.announced = ++announced_;
	Superblock next = next_epoch(copies, state, change);
	const Members members = members_in_use(next);
	first_ones_ |= change.add;
	Round round;
	if (!has_bug(platform_, Bug::no_announcement))
		round = write_sites(announcement, members);
	if (round.quorum())
		round = write_sites(next, members);
	if (!round.quorum() && can_lose(round, copies)) {
		lost(round.failed);
		// Nobody joins an epoch that is made in need.
		Change without = change;
		without.lose |= 1u << round.failed;
		without.add = 0;
		return change_epoch(copies & copies_left(round.failed), state, without);
	}
	became(next, round);
	if (!round.quorum())
		return fail();
	now_ = next;
	first_ones_ = 0;
	begun_ = true;
	epoch_.store_relaxed(now_.epoch);
	return {};
}

template <Platform P>
Superblock Journal<P>::next_epoch(Copies copies, SetState state, const Change &change) const
{
	Superblock next = now_;
	next.announced = next.epoch = announced_;
	++next.generation;
	next.copies = static_cast<u8>(copies);
	next.state = has_bug(platform_, Bug::clean_while_open) ? SetState::clean : state;
	next.epoch_start = end_;
	next.chain_end = end_ == first_ ? chain_end_ : end_;
	next.chain = end_crc_;
	next.journal_end = 0;
	for_each_member(change.lose & members_in_use(now_), [&](u32 m) {
		next.members[m].state = MemberState::gone;
		next.members[m].opened_epoch = now_.epoch;
	});
	// What was asked for is decided by whatever epoch comes next.
	for_each_member(members_of(now_, MemberState::asked),
			[&](u32 m) { next.members[m].state = MemberState::gone; });
	for_each_member(change.ask, [&](u32 m) {
		next.members[m].state = MemberState::asked;
		next.members[m].opened_epoch = 0;
	});
	for_each_member(change.remove, [&](u32 m) { next.members[m] = Member{}; });
	for_each_member(change.add, [&](u32 m) {
		next.members[m] = new_[m];
		next.members[m].state = MemberState::in_use;
	});
	for_each_member(members_in_use(next),
			[&](u32 m) { next.members[m].opened_epoch = announced_; });
	return next;
}

// Whether the set can go on without the member that did not take a superblock. Not before the first
// epoch of a load: nobody knows what the sites say that could not be read.
template <Platform P> bool Journal<P>::can_lose(const Round &round, Copies copies) const
{
	return begun_ && copies & copies_left(round.failed);
}

// Of the members that the last epoch had in use, but for one.
template <Platform P> Copies Journal<P>::copies_left(u32 member) const
{
	return copies_of(members_in_use(now_) & ~(1u << member));
}

template <Platform P> void Journal<P>::lost(u32 member) const
{
	char line[96];
	Text(line, sizeof(line)) << name_of(spares_.device(member)) << ", member " << member
				 << ", takes no superblock; the set goes on without it";
	platform_.log(LogLevel::error, line);
}

template <Platform P> Status Journal<P>::remove(u32 member)
{
	TRY(checkpoint());
	const Copies copies = now_.copies & copies_left(member);
	if (!checkpointed() || !copies)
		return Error::spare_io;
	return change_epoch(copies, SetState::opened, {.remove = Members{1} << member});
}

// From here on: what is mapped is served, nothing changes, until a load.
template <Platform P> Status Journal<P>::fail()
{
	failed_.store_release(true);
	opened_.store_release(false);
	return Error::unwritable;
}

}  // namespace remap
