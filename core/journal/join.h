// SPDX-License-Identifier: GPL-2.0-or-later
// MEMBERS, add: what is to be in use is first made a full copy, then an epoch begins that has it in use, of
// which its own sites learn first. Done while loading, before anything is served.
//
// What a member that was gone holds counts only if it was opened last in the epoch that is recorded; else
// its extents are lost: in memory as soon as the table is read, durably with the copy.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// REQUIRES: an epoch of this life has begun. Errors: no_memory, unwritable, spare_io.
template <Platform P> Status Journal<P>::join(Refusal &why)
{
	TRY(copy_to_new(why));
	Status joined = change_epoch(now_.copies | copying_, SetState::opened, {.add = joining_});
	copying_ = 0;
	if (joined.ok() && joining_ & ~members_in_use(now_))
		joined = Error::spare_io;
	if (!joined.ok()) {
		why.begin() << "a spare that is to join the set refuses a superblock";
		return joined;
	}
	if (has_bug(platform_, Bug::lost_after_epoch)) {
		TRY(lose_stale());
		opened_.store_release(true);
		TRY(checkpoint());
	}
	for_each_member(joining_, [&](u32 m) { told_of(m); });
	joining_ = stale_ = 0;
	return {};
}

template <Platform P> void Journal<P>::told_of(u32 member) const
{
	const bool stale = stale_ >> member & 1;
	char line[128];
	Text(line, sizeof(line)) << name_of(spares_.device(member)) << " is member " << member
				 << " of the set now"
				 << (stale ? "; what it held was not the newest, and is lost" : "");
	platform_.log(stale ? LogLevel::warning : LogLevel::notice, line);
}

// In memory; the checkpoint of join() makes it durable. Errors: no_memory.
template <Platform P> Status Journal<P>::lose_stale()
{
	Extent extent;
	for (Sector at = 0; stale_ && at < shape_.main_sectors && table_.next(at, &extent);
	     at = extent.main + extent.length) {
		if (extent.state != State::active)
			continue;
		for (u64 done = 0; done < extent.length;) {
			const Place place = extent.place + done;
			const u32 m = spares_.member(place);
			const u64 here = min_of<u64>(min_of<u64>(extent.length - done, spares_.end(m) - place),
						     Table<P>::kMaxCallSectors);
			if (stale_ >> m & 1)
				TRY(table_.set_state(extent.main + done, here, State::lost));
			done += here;
		}
	}
	return {};
}

// The whole table, as a checkpoint behind which nothing is logged yet. Errors: unwritable, spare_io.
template <Platform P> Status Journal<P>::copy_to_new(Refusal &why)
{
	const u64 ring = spares_.journal_blocks();
	const u64 blocks = min_of(ring, kZeroBehind);
	const Copies wanted = copies_of(joining_);
	copying_ = has_bug(platform_, Bug::add_before_copy) ? 0 : wanted;
	for_each_copy(wanted, [&](u32 copy) {
		for (u64 done = 0; done < blocks && copying_ >> copy & 1; ++done)
			if (!write_zeros(device_of(copy), ring_sector(copy, end_ + done), kBlockSectors))
				copying_ &= ~(1u << copy);
	});
	opened_.store_release(true);
	const Status written = checkpoint();
	opened_.store_release(false);
	if (has_bug(platform_, Bug::add_before_copy))
		copying_ = wanted;
	if (written.ok() && copying_ == wanted && now_.root.id == writing_.id)
		return {};
	copying_ = 0;
	why.begin() << "a spare that is to join the set cannot be written";
	return written.ok() ? Status{Error::spare_io} : written;
}

}  // namespace remap
