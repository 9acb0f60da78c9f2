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
	if (!platform_.random(superblock.set.bytes, sizeof(Uuid)))
		return Error::no_randomness;
	superblock.set.make_random();
	for (u32 m = 0; m < spares_.slots(); ++m) {
		if (!spares_.exists(m))
			continue;
		if (!platform_.random(superblock.members[m].uuid.bytes, sizeof(Uuid)))
			return Error::no_randomness;
		superblock.members[m].uuid.make_random();
	}
	if (!terms_.new_set.nil())
		superblock.set = terms_.new_set;
	for (u32 m = 0; m < spares_.slots(); ++m)
		if (spares_.exists(m))
			TRY(clear_sites(why, m));
	now_ = superblock;
	bool all = write_sites(superblock, members()).all;
	if (all)
		TRY(initialise(why));
	if (all)
		TRY(write_table(why, &superblock));
	superblock.generation = 2;
	superblock.state = SetState::ready;
	all = all && write_sites(superblock, members()).all;
	if (!all) {
		why.begin()
			<< (one_spare() ? "the spare" : "a spare")
			<< " refuses a superblock; all three sites must be writable to begin with";
		return Error::spare_io;
	}
	terms_.wipe_set = Uuid{};
	return survey(why);
}

// What an interrupted format left in the other slot would be another set's.
template <Platform P> Status Journal<P>::clear_sites(Refusal &why, u32 member)
{
	const DeviceIndex device = spares_.device(member);
	for (u32 number = 0; number < kSites; ++number) {
		const Sector at = spares_.layout(member).site(number);
		site_on(device, number) = Site{};
		if (write_zeros(device, at, kSiteSectors))
			continue;
		why.begin() << name_of(device) << " cannot be written at sector " << at;
		return Error::spare_io;
	}
	return {};
}

template <Platform P> Superblock Journal<P>::new_superblock()
{
	Superblock superblock;
	superblock.generation = 1;
	superblock.state = SetState::formatting;
	superblock.epoch = superblock.announced = terms_.wipe_set.nil() ? 0 : wiped_epoch();
	superblock.main_sectors = shape_.main_sectors;
	superblock.block_bytes = shape_.block_bytes;
	superblock.max_extents = spares_.max_extents();
	for (u32 m = 0; m < spares_.slots(); ++m) {
		if (!spares_.exists(m))
			continue;
		superblock.members[m].sectors = shape_.spares[spares_.device(m) - kFirstSpare];
		superblock.members[m].state = MemberState::in_use;
		superblock.members[m].first_place = spares_.first_place(m);
	}
	superblock.copies = static_cast<u8>(copies_of(members_in_use(superblock)));
	__builtin_memcpy(superblock.main_id, terms_.main_id, sizeof(superblock.main_id));
	return superblock;
}

// The names of a spare that is to join a set, on all of its sites; there is no log that anybody could take
// for one of the set's.
template <Platform P> Status Journal<P>::prepare(Refusal &why, const Superblock &set)
{
	if (!platform_.writable())
		return Error::read_only;
	Superblock superblock = new_superblock();
	superblock.set = terms_.new_set = set.set;
	superblock.member = kNoMember;
	// It says nothing of the set, also where another one was wiped that came further.
	superblock.epoch = superblock.announced = 0;
	if (!platform_.random(superblock.members[0].uuid.bytes, sizeof(Uuid)))
		return Error::no_randomness;
	superblock.members[0].uuid.make_random();
	__builtin_memcpy(superblock.main_id, set.main_id, sizeof(superblock.main_id));
	TRY(clear_sites(why, 0));
	now_ = superblock;
	TRY(initialise(why));
	if (write_sites(superblock, members()).all)
		return {};
	why.begin() << "the spare refuses a superblock; all three sites must be writable to begin with";
	return Error::spare_io;
}

// The beginning of both rings; the rest is made zero when the log comes near (commit.h), since a
// ring may be gigabytes long. All of them for a set whose name was given: there may be blocks of
// the very same set.
template <Platform P> Status Journal<P>::initialise(Refusal &why)
{
	const u64 ring = spares_.journal_blocks();
	const u64 blocks = terms_.new_set.nil() ? min_of<u64>(2 * kZeroAhead, ring) : ring;
	Status begun;
	for_each_copy(all_copies(), [&](u32 copy) {
		if (!begun.ok() || write_zeros(device_of(copy), journal_of(copy), blocks * kBlockSectors))
			return;
		why.begin() << name_of(device_of(copy)) << " cannot be written at sector "
			    << journal_of(copy);
		begun = Error::spare_io;
	});
	return begun.ok() ? flush_all(why) : begun;
}

// Errors: table_full, spare_io.
template <Platform P> Status Journal<P>::write_table(Refusal &why, Superblock *superblock)
{
	CheckpointBlockDisk *block = reinterpret_cast<CheckpointBlockDisk *>(block_);
	writing_ = Writing{};
	// No checkpoint of the set whose name it may bear can have this one.
	writing_.id = {superblock->epoch + 1, 0};
	while (const u32 count = fill_checkpoint_block()) {
		if (writing_.blocks == spares_.area_blocks())
			return Error::table_full;
		const Le32 crc = seal(block, superblock->set, writing_.id, writing_.blocks, count);
		writing_.crc = Crc32c::of(&crc, sizeof(crc), writing_.crc);
		if (write_area(all_copies(), writing_.blocks++) != all_copies()) {
			why.begin() << (one_spare() ? "the spare" : "a spare")
				    << " refuses a block of the table";
			return Error::spare_io;
		}
	}
	if (!writing_.blocks)
		return {};
	superblock->root = {writing_.id, writing_.blocks, writing_.area, writing_.crc};
	return flush_all(why);
}

template <Platform P> Status Journal<P>::flush_all(Refusal &why)
{
	if (flush_copies(all_copies()) == all_copies())
		return {};
	why.begin() << (one_spare() ? "the spare" : "a spare") << " cannot be flushed";
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
