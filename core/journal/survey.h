// SPDX-License-Identifier: GPL-2.0-or-later
// LOAD, first half: what is on the spare, judged by its sites alone. Nothing is written, and what
// is not understood is left alone: a spare that somebody cabled to the wrong place may hold the
// only copy of his data.
#pragma once

#include "core/journal/journal.h"

namespace remap {

template <Platform P> Status Journal<P>::survey(Refusal &why)
{
	found_ = Found::nothing;
	const u64 wanted = terms_.max_extents;
	layout_ = wanted ? Layout::of(shape_.spare_sectors, wanted)
			 : Layout::of(shape_.spare_sectors);
	if (!layout_.valid()) {
		why.begin() << "the spare has " << shape_.spare_sectors
			    << " sectors, its metadata alone would take "
			    << layout_.reserved_sectors();
		return Error::spare_full;
	}
	for (u32 number = 0; number < kSites; ++number) {
		const IoStatus status = read_site(number);
		if (status != IoStatus::ok && status != IoStatus::medium &&
		    status != IoStatus::io && status != IoStatus::target) {
			why.begin() << "the spare cannot be read (" << text_of(status) << ")";
			return Error::spare_io;
		}
	}
	if (!terms_.wipe_set.nil())
		return judge_wipe(why);
	const Superblock *newest = winner();
	if (!newest || newest->state == SetState::formatting)
		return judge_absent(why);
	return judge_set(why, *newest);
}

template <Platform P> IoStatus Journal<P>::read_site(u32 number)
{
	Site &site = sites_[number];
	site = Site{};
	IoStatus worst = IoStatus::ok;
	for (u32 slot = 0; slot < Site::kSlots; ++slot) {
		const Sector at = layout_.site(number) + slot * kBlockSectors;
		const IoStatus status = platform_.read(kFirstSpare, at, block_, kBlockSectors);
		if (status == IoStatus::ok)
			note_slot(&site, slot);
		else
			worst = status;
	}
	return worst;
}

// REQUIRES: the slot is in block_.
template <Platform P> void Journal<P>::note_slot(Site *site, u32 slot)
{
	const SuperblockDisk &disk = reinterpret_cast<const SlotDisk *>(block_)->superblock;
	const u32 bit = 1u << slot;
	site->readable |= bit;
	if (is_zero(block_, kMetadataBlockBytes))
		site->blank |= bit;
	if (has_magic(disk)) {
		site->ours |= bit;
		site->names[slot] = disk.set;
	}
	if (!is_whole(disk))
		return;
	Superblock read;
	if (disk.version == kFormatVersion) {
		unpack(disk, &read);
	} else {
		read.epoch = ~u64{0}; // whatever else: not to be overlooked,
		read.state = SetState::opened; // and not to be taken for an interrupted format
	}
	site->crcs[slot] = disk.crc;
	site->others[slot] = read.other;
	if (disk.version == kFormatVersion)
		site->highest = max_of(site->highest, max_of(read.epoch, read.announced));
	const bool first = !site->valid();
	site->whole |= bit;
	site->tied = !first && !newer(read, site->superblock) && !newer(site->superblock, read);
	if (!first && !newer(read, site->superblock))
		return;
	site->newest = slot;
	site->version = disk.version;
	site->superblock = read;
}

// The superblock with the highest epoch and generation of all, committed or not: a lower one that
// more sites agree on may be the past of what was acknowledged in it.
template <Platform P> const Superblock *Journal<P>::winner() const
{
	const Superblock *best = nullptr;
	for (const Site &site : sites_)
		if (counts(site) && (!best || newer(site.superblock, *best)))
			best = &site.superblock;
	if (has_bug(platform_, Bug::two_sites_win))
		for (u32 i = 0; i < kSites; ++i) {
			const Site &a = sites_[i], &b = sites_[(i + 1) % kSites];
			if (counts(a) && counts(b))
				best = newer(a.superblock, b.superblock) ? &b.superblock
									 : &a.superblock;
		}
	return best;
}

// A site whose slots do not fit is lost until it is written again: what is its newest now may be
// the past. Another version's slots say nothing of each other here. An operator who gives up what
// the other sites said may have one that does not fit, if there is no better.
template <Platform P> bool Journal<P>::counts(const Site &site) const
{
	if (!site.valid())
		return false;
	if (site.version != kFormatVersion || site.slots_fit() ||
	    has_bug(platform_, Bug::trust_slots))
		return true;
	bool better = false;
	for (const Site &other : sites_)
		better |= other.valid() && other.slots_fit();
	return terms_.accept_sites && !better;
}

template <Platform P> u32 Journal<P>::counting_sites() const
{
	u32 counting = 0;
	for (const Site &site : sites_)
		counting += counts(site);
	return counting;
}

// No site says that there is a set, or all that do say that it was never completed.
template <Platform P> Status Journal<P>::judge_absent(Refusal &why)
{
	bool formatting = false;
	for (const Site &site : sites_) {
		if (site.valid() && site.version == kFormatVersion &&
		    site.superblock.state == SetState::formatting) {
			formatting = true;
		} else if (site.ours) {
			why.begin()
				<< "the spare has a damaged superblock of ours and no valid one; "
				   "'dmremap check' tells what can be saved";
			return Error::damaged;
		}
	}
	for (u32 number = 0; number < kSites; ++number)
		if (sites_[number].readable != (1u << Site::kSlots) - 1) {
			why.begin() << "site " << number
				    << " of the spare cannot be read, so nobody can tell whether it "
				       "holds a set";
			return Error::spare_io;
		}
	if (!shape_.main_sectors) {
		TRY(predecessor(why));
		why.begin() << "the spare holds no set"
			    << (formatting ? ", only what an interrupted format left" : "");
		return Error::wrong_set;
	}
	if (!terms_.set.nil()) {
		why.begin() << "the spare holds no set, but set " << terms_.set << " is demanded";
		return Error::wrong_set;
	}
	if (!terms_.format)
		TRY(foreign(why));
	found_ = Found::blank;
	return {};
}

template <Platform P> Status Journal<P>::judge_set(Refusal &why, const Superblock &newest)
{
	constexpr u64 known_incompat = 0;
	constexpr u64 known_ro_compat = 0;
	for (const Site &site : sites_)
		if (site.valid() && site.version != kFormatVersion) {
			why.begin() << "the metadata has format version " << site.version
				    << ", this version knows " << kFormatVersion;
			return Error::unknown_format;
		}
	if (newest.incompat & ~known_incompat) {
		why.begin()
			<< "the metadata has features that this version does not know (incompat "
			<< newest.incompat << ")";
		return Error::unknown_format;
	}
	if (newest.ro_compat & ~known_ro_compat && platform_.writable()) {
		why.begin()
			<< "the metadata has features that this version can only read (ro_compat "
			<< newest.ro_compat << "); make the table read-only";
		return Error::unknown_format;
	}
	TRY(judge_devices(why, newest));
	TRY(judge_histories(why, newest));
	if (newest.max_extents >= kMinExtents && newest.max_extents <= kMaxExtents)
		layout_ = Layout::of(shape_.spare_sectors, newest.max_extents);
	if (!makes_sense(newest)) {
		why.begin() << "the superblock is valid, but what it says cannot be";
		return Error::damaged;
	}
	now_ = newest;
	found_ = Found::set;
	return {};
}

// Whether a superblock says what one of ours can say. A CRC shows that nobody damaged it, not that it
// is right; what follows from it goes to the disk.
template <Platform P> bool Journal<P>::makes_sense(const Superblock &set) const
{
	constexpr u64 kMost = kMostCounted;
	const bool counts = set.epoch < kMost && set.generation < kMost && set.announced < kMost &&
			    set.journal_start < kMost && set.epoch_start < kMost &&
			    set.journal_end < kMost && set.chain_end <= set.epoch_start &&
			    set.chain_end <= set.journal_start + layout_.journal_blocks();
	const bool log = set.journal_start <= set.epoch_start ||
			 set.root.id.epoch >= set.epoch; // a checkpoint of this epoch
	bool alone = set.member == 0 && set.members[0].state == MemberState::in_use;
	for (u32 m = 1; m < kMaxMembers; ++m)
		alone = alone && set.members[m].state == MemberState::absent;
	const bool root = set.root.blocks <= layout_.area_blocks() && set.root.area <= 1 &&
			  (set.root.blocks || !set.root.crc);
	return layout_.valid() && layout_.max_extents() == set.max_extents &&
	       set.state >= SetState::ready && set.state <= SetState::clean && counts && log &&
	       alone && root && set.copies && !(set.copies >> kCopies) &&
	       set.journal_blocks == layout_.journal_blocks() &&
	       set.area_blocks == layout_.area_blocks();
}

// Are these the devices that it was made on?
template <Platform P> Status Journal<P>::judge_devices(Refusal &why, const Superblock &newest)
{
	if (!terms_.set.nil() && !(terms_.set == newest.set)) {
		why.begin() << "the spare belongs to set " << newest.set << ", but set "
			    << terms_.set << " is demanded";
		return Error::wrong_set;
	}
	if (!newest.main_sectors || newest.main_sectors > kMaxMainSectors ||
	    newest.block_bytes < kSectorBytes || newest.block_bytes > kMetadataBlockBytes ||
	    newest.block_bytes & (newest.block_bytes - 1)) {
		why.begin() << "the superblock is valid, but what it says of main cannot be";
		return Error::damaged;
	}
	if (!shape_.main_sectors)
		shape_.main_sectors = newest.main_sectors;
	if (!shape_.block_bytes)
		shape_.block_bytes = newest.block_bytes;
	if (newest.main_sectors != shape_.main_sectors) {
		why.begin() << "main has " << shape_.main_sectors << " sectors, set " << newest.set
			    << " was made for one of " << newest.main_sectors
			    << (newest.main_sectors == shape_.spare_sectors
					? "; are main and spare swapped?"
					: "");
		return Error::wrong_set;
	}
	if (newest.members[0].sectors != shape_.spare_sectors) {
		why.begin() << "the spare has " << shape_.spare_sectors << " sectors, set "
			    << newest.set << " was made on one of " << newest.members[0].sectors;
		return Error::wrong_set;
	}
	if (newest.block_bytes != shape_.block_bytes) {
		why.begin() << "main has logical blocks of " << shape_.block_bytes << " bytes, set "
			    << newest.set << " was made for " << newest.block_bytes;
		return Error::wrong_set;
	}
	return check_main_id(newest, terms_, why);
}

template <Platform P>
Status Journal<P>::check_main_id(const Superblock &set, const Terms &terms, Refusal &why)
{
	const bool both = set.main_id[0] && terms.main_id[0];
	if (!both || !__builtin_memcmp(set.main_id, terms.main_id, kMainIdBytes))
		return {};
	Text text = why.begin();
	text << "main is ";
	text.quoted(terms.main_id) << ", the set was made for ";
	text.quoted(set.main_id);
	return Error::wrong_set;
}

// Two histories under one number: a late write wiped out the announcement that would have kept them
// apart.
template <Platform P> bool Journal<P>::parted(const Superblock &a, const Superblock &b)
{
	if (a.epoch != b.epoch || a.generation != b.generation)
		return false;
	return a.state != b.state || a.copies != b.copies || !(a.root.id == b.root.id) ||
	       a.root.crc != b.root.crc || a.journal_start != b.journal_start ||
	       a.epoch_start != b.epoch_start || a.chain_end != b.chain_end || a.chain != b.chain;
}

// Do enough sites tell one story?
template <Platform P> Status Journal<P>::judge_histories(Refusal &why, const Superblock &newest)
{
	for (u32 number = 0; number < kSites; ++number) {
		const Site &site = sites_[number];
		if (!site.valid())
			continue;
		if (!(site.superblock.set == newest.set) ||
		    !(site.superblock.members[0].uuid == newest.members[0].uuid)) {
			why.begin() << "the sites of the spare belong to different sets, "
				    << site.superblock.set << " and " << newest.set;
			return Error::damaged;
		}
		if (site.superblock.site != number || site.superblock.member != newest.member) {
			why.begin() << "the superblock of site " << u32{site.superblock.site}
				    << " was found at site " << number;
			return Error::damaged;
		}
		if (counts(site) && !terms_.accept_sites && parted(site.superblock, newest)) {
			why.begin() << "two superblocks have epoch " << newest.epoch
				    << " and generation " << newest.generation
				    << " and do not say the same; 'dmremap repair' explains";
			return Error::damaged;
		}
	}
	const bool one = terms_.accept_sites || has_bug(platform_, Bug::few_sites);
	const u32 needed = one ? 1 : kSites / 2 + 1;
	const u32 counting = counting_sites();
	if (counting < needed) {
		bool late = false;
		for (const Site &site : sites_)
			late |= site.valid() && !counts(site);
		why.begin() << "only " << counting << " of " << kSites
			    << " sites of the spare hold a superblock"
			    << (late ? " beside which nothing landed late, " : ", ") << needed
			    << " are needed; 'dmremap repair' explains";
		return Error::damaged;
	}
	return {};
}

}  // namespace remap
