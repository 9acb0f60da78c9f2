// SPDX-License-Identifier: GPL-2.0-or-later
// SITE and EPOCH: superblocks are written to one site after the other, each stable before the next,
// into the slot that is not the newest valid one. A quorum is two of the three sites of each member in
// use, failed ones counted. More than half of all together would not do: a member of which one site alone
// had the newest superblock could lose it and then, with another spare of this set, pass for current.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// Returns how many sites have it.
template <Platform P> u32 Journal<P>::write_sites(const Superblock &superblock, bool *quorum)
{
	u32 good = 0;
	*quorum = true;
	for (u32 m = 0; m < members(); ++m) {
		const u32 here = write_member_sites(superblock, m);
		good += here;
		*quorum = *quorum && 2 * here > kSites;
	}
	all_sites_ = good == sites();
	*quorum = *quorum || (good && has_bug(platform_, Bug::any_site_suffices));
	return good;
}

template <Platform P> u32 Journal<P>::write_member_sites(Superblock superblock, u32 member)
{
	u32 good = 0;
	superblock.member = static_cast<u8>(member);
	for (u32 number = 0; number < kSites; ++number) {
		Site &site = site_on(spares_.device(member), number);
		if (site.failed && !has_bug(platform_, Bug::failed_site_counts))
			continue;
		superblock.site = static_cast<u8>(number);
		site.failed = !write_site(site, superblock);
		good += !site.failed;
	}
	return good;
}

template <Platform P> bool Journal<P>::write_site(Site &site, Superblock superblock)
{
	const Layout &layout = spares_.layout(superblock.member);
	const u32 slot = has_bug(platform_, Bug::newest_slot) ? site.newest : site.next_slot();
	superblock.other = site.crcs[1 - slot];
	SuperblockDisk *disk = &reinterpret_cast<SlotDisk *>(block_)->superblock;
	pack(disk, superblock, layout);
	const u32 crc = disk->crc;
	__builtin_memset(block_ + sizeof(SuperblockDisk), 0,
			 kMetadataBlockBytes - sizeof(SuperblockDisk));
	if (!write_slot(spares_.device(superblock.member), layout.site(superblock.site), slot))
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

// The same epoch, another content: a checkpoint, or the end. Errors: unwritable.
template <Platform P> Status Journal<P>::publish(Superblock superblock)
{
	bool quorum;
	superblock.generation = now_.generation + 1;
	superblock.announced = announced_;
	write_sites(superblock, &quorum);
	became_degraded(!all_sites_ || superblock.copies != all_copies());
	if (!quorum)
		return fail();
	now_ = superblock;
	return {};
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
// two loads that each reached one site could begin the same epoch with different copies.
template <Platform P> Status Journal<P>::change_epoch(Copies copies, SetState state)
{
	bool quorum = true;
	leave_free();
	Superblock superblock = now_;
	superblock.announced = ++announced_;
	if (!has_bug(platform_, Bug::no_announcement))
		write_sites(superblock, &quorum);
	if (!quorum)
		return fail();
	superblock.epoch = announced_;
	superblock.copies = static_cast<u8>(copies);
	superblock.state = has_bug(platform_, Bug::clean_while_open) ? SetState::clean : state;
	superblock.epoch_start = end_;
	superblock.chain_end = end_ == first_ ? chain_end_ : end_;
	superblock.chain = end_crc_;
	superblock.journal_end = 0;
	for (u32 m = 0; m < members(); ++m)
		superblock.members[m].opened_epoch = announced_;
	TRY(publish(superblock));
	begun_ = true;
	epoch_.store_relaxed(now_.epoch);
	return {};
}

// From here on: what is mapped is served, nothing changes, until a load.
template <Platform P> Status Journal<P>::fail()
{
	failed_.store_release(true);
	opened_.store_release(false);
	return Error::unwritable;
}

}  // namespace remap
