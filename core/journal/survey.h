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
	for (DeviceIndex device = kFirstSpare; device < kFirstSpare + shape_.spares.count; ++device)
		TRY(read_sites(why, device));
	dead_asks_ = 0;
	if (!terms_.wipe_set.nil())
		return judge_wipe(why);
	TRY(judge_asks(why));
	const Superblock *newest = winner();
	if (!newest || newest->state == SetState::formatting)
		return judge_absent(why);
	return judge_set(why, *newest);
}

template <Platform P> Status Journal<P>::read_sites(Refusal &why, DeviceIndex device)
{
	const Layout layout = layout_alone(device);
	if (!layout.valid())
		return too_small(why, device, layout);
	for (u32 number = 0; number < kSites; ++number) {
		const IoStatus status = read_site(device, layout.site(number), &site_on(device, number));
		if (status != IoStatus::ok && status != IoStatus::medium &&
		    status != IoStatus::io && status != IoStatus::target) {
			why.begin() << name_of(device) << " cannot be read (" << text_of(status) << ")";
			return Error::spare_io;
		}
	}
	return {};
}

// Of a spare as if it had no others beside it: enough to find the sites.
template <Platform P> Layout Journal<P>::layout_alone(DeviceIndex device) const
{
	const Sector sectors = shape_.spares[device - kFirstSpare];
	const u64 wanted = terms_.max_extents;
	return wanted ? Layout::of(sectors, wanted) : Layout::of(sectors);
}

template <Platform P>
Status Journal<P>::too_small(Refusal &why, DeviceIndex device, const Layout &layout) const
{
	Text text = why.begin();
	text << name_of(device) << " has " << shape_.spares[device - kFirstSpare]
	     << " sectors, its metadata alone would take " << layout.reserved_sectors();
	if (shape_.spares.count > 1)
		text << " with room for " << layout.max_extents() << " extents of the whole set";
	return Error::spare_full;
}

// Where everything would lie in a set that is made now.
template <Platform P> Status Journal<P>::lay_out(Refusal &why)
{
	const u64 wanted = terms_.max_extents;
	spares_ = wanted ? Spares::of(shape_.spares, wanted) : Spares::of(shape_.spares);
	if (terms_.places.slots)
		lay_out_as_told();
	if (spares_.valid())
		return {};
	const u32 small = spares_.too_small();
	if (small < spares_.slots())
		return too_small(why, spares_.device(small), spares_.layout(small));
	why.begin() << "the places of two spares overlap, or reach too far";
	return Error::wrong_argument;
}

template <Platform P> void Journal<P>::lay_out_as_told()
{
	const u64 extents = spares_.max_extents();
	spares_ = Spares();
	for (u32 i = 0; i < shape_.spares.count; ++i)
		spares_.put(terms_.places.number[i], shape_.spares[i], extents, terms_.places.first[i],
			    kFirstSpare + i);
}

template <Platform P>
IoStatus Journal<P>::read_site(DeviceIndex device, Sector where, Site *site)
{
	*site = Site{};
	IoStatus worst = IoStatus::ok;
	for (u32 slot = 0; slot < Site::kSlots; ++slot) {
		const Sector at = where + slot * kBlockSectors;
		const IoStatus status = platform_.read(device, at, block_, kBlockSectors);
		if (status == IoStatus::ok)
			note_slot(site, slot);
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
	for (DeviceIndex device = kFirstSpare; device < kFirstSpare + shape_.spares.count; ++device) {
		const Superblock *there = candidate(device);
		if (there && (!best || newer(*there, *best)) && !given_up(device))
			best = there;
	}
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
// the other sites said may have one that does not fit, if there is no better on that spare.
template <Platform P> bool Journal<P>::counts(const Site &site) const
{
	if (!site.valid())
		return false;
	if (site.version != kFormatVersion || site.slots_fit() ||
	    has_bug(platform_, Bug::trust_slots))
		return true;
	const Site *beside = sites_ + (&site - sites_) / kSites * kSites;
	bool better = false;
	for (u32 number = 0; number < kSites; ++number)
		better |= beside[number].valid() && beside[number].slots_fit();
	return terms_.accept_sites && !better;
}

template <Platform P> u32 Journal<P>::counting_sites(DeviceIndex device) const
{
	u32 counting = 0;
	for (u32 number = 0; number < kSites; ++number)
		counting += counts(site_on(device, number));
	return counting;
}

// No site says that there is a set, or all that do say that it was never completed.
template <Platform P> Status Journal<P>::judge_absent(Refusal &why)
{
	bool formatting = false;
	for (u32 i = 0; i < sites(); ++i) {
		const Site &site = sites_[i];
		const bool prepared = counts(site) && site.superblock.member == kNoMember;
		if (prepared && shape_.main_sectors && !terms_.format) {
			why.begin() << name_of(device_of_site(i)) << " was prepared for set "
				    << site.superblock.set
				    << "; it joins when it is named with the spares of that set";
			return Error::not_blank;
		}
		if (site.valid() && site.version == kFormatVersion &&
		    site.superblock.state == SetState::formatting) {
			formatting = true;
		} else if (site.ours) {
			why.begin()
				<< name_of(device_of_site(i))
				<< " has a damaged superblock of ours and no valid one; "
				   "'dmremap check' tells what can be saved";
			return Error::damaged;
		}
	}
	for (u32 i = 0; i < sites(); ++i)
		if (sites_[i].readable != (1u << Site::kSlots) - 1) {
			why.begin() << "site " << i % kSites << " of " << name_of(device_of_site(i))
				    << " cannot be read, so nobody can tell whether it "
				       "holds a set";
			return Error::spare_io;
		}
	const bool one = shape_.spares.count == 1;
	if (!shape_.main_sectors) {
		for (u32 i = 0; i < shape_.spares.count; ++i)
			TRY(predecessor(why, kFirstSpare + i));
		why.begin() << (one ? "the spare holds no set" : "none of the spares holds a set")
			    << (formatting ? ", only what an interrupted format left" : "");
		return Error::wrong_set;
	}
	if (!terms_.set.nil()) {
		why.begin() << (one ? "the spare holds no set" : "none of the spares holds a set")
			    << ", but set " << terms_.set << " is demanded";
		return Error::wrong_set;
	}
	TRY(lay_out(why));
	for (u32 m = 0; !terms_.format && m < spares_.slots(); ++m)
		if (spares_.exists(m))
			TRY(foreign(why, m));
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
	for (u32 m = 0; m < kMaxMembers; ++m)
		if (newest.members[m].in_use() && spares_.device(m) != kNoDevice)
			TRY(judge_histories(why, newest, m));
	if (!makes_sense(newest)) {
		why.begin() << "the superblock is valid, but what it says cannot be";
		return Error::damaged;
	}
	now_ = newest;
	found_ = Found::set;
	gone_.store_relaxed(members_gone(now_) | joining_);
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
			    set.chain_end <= set.journal_start + spares_.journal_blocks();
	const bool log = set.journal_start <= set.epoch_start ||
			 set.root.id.epoch >= set.epoch; // a checkpoint of this epoch
	const bool root = set.root.blocks <= spares_.area_blocks() && set.root.area <= 1 &&
			  (set.root.blocks || !set.root.crc);
	return spares_.valid() && spares_.max_extents() == set.max_extents &&
	       set.state >= SetState::ready && set.state <= SetState::clean && counts && log &&
	       root && set.copies && !(set.copies & ~copies_of(members_in_use(set))) &&
	       set.journal_blocks == spares_.journal_blocks() &&
	       set.area_blocks == spares_.area_blocks();
}

// Are these the devices that it was made on?
template <Platform P> Status Journal<P>::judge_devices(Refusal &why, const Superblock &newest)
{
	TRY(judge_sets(why, newest));
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
		bool swapped = false;
		for (u32 i = 0; i < shape_.spares.count; ++i)
			swapped |= newest.main_sectors == shape_.spares[i];
		why.begin() << "main has " << shape_.main_sectors << " sectors, set " << newest.set
			    << " was made for one of " << newest.main_sectors
			    << (swapped ? "; are main and spare swapped?" : "");
		return Error::wrong_set;
	}
	TRY(judge_members(why, newest));
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
	for (u32 m = 0; m < kMaxMembers; ++m)
		if (a.members[m].state != b.members[m].state ||
		    a.members[m].opened_epoch != b.members[m].opened_epoch ||
		    !(a.members[m].uuid == b.members[m].uuid))
			return true;
	return a.state != b.state || a.copies != b.copies || !(a.root.id == b.root.id) ||
	       a.root.crc != b.root.crc || a.journal_start != b.journal_start ||
	       a.epoch_start != b.epoch_start || a.chain_end != b.chain_end || a.chain != b.chain;
}

// Do enough sites of a member tell one story, and is it that of the set? REQUIRES: the member was
// identified.
template <Platform P>
Status Journal<P>::judge_histories(Refusal &why, const Superblock &newest, u32 member)
{
	const DeviceIndex device = spares_.device(member);
	bool current = false;
	bool late = false;
	for (u32 number = 0; number < kSites; ++number) {
		const Site &site = site_on(device, number);
		if (!site.valid())
			continue;
		const Superblock &there = site.superblock;
		// Before it was a member it had no number.
		const bool anew = there.member == kNoMember;
		const Uuid &name = there.members[anew ? 0 : member].uuid;
		if (!(there.set == newest.set) || !(name == newest.members[member].uuid)) {
			why.begin() << "the sites of " << name_of(device)
				    << " belong to different sets, " << there.set << " and "
				    << newest.set;
			return Error::damaged;
		}
		if (there.site != number || (there.member != member && !anew)) {
			why.begin() << "the superblock of site " << u32{there.site}
				    << " was found at site " << number;
			return Error::damaged;
		}
		if (counts(site) && !anew && !terms_.accept_sites && parted(there, newest)) {
			why.begin() << "two superblocks have epoch " << newest.epoch
				    << " and generation " << newest.generation
				    << " and do not say the same; 'dmremap repair' explains";
			return Error::damaged;
		}
		late |= !counts(site);
		current |= counts(site) && max_of(there.epoch, there.announced) >= newest.epoch;
	}
	const bool one = terms_.accept_sites || has_bug(platform_, Bug::few_sites);
	const u32 needed = one ? 1 : kSites / 2 + 1;
	const u32 counting = counting_sites(device);
	if (counting < needed) {
		why.begin() << "only " << counting << " of " << kSites << " sites of "
			    << name_of(device) << " hold a superblock"
			    << (late ? " beside which nothing landed late, " : ", ") << needed
			    << " are needed; 'dmremap repair' explains";
		return Error::damaged;
	}
	// An epoch begins when a quorum of each member knows its number, so one of those does still.
	if (!current) {
		why.begin() << name_of(device) << ", member " << member << " of set " << newest.set
			    << ", never heard of epoch " << newest.epoch
			    << ": what it holds is out of date";
		return Error::wrong_set;
	}
	return {};
}

}  // namespace remap
