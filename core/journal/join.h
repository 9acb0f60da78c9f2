// SPDX-License-Identifier: GPL-2.0-or-later
// MEMBERS, add: what is to be in use is first made a full copy, then an epoch begins that has it in use, of
// which its own sites learn first. Done while loading, before anything is served.
//
// What a member that was gone holds counts only if it was opened last in the epoch that is recorded; else
// its extents are lost: in memory as soon as the table is read, durably with the copy.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// If one cannot be written, or takes no superblock, none joins this time: that is no reason not to serve.
// REQUIRES: an epoch of this life has begun. Errors: no_memory, unwritable.
template <Platform P> Status Journal<P>::join()
{
	if (TRY(copy_to_new()))
		TRY(change_epoch(now_.copies | copying_, SetState::opened, {.add = joining_}));
	copying_ = 0;
	if (has_bug(platform_, Bug::lost_after_epoch)) {
		TRY(lose_stale());
		opened_.store_release(true);
		TRY(checkpoint());
	}
	for_each_member(joining_, [&](u32 m) { told_of(m); });
	gone_.store_relaxed(members_gone(now_));
	joining_ = stale_ = 0;
	return {};
}

template <Platform P> void Journal<P>::told_of(u32 member) const
{
	const bool joined = now_.members[member].in_use();
	const bool stale = stale_ >> member & 1;
	char line[128];
	Text text(line, sizeof(line));
	text << name_of(spares_.device(member));
	if (joined)
		text << " is member " << member << " of the set now"
		     << (stale ? "; what it held was not the newest, and is lost" : "");
	else
		text << " cannot be made a member of the set, which goes on without it";
	platform_.log(joined && !stale ? LogLevel::notice : LogLevel::warning, line);
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
			const u64 left = min_of<u64>(extent.length - done, spares_.end(m) - place);
			const u64 here = min_of<u64>(left, Table<P>::kMaxCallSectors);
			if (stale_ >> m & 1)
				TRY(table_.set_state(extent.main + done, here, State::lost));
			done += here;
		}
	}
	return {};
}

// The whole table, as a checkpoint behind which nothing is logged yet. false: a new one cannot be written.
// Errors: unwritable.
template <Platform P> Result<bool> Journal<P>::copy_to_new()
{
	const u64 ring = spares_.journal_blocks();
	// One that was given up may have gone on by itself, and further than the set.
	const u64 blocks = stale_ ? ring : min_of(ring, kZeroBehind);
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
	if (written.ok() && copying_ == wanted && checkpointed())
		return true;
	copying_ = 0;
	TRY(written);
	return false;
}

}  // namespace remap
