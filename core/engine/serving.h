// SPDX-License-Identifier: GPL-2.0-or-later
// A set's way into service and out of it, and what keeps table and metadata together meanwhile.
#pragma once

#include "core/engine/engine.h"

namespace remap {

template <Platform P>
Status Engine<P>::create(const Geometry &geometry, const Terms &terms, Refusal &why)
{
	geometry_ = geometry;
	buffer_ = static_cast<u8 *>(platform_.allocate(kCopySectors * kSectorBytes));
	if (!buffer_)
		return Error::no_memory;
	TRY(journal_.create({geometry.main_sectors, geometry.block_sectors * kSectorBytes,
			     geometry.spares},
			    terms));
	{
		Step step(*this);
		step.begin();
		TRY(journal_.survey(why));
		TRY(claim(why));
	}
	spares_ = journal_.spares();
	geometry_.main_sectors = journal_.shape().main_sectors;
	geometry_.block_sectors = journal_.shape().block_bytes / kSectorBytes;
	if (geometry_.physical_sectors < geometry_.block_sectors ||
	    geometry_.physical_sectors > kCopySectors ||
	    !is_power_of_two(geometry_.physical_sectors))
		geometry_.physical_sectors = geometry_.block_sectors;
	TRY(table_.create(geometry_.main_sectors));
	TRY(bad_.create(spares_.data_sectors()));
	TRY(space_.create(spares_.data_sectors(), geometry_.block_sectors));
	noted_ = 0; // all of it is open
	note_members();
	return {};
}

// Two hosts that each took one set for theirs would write over each other. Asked again with every
// load: when the table was made the spare may have been blank, and formatted since under a second
// name.
template <Platform P> Status Engine<P>::claim(Refusal &why)
{
	const Uuid &set = journal_.superblock().set;
	if (journal_.found() != Found::set || platform_.claim(set.bytes))
		return {};
	why.begin() << "another mapped device uses set " << set
		    << ": the spare, or a copy of it, has a second name";
	return Error::set_in_use;
}

template <Platform P> Status Engine<P>::check_terms(const Terms &terms, Refusal &why)
{
	const Superblock &set = journal_.superblock();
	const bool found = journal_.found() == Found::set;
	if (!terms.set.nil() && !(found && terms.set == set.set)) {
		Text text = why.begin();
		if (found)
			text << "the device uses set " << set.set;
		else
			text << "the spare holds no set";
		text << ", but set " << terms.set << " is demanded";
		return Error::wrong_set;
	}
	return journal_.check_main_id(terms, why);
}

template <Platform P> Status Engine<P>::start(Refusal &why, bool table_writes)
{
	Step step(*this);
	step.begin();
	const bool writes = table_writes && platform_.writable();
	table_writes_.store_relaxed(table_writes);
	if (journal_.served()) {
		if (writes)
			(void)journal_.reopen(); // what its failure means is in the mode
		note_lost();
		return {};
	}
	if (journal_.loaded() && !writes)
		return {};
	const Status loaded = load(why, writes);
	if (!loaded.ok())
		(void)forget(); // the next attempt begins with it anyway
	return loaded;
}

template <Platform P> Status Engine<P>::load(Refusal &why, bool writes)
{
	TRY(forget());
	fences_.open_to_writes();
	left_.store_relaxed(0);
	flush_began_.store_relaxed(0);
	flush_told_.store_relaxed(0);
	flushed_last_.store_relaxed(0);
	TRY(journal_.open(why, writes, [&](Refusal &reason) -> Status {
		TRY(claim(reason));
		if (journal_.spares().same_as(spares_)) {
			note_members();
			return adopt_space(reason);
		}
		reason.begin() << "the spare was formatted anew since the table was made; make it "
				  "again";
		return Error::wrong_set;
	}));
	note_members(); // who is gone is known by now
	return {};
}

// Where places are handed out: on the members in use. REQUIRES: the lock.
template <Platform P> void Engine<P>::note_members()
{
	u32 used = 0;
	for (DeviceIndex device = kFirstSpare; device < devices(); ++device)
		used |= u32{uses(device)} << device;
	used_.store_release(used);
	const Members open = present() & ~leaving_;
	const Members gone = journal_.gone();
	if (open == noted_ && gone == noted_gone_)
		return;
	noted_ = open;
	noted_gone_ = gone;
	u64 gone_sectors = 0;
	for (u32 m = 0; m < spares_.slots(); ++m)
		if (spares_.exists(m) && gone >> m & 1)
			gone_sectors += spares_.layout(m).data_sectors();
	gone_sectors_.store_relaxed(gone_sectors);
	space_.close_all();
	for (u32 m = 0; m < spares_.slots(); ++m)
		if (spares_.exists(m) && open >> m & 1)
			space_.open(spares_.first_place(m), spares_.layout(m).data_sectors());
	begin_history();
}

// Of other spares what was in use says nothing.
template <Platform P> void Engine<P>::begin_history()
{
	history_.begin();
	history_.note(platform_.seconds(), room().used);
}

// Members in use, or about to be.
template <Platform P> Members Engine<P>::present() const
{
	if (journal_.found() != Found::set)
		return ~Members{0};
	return members_in_use(journal_.superblock()) | journal_.joining();
}

// Takes the places of everything that is mapped. That no place has two owners is the metadata's
// promise; a set that breaks it is not served.
template <Platform P> Status Engine<P>::adopt_space(Refusal &why)
{
	// The walk goes through main, and its regions are scattered over memory.
	constexpr u32 kAhead = 8;
	Sector ahead = 0;
	Sector region = 0;
	for (u32 i = 0; i < kAhead; ++i)
		table_.prefetch_next(&ahead);
	Extent extent;
	for (Sector at = 0; at < geometry_.main_sectors && table_.next(at, &extent);
	     at = extent.main + extent.length) {
		if (extent.main >> kRegionBits != region)
			table_.prefetch_next(&ahead);
		region = extent.main >> kRegionBits;
		entries_.add_relaxed(1);
		if (entries_.load_relaxed() % kLooksAtOnce == 0 && platform_.stop_requested())
			return Error::interrupted;
		if (extent.state != State::pending)
			TRY(adopt(why, extent));
	}
	for (Sector at = 0; at < spares_.data_sectors() && bad_.next(at, &extent);
	     at = extent.main + extent.length) {
		entries_.add_relaxed(1);
		TRY(adopt_bad(why, extent.main, extent.length));
	}
	if (entries_.load_relaxed() > spares_.entries()) {
		why.begin() << "the log holds " << entries_.load_relaxed()
			    << " extents, a checkpoint has room for " << spares_.entries();
		return Error::damaged;
	}
	announced_unreadable_ = table_.lost_sectors() + table_.pending_sectors();
	scan_.next.store_relaxed(journal_.superblock().scan_next % geometry_.main_sectors);
	scan_.started.store_relaxed(journal_.superblock().scan_on);
	begin_history();
	return {};
}

template <Platform P> Status Engine<P>::adopt(Refusal &why, const Extent &extent)
{
	const Sector place = extent.place;
	if (!is_aligned(extent.main | place | extent.length, geometry_.block_sectors)) {
		why.begin() << "the extent at sector " << extent.main
			    << " is not aligned to the logical block";
		return Error::damaged;
	}
	if (!spares_.holds(place, extent.length)) {
		why.begin() << "the place of the extent at sector " << extent.main
			    << " is on no spare of the set";
		return Error::damaged;
	}
	if (!space_.is_free(place, extent.length)) {
		why.begin() << "the place of the extent at sector " << extent.main
			    << " belongs to another extent too";
		return Error::damaged;
	}
	return space_.take(place, extent.length);
}

// A place that failed is as good as taken.
template <Platform P> Status Engine<P>::adopt_bad(Refusal &why, Sector place, u64 length)
{
	const bool aligned = is_aligned(place | length, geometry_.block_sectors);
	if (aligned && space_.is_free(place, length))
		return space_.take(place, length);
	why.begin() << "place " << place << " of the spare is bad and "
		    << (aligned ? "belongs to an extent too" : "not aligned to the logical block");
	return Error::damaged;
}

// Empties the table, so that it can be loaded. No I/O is served meanwhile. Errors: no_memory.
template <Platform P> Status Engine<P>::forget()
{
	Extent extent;
	for (u64 removed = 1; table_.next(0, &extent, kStepSectors); ++removed) {
		TRY(table_.remove(extent.main, extent.length));
		if (removed % kLooksAtOnce == 0)
			(void)platform_.stop_requested(); // others get their turn
	}
	while (bad_.next(0, &extent, kStepSectors))
		TRY(bad_.remove(extent.main, extent.length));
	space_.clear();
	exhausted_.store_relaxed(false);
	entries_.store_relaxed(0);
	return {};
}

template <Platform P> void Engine<P>::postsuspend()
{
	suspended_.store_release(true);
	Step step(*this);
	step.begin();
	(void)settle(); // nobody is left to tell; those who waited are gone
	journal_.close();
}

template <Platform P> void Engine<P>::resume()
{
	suspending_.store_release(false);
	suspended_.store_release(false);
	platform_.wake_scan();
}

template <Platform P> u64 Engine<P>::entries_around(Sector main, u64 length) const
{
	return stretches_around(table_, geometry_.main_sectors, main, length);
}

template <Platform P> u64 Engine<P>::bad_around(Sector place, u64 length) const
{
	return stretches_around(bad_, spares_.data_sectors(), place, length);
}

// How many stretches touch the range or its neighbours: what changes in the range can change no
// others.
template <Platform P>
u64 Engine<P>::stretches_around(const Table<P> &table, Sector sectors, Sector at, u64 length)
{
	const Sector end = min_of(at + length + 1, sectors);
	u64 count = 0;
	Extent extent;
	for (at = at ? at - 1 : 0; at < end && table.next(at, &extent, end - at);
	     at = extent.main + extent.length) {
		if (extent.main >= end)
			break;
		++count;
	}
	return count;
}

}  // namespace remap
