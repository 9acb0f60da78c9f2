// SPDX-License-Identifier: GPL-2.0-or-later
// Making a set: superblocks that say `formatting` on all sites, an empty log, then superblocks that
// say `ready`. A set that nowhere says `ready` is an interrupted format, and blank. What the table
// holds already (a dump that is restored) is written out in between, as a checkpoint.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// REQUIRES: found() is Found::blank.
template <Platform P> Status Journal<P>::format(Refusal &why)
{
	if (!platform_.writable())
		return Error::read_only;
	Superblock superblock = new_superblock();
	if (!platform_.random(superblock.set.bytes, sizeof(Uuid)) ||
	    !platform_.random(superblock.members[0].uuid.bytes, sizeof(Uuid)))
		return Error::no_randomness;
	superblock.set.make_random();
	superblock.members[0].uuid.make_random();
	if (!terms_.new_set.nil())
		superblock.set = terms_.new_set;
	for (u32 number = 0; number < kSites; ++number) {
		sites_[number] = Site{};
		// What an interrupted format left in the other slot would be another set's.
		if (!write_zeros(kFirstSpare, layout_.site(number), kSiteSectors)) {
			why.begin()
				<< "the spare cannot be written at sector " << layout_.site(number);
			return Error::spare_io;
		}
	}
	bool quorum;
	if (write_sites(superblock, &quorum) == kSites)
		TRY(initialise(why));
	if (all_sites_)
		TRY(write_table(why, &superblock));
	superblock.generation = 2;
	superblock.state = SetState::ready;
	if (!all_sites_ || write_sites(superblock, &quorum) != kSites) {
		why.begin()
			<< "the spare refuses a superblock; all three sites must be writable to "
			   "begin with";
		return Error::spare_io;
	}
	terms_.wipe_set = Uuid{};
	return survey(why);
}

template <Platform P> Superblock Journal<P>::new_superblock()
{
	Superblock superblock;
	superblock.generation = 1;
	superblock.state = SetState::formatting;
	superblock.epoch = superblock.announced = terms_.wipe_set.nil() ? 0 : wiped_epoch();
	superblock.copies = static_cast<u8>(copies_of(1));
	superblock.main_sectors = shape_.main_sectors;
	superblock.block_bytes = shape_.block_bytes;
	superblock.max_extents = layout_.max_extents();
	superblock.members[0].sectors = shape_.spare_sectors;
	superblock.members[0].state = MemberState::in_use;
	__builtin_memcpy(superblock.main_id, terms_.main_id, sizeof(superblock.main_id));
	return superblock;
}

// The beginning of both rings; the rest is made zero when the log comes near (commit.h), since a
// ring may be gigabytes long. All of them for a set whose name was given: there may be blocks of
// the very same set.
template <Platform P> Status Journal<P>::initialise(Refusal &why)
{
	const u64 ring = layout_.journal_blocks();
	const u64 blocks = terms_.new_set.nil() ? min_of<u64>(2 * kZeroAhead, ring) : ring;
	for (u32 copy = 0; copy < kCopies; ++copy)
		if (!write_zeros(kFirstSpare, layout_.journal(copy), blocks * kBlockSectors)) {
			why.begin() << "the spare cannot be written at sector "
				    << layout_.journal(copy);
			return Error::spare_io;
		}
	if (debt_.flush(platform_, kFirstSpare) == IoStatus::ok)
		return {};
	why.begin() << "the spare cannot be flushed";
	return Error::spare_io;
}

// Errors: table_full, spare_io.
template <Platform P> Status Journal<P>::write_table(Refusal &why, Superblock *superblock)
{
	CheckpointBlockDisk *block = reinterpret_cast<CheckpointBlockDisk *>(block_);
	writing_ = Writing{};
	// No checkpoint of the set whose name it may bear can have this one.
	writing_.id = {superblock->epoch + 1, 0};
	while (const u32 count = fill_checkpoint_block()) {
		if (writing_.blocks == layout_.area_blocks())
			return Error::table_full;
		const Le32 crc = seal(block, superblock->set, writing_.id, writing_.blocks, count);
		writing_.crc = Crc32c::of(&crc, sizeof(crc), writing_.crc);
		if (write_area(copies_of(1), writing_.blocks++) != copies_of(1)) {
			why.begin() << "the spare refuses a block of the table";
			return Error::spare_io;
		}
	}
	if (!writing_.blocks)
		return {};
	superblock->root = {writing_.id, writing_.blocks, writing_.area, writing_.crc};
	if (flush_copies(copies_of(1)))
		return {};
	why.begin() << "the spare cannot be flushed";
	return Error::spare_io;
}

template <Platform P> bool Journal<P>::write_zeros(DeviceIndex device, Sector from, u64 sectors)
{
	__builtin_memset(block_, 0, kMetadataBlockBytes);
	for (u64 done = 0; done < sectors; done += kBlockSectors)
		if (debt_.write(platform_, device, from + done, block_, kBlockSectors) !=
		    IoStatus::ok)
			return false;
	return true;
}

}  // namespace remap
