// SPDX-License-Identifier: GPL-2.0-or-later
// SITE and EPOCH: superblocks are written to one site after the other, each stable before the next,
// into the slot that is not the newest valid one. A quorum is more than half of all sites of every
// member in use, failed ones counted.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// Returns how many sites have it.
template <Platform P> u32 Journal<P>::write_sites(Superblock superblock, bool *quorum)
{
	u32 good = 0;
	for (u32 number = 0; number < kSites; ++number) {
		Site &site = sites_[number];
		if (site.failed && !has_bug(platform_, Bug::failed_site_counts))
			continue;
		superblock.site = static_cast<u8>(number);
		const u32 slot =
			has_bug(platform_, Bug::newest_slot) ? site.newest : site.next_slot();
		superblock.other = site.crcs[1 - slot];
		SuperblockDisk *disk = &reinterpret_cast<SlotDisk *>(block_)->superblock;
		pack(disk, superblock, layout_);
		const u32 crc = disk->crc;
		__builtin_memset(block_ + sizeof(SuperblockDisk), 0,
				 kMetadataBlockBytes - sizeof(SuperblockDisk));
		site.failed = !write_slot(site, layout_.site(number), slot);
		if (site.failed)
			continue;
		++good;
		site.whole |= 1u << slot;
		site.newest = slot;
		site.tied = false;
		site.crcs[slot] = crc;
		site.others[slot] = superblock.other;
		site.version = kFormatVersion;
		site.superblock = superblock;
	}
	all_sites_ = good == kSites;
	*quorum = 2 * good > kSites || (good && has_bug(platform_, Bug::any_site_suffices));
	return good;
}

// REQUIRES: the slot's content is in block_.
template <Platform P>
bool Journal<P>::write_slot([[maybe_unused]] const Site &site, Sector at, u32 slot)
{
	if (has_bug(platform_, Bug::both_slots))
		(void)debt_.write(platform_, kFirstSpare, at + (1 - slot) * kBlockSectors, block_,
				  kBlockSectors);
	if (debt_.write(platform_, kFirstSpare, at + slot * kBlockSectors, block_, kBlockSectors) !=
	    IoStatus::ok)
		return false;
	if (has_bug(platform_, Bug::no_site_flush))
		return true;
	return debt_.flush(platform_, kFirstSpare) == IoStatus::ok;
}

// The same epoch, another content: a checkpoint, or the end. Errors: unwritable.
template <Platform P> Status Journal<P>::publish(Superblock superblock)
{
	bool quorum;
	superblock.generation = now_.generation + 1;
	superblock.announced = announced_;
	write_sites(superblock, &quorum);
	became_degraded(!all_sites_ || superblock.copies != copies_of(1));
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
	superblock.members[0].opened_epoch = announced_;
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
