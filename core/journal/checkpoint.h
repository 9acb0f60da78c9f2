// SPDX-License-Identifier: GPL-2.0-or-later
// CHECKPOINT: the whole table, written to the area that is not in use, while commits go on.
//
// Each commit writes a few blocks of it, from the begin of main to its end, so no commit waits for
// more. The table changes meanwhile: what the walk caught too early is put right by the records
// behind the point where it began, which stay in the log. A record says what holds for its range
// afterwards, so it does no harm to what the walk caught late.
//
// Cost: a checkpoint begins when half of the ring is in use. The ring is as long as an area, so a
// whole area is written for at least half as many blocks of journal: three bytes for one, at most.
#pragma once

#include "core/journal/journal.h"

namespace remap {

template <Platform P> void Journal<P>::work_on_checkpoint()
{
	if (!writing_.running && 2 * (end_ - now_.journal_start) >= spares_.journal_blocks() &&
	    !has_bug(platform_, Bug::ring_overrun))
		begin_checkpoint();
	// Twice an area over a ring, so that it is complete before the other half is full.
	const u64 steps = 1 + div_round_up(2 * spares_.area_blocks(), spares_.journal_blocks());
	for (u64 i = 0; i < steps && writing_.running; ++i)
		if (!checkpoint_step().ok())
			return;
}

template <Platform P> Status Journal<P>::checkpoint()
{
	if (!opened())
		return Error::unwritable;
	if (!begun_)
		TRY(change_epoch(now_.copies, SetState::opened));
	begin_checkpoint();
	writing_.at_once = true;
	while (writing_.running)
		TRY(checkpoint_step());
	return {};
}

template <Platform P> Status Journal<P>::keep_scan()
{
	if (!opened())
		return Error::unwritable;
	if (!begun_)
		TRY(change_epoch(now_.copies, SetState::opened));
	while (!TRY(publish(now_))) {
	}
	return {};
}

template <Platform P> void Journal<P>::begin_checkpoint()
{
	writing_ = Writing{};
	writing_.running = true;
	writing_.id = {now_.epoch, ++checkpoint_number_};
	writing_.area =
		has_bug(platform_, Bug::checkpoint_same_area) ? now_.root.area : 1 - now_.root.area;
	writing_.start = end_;
	writing_.failures = flush_failures();
	writing_.previous = end_crc_;
	if (has_bug(platform_, Bug::checkpoint_frees_early)) {
		now_.journal_start = end_;
		now_.journal_previous = end_crc_;
	}
}

// Writes a block, or, behind the last, makes the checkpoint the one that counts.
template <Platform P> Status Journal<P>::checkpoint_step()
{
	const u32 count = fill_checkpoint_block();
	if (!count)
		return publish_checkpoint();
	// More changed than there is room for since it began: once more, in one go.
	if (writing_.blocks == spares_.area_blocks())
		return writing_.at_once ? fail() : checkpoint();
	CheckpointBlockDisk *block = reinterpret_cast<CheckpointBlockDisk *>(block_);
	const Le32 crc = seal(block, now_.set, writing_.id, writing_.blocks, count);
	writing_.crc = Crc32c::of(&crc, sizeof(crc), writing_.crc);
	const Copies good = write_area(now_.copies | copying_, writing_.blocks);
	++writing_.blocks;
	copying_ &= good;
	return fence(good & now_.copies);
}

template <Platform P> u32 Journal<P>::fill_checkpoint_block()
{
	CheckpointBlockDisk *block = reinterpret_cast<CheckpointBlockDisk *>(block_);
	u32 count = 0;
	Record record;
	while (count < kEntriesPerBlock && writing_.cursor < shape_.main_sectors &&
	       table_.next(writing_.cursor, &record.extent)) {
		block->records[count++] = pack(record);
		writing_.cursor = record.extent.main + record.extent.length;
	}
	if (has_bug(platform_, Bug::bad_not_checkpointed))
		return count;
	Extent bad;
	while (count < kEntriesPerBlock && writing_.bad_cursor < spares_.data_sectors() &&
	       bad_.next(writing_.bad_cursor, &bad)) {
		// Of one member each, so that they are forgotten with it (load.h).
		const Place end = min_of(bad.main + bad.length, spares_.end(spares_.member(bad.main)));
		block->records[count++] =
			pack({RecordKind::bad, {0, end - bad.main, bad.main, State::none, false}});
		writing_.bad_cursor = end;
	}
	return count;
}

template <Platform P> Copies Journal<P>::write_area(Copies copies, u64 index)
{
	Copies good = copies;
	for_each_copy(copies, [&](u32 copy) {
		const Sector at = area_of(copy, writing_.area) + index * kBlockSectors;
		if (debt_.write(platform_, device_of(copy), at, block_, kBlockSectors) !=
		    IoStatus::ok)
			good &= ~(1u << copy);
	});
	return good;
}

template <Platform P> Status Journal<P>::publish_checkpoint()
{
	writing_.running = false;
	if (!has_bug(platform_, Bug::checkpoint_no_flush)) {
		const Copies good = flush_copies(now_.copies | copying_);
		copying_ &= good;
		TRY(fence(good & now_.copies));
	}
	// A flush of somebody else's step failed meanwhile: the blocks may be gone. The next commit
	// begins a new one.
	if (flush_failures() != writing_.failures &&
	    !has_bug(platform_, Bug::checkpoint_ignores_flush))
		return {};
	const bool late = has_bug(platform_, Bug::checkpoint_late_start);
	// Once more, if the set had to go on without a member.
	for (bool published = false; !published;) {
		Superblock superblock = now_;
		superblock.root = {writing_.id, writing_.blocks, writing_.area, writing_.crc};
		superblock.journal_start = late ? end_ : writing_.start;
		superblock.journal_previous = late ? end_crc_ : writing_.previous;
		published = TRY(publish(superblock));
	}
	checkpoints_.add_relaxed(1);
	return {};
}

}  // namespace remap
