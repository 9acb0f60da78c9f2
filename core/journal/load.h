// SPDX-License-Identifier: GPL-2.0-or-later
// LOAD, second half: the table from checkpoint and log, the copies made equal, an epoch that names
// exactly those that are; only then is any I/O served. Whatever of this fails, nothing is served.
#pragma once

#include "core/journal/journal.h"

namespace remap {

template <Platform P>
template <class Adopt>
Status Journal<P>::open(Refusal &why, bool writes, Adopt &&adopt)
{
	loaded_ = served_ = begun_ = false;
	opened_.store_release(false);
	failed_.store_release(false);
	TRY(survey(why));
	if (found_ == Found::blank && !writes) {
		why.begin() << (one_spare() ? "the spare is" : "the spares are")
			    << " blank, and a read-only table cannot format "
			    << (one_spare() ? "it" : "them");
		return Error::read_only;
	}
	if (found_ == Found::blank)
		TRY(format(why));
	load_buffer_ = static_cast<u8 *>(platform_.allocate(load_bytes()));
	if (!load_buffer_)
		return Error::no_memory;
	const Status loaded = load(why, writes, adopt);
	if (!loaded.ok())
		opened_.store_release(false);
	platform_.deallocate(load_buffer_, load_bytes());
	load_buffer_ = nullptr;
	return loaded;
}

template <Platform P>
template <class Adopt>
Status Journal<P>::load(Refusal &why, bool writes, Adopt &&adopt)
{
	announced_ = 0;
	for (const Site &site : sites_)
		announced_ = max_of(announced_, site.highest);
	const u64 counted = max_of(max_of(announced_, now_.generation),
				   max_of(now_.journal_start, now_.epoch_start));
	if (counted >= kMostCounted - kCountsLeft) {
		why.begin() << "a superblock counts to " << counted
			    << ", further than any set can have come";
		return Error::damaged;
	}
	if (has_bug(platform_, Bug::copy_not_in_use_read))
		now_.copies = static_cast<u8>(all_copies());
	damaged_ = unwritable_ = 0;
	findings_ = Findings{};
	salvaged_ = false;
	present_ = copies_with_site();
	if (!writes && joining_ & ~members_gone(now_)) {
		why.begin() << "a spare is to join set " << now_.set
			    << ", which a read-only table cannot do";
		return Error::read_only;
	}
	TRY(read_copies(why, Pass::read));
	if (!has_bug(platform_, Bug::lost_after_epoch))
		TRY(lose_stale());
	TRY(adopt(why));
	epoch_.store_relaxed(now_.epoch);
	if (writes)
		TRY(begin_serving(why));
	loaded_ = true;
	return {};
}

template <Platform P> Status Journal<P>::read_copies(Refusal &why, Pass pass)
{
	TRY(read_checkpoint(why, pass));
	// For an empty log: a copy counts as present with the site beside it.
	present_ &= copies_with_site();
	return read_log(why, pass);
}

template <Platform P> Copies Journal<P>::copies_with_site() const
{
	Copies copies = 0;
	for_each_member(members(), [&](u32 m) {
		const DeviceIndex device = spares_.device(m);
		const Copies here = Copies{counts(site_on(device, 0))} |
				    Copies{counts(site_on(device, 2))} << 1;
		copies |= here << m * kCopies;
	});
	return copies;
}

template <Platform P> Status Journal<P>::read_checkpoint(Refusal &why, Pass pass)
{
	u32 crc = 0;
	for (u64 index = 0; index < now_.root.blocks; index += kChunkBlocks) {
		const u32 blocks =
			static_cast<u32>(min_of<u64>(kChunkBlocks, now_.root.blocks - index));
		TRY(read_checkpoint_chunk(why, pass, index, blocks, &crc));
	}
	if (crc == now_.root.crc)
		return {};
	why.begin() << "the checkpoint's blocks are valid but not those that belong together";
	return Error::damaged;
}

template <Platform P>
Status Journal<P>::read_checkpoint_chunk(Refusal &why, Pass pass, u64 index, u32 blocks, u32 *crc)
{
	Status status;
	for_each_copy(in_hand(), [&](u32 copy) {
		if (status.ok())
			status = read_chunk(copy, area_of_root(copy) + index * kBlockSectors,
					    blocks);
	});
	TRY(status);
	for (u32 i = 0; i < blocks; ++i) {
		const CheckpointBlockDisk *good = note_checkpoint_block(i, index + i, pass);
		if (!good) {
			why.begin() << "block " << index + i
				    << " of the checkpoint cannot be read in any copy";
			return Error::damaged;
		}
		*crc = Crc32c::of(&good->crc, sizeof(good->crc), *crc);
		if (pass == Pass::read)
			TRY(apply(why, good->records, good->count));
	}
	return {};
}

// The block from a copy that has it; the others are noted or mended. nullptr: none has.
template <Platform P>
const CheckpointBlockDisk *Journal<P>::note_checkpoint_block(u32 i, u64 index, Pass pass)
{
	const CheckpointBlockDisk *good = nullptr;
	present_ = 0;
	for_each_copy(in_hand(), [&](u32 copy) {
		const CheckpointBlockDisk *block =
			reinterpret_cast<const CheckpointBlockDisk *>(chunk(copy)) + i;
		if (is_valid(*block, now_.set, now_.root.id, index)) {
			good = block;
			present_ |= 1u << copy;
		}
	});
	if (!good)
		return nullptr;
	if (pass == Pass::read) {
		damaged_ |= in_hand() & ~present_;
		for_each_copy(in_hand() & ~present_,
			      [&](u32 copy) { ++findings_.copy[copy].checkpoint_blocks; });
	} else
		for_each_copy(all_copies() & ~present_, [&](u32 copy) {
			mend_block(copy, area_of_root(copy) + index * kBlockSectors, good);
		});
	return good;
}

// ---- records ----

template <Platform P> Status Journal<P>::apply(Refusal &why, const RecordDisk *records, u32 count)
{
	// Their regions are scattered over memory, so several are fetched at a time.
	constexpr u32 kAhead = 8;
	for (u32 i = 0; i < count; ++i) {
		if (i + kAhead < count)
			table_.prefetch(records[i + kAhead].main);
		Record record;
		if (unpack(records[i], &record) && is_forgotten(record))
			continue;
		if (!unpack(records[i], &record) ||
		    !in_bounds(record, shape_.main_sectors, spares_.data_sectors())) {
			why.begin() << "a record for sector " << u64{records[i].main}
				    << " is valid by its CRC, but not by its content";
			return Error::damaged;
		}
		const bool placed = record.kind == RecordKind::map &&
				    record.extent.state != State::pending;
		if (placed && !spares_.holds(record.extent.place, record.extent.length)) {
			why.begin() << "the place of the extent at sector " << record.extent.main
				    << " is on no spare of the set";
			return Error::damaged;
		}
		TRY(apply(record));
	}
	return {};
}

// A place that failed on a spare that was removed since: nobody's, or of one that is about to join.
template <Platform P> bool Journal<P>::is_forgotten(const Record &record) const
{
	if (record.kind != RecordKind::bad)
		return false;
	const u32 m = spares_.member(record.extent.place);
	return m == Spares::kNobody || now_.members[m].state == MemberState::absent;
}

template <Platform P> Status Journal<P>::apply(const Record &record)
{
	const Extent &extent = record.extent;
	for (u64 done = 0; done < extent.length; done += Table<P>::kMaxCallSectors) {
		if (done % kStopSectors == 0 && platform_.stop_requested())
			return Error::interrupted;
		const u64 count = min_of(extent.length - done, Table<P>::kMaxCallSectors);
		const Sector main = extent.main + done;
		const Place place = extent.state == State::pending ? 0 : extent.place + done;
		switch (record.kind) {
		case RecordKind::map:
			TRY(table_.put(
				{main, count, place, extent.state, extent.boundary && !done}));
			break;
		case RecordKind::unmap:
			TRY(table_.put({main, count, 0, State::none, false}));
			break;
		case RecordKind::restate:
			TRY(table_.set_state(main, count, extent.state));
			break;
		case RecordKind::bad:
			TRY(bad_.put({place, count, 0, State::pending, false}));
			break;
		}
	}
	return {};
}

// ---- making the copies equal ----

template <Platform P> void Journal<P>::mend_block(u32 copy, Sector at, const void *good)
{
	if (unwritable_ >> copy & 1)
		return;
	if (debt_.write(platform_, device_of(copy), at, good, kBlockSectors) != IoStatus::ok)
		unwritable_ |= 1u << copy;
}

// A copy with a hole is filled in, one that was out of use is written whole; what cannot be written
// is left out of the epoch that follows.
template <Platform P> Status Journal<P>::mend(Refusal &why)
{
	if (has_bug(platform_, Bug::no_repair))
		return {};
	const Copies all = all_copies();
	if (damaged_ || in_hand() != all)
		TRY(read_copies(why, Pass::mend));
	Status ends;
	for_each_copy(all, [&](u32 copy) {
		if (ends.ok())
			ends = mend_end(copy);
	});
	TRY(ends);
	unwritable_ |= all & ~flush_copies(all);
	return {};
}

// What is behind the end becomes what the next load expects there, so that each copy alone will do
// then. In a copy that has holes or was out of use a long way is looked at, since nobody knows what
// became of it; behind an end that an operator accepted, all the way.
template <Platform P> Status Journal<P>::mend_end(u32 copy)
{
	const u64 ring = spares_.journal_blocks();
	const u64 room = ring - min_of(ring, end_ - now_.journal_start);
	const bool used = in_hand() >> copy & 1;
	const bool holed = damaged_ >> copy & 1;
	// Twice kZeroAhead: the place that this load leaves free may be one that commit.h would have
	// gone on from.
	const u64 looked_at = used && !holed ? 2 * kZeroAhead : kZeroBehind;
	const u64 blocks = terms_.accept_end ? room : min_of(room, looked_at);
	const bool known = used && !terms_.accept_end;
	__builtin_memset(block_, 0, kMetadataBlockBytes);
	for (u64 done = 0; done < blocks;) {
		const u32 count = static_cast<u32>(min_of<u64>(blocks - done, kChunkBlocks));
		if (known)
			TRY(read_ring(copy, end_ + done, count));
		for (u32 i = 0; i < count; ++i)
			if (!known || !old_block(copy, i, end_ + done + i))
				mend_block(copy, ring_sector(copy, end_ + done + i), block_);
		done += count;
	}
	return {};
}

// REQUIRES: the block is in the copy's chunk.
template <Platform P> bool Journal<P>::old_block(u32 copy, u32 index, u64 sequence)
{
	const JournalBlockDisk &block =
		reinterpret_cast<const JournalBlockDisk *>(chunk(copy))[index];
	for (u32 s = 0; s < kBlockSectors; ++s)
		if (!is_old(block.sector[s], now_.set, sequence * kBlockSectors + s))
			return false;
	return true;
}

// ---- into service ----

template <Platform P> Status Journal<P>::begin_serving(Refusal &why)
{
	const bool late = has_bug(platform_, Bug::repair_after_epoch);
	if (!late)
		TRY(mend(why));
	const Copies copies = all_copies() & ~unwritable_;
	if (!copies) {
		why.begin() << "no copy of the metadata can be written";
		return Error::unwritable;
	}
	begun_ = has_bug(platform_, Bug::same_epoch_again);
	if (!begun_ && !has_bug(platform_, Bug::epoch_after_record) &&
	    !begin_epoch(copies).ok()) {
		why.begin() << "too few sites of "
			    << (one_spare() ? "the spare" : "one of the spares")
			    << " can be written to begin an epoch";
		return Error::unwritable;
	}
	if (late)
		TRY(mend(why));
	if (joining_)
		TRY(join());
	served_ = true;
	opened_.store_release(true);
	return {};
}

// The first one, or two if a member is given up that was not asked for yet.
template <Platform P> Status Journal<P>::begin_epoch(Copies copies)
{
	const Members ask = terms_.without & members_in_use(now_);
	TRY(change_epoch(copies, SetState::opened, {.ask = ask}));
	return ask ? change_epoch(copies, SetState::opened) : Status{};
}

template <Platform P> void Journal<P>::close()
{
	if (!opened())
		return;
	if (!platform_.writable()) {
		opened_.store_release(false);
		return;
	}
	Superblock superblock = now_;
	superblock.state = SetState::clean;
	superblock.journal_end = end_;
	const auto closed = publish(superblock);
	if (closed.ok() && !closed.value())
		return close();
	if (closed.ok())
		opened_.store_release(false);
}

template <Platform P> Status Journal<P>::reopen()
{
	if (failed())
		return Error::unwritable;
	TRY(change_epoch(now_.copies, SetState::opened));
	opened_.store_release(true);
	return {};
}

}  // namespace remap
