// SPDX-License-Identifier: GPL-2.0-or-later
// The log: the longest chain of journal blocks from the superblock's start on, each sector from any
// copy in use that has it. The copies were written with the same bytes, so what one lost another
// fills in.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// Reads blocks of a copy into its chunk, from block `index` of it on. What cannot be read is filled
// with ones, which is no block and no zeros.
template <Platform P>
Status Journal<P>::read_chunk(u32 copy, Sector from, u32 blocks, u32 index)
{
	if (platform_.stop_requested())
		return Error::interrupted;
	u8 *into = chunk(copy) + index * kMetadataBlockBytes;
	const DeviceIndex device = device_of(copy);
	if (platform_.read(device, from, into, blocks * kBlockSectors) == IoStatus::ok)
		return {};
	for (u32 i = 0; i < blocks; ++i) {
		u8 *block = into + i * kMetadataBlockBytes;
		if (platform_.read(device, from + i * kBlockSectors, block, kBlockSectors) !=
		    IoStatus::ok)
			__builtin_memset(block, 0xff, kMetadataBlockBytes);
	}
	return {};
}

// Blocks of a copy's journal by their number, also across the end of the ring.
template <Platform P> Status Journal<P>::read_ring(u32 copy, u64 sequence, u32 blocks)
{
	const u64 ring = spares_.journal_blocks();
	const u32 first = static_cast<u32>(min_of<u64>(blocks, ring - sequence % ring));
	TRY(read_chunk(copy, ring_sector(copy, sequence), first));
	if (first < blocks)
		TRY(read_chunk(copy, ring_sector(copy, sequence + first), blocks - first, first));
	return {};
}

// The same of each copy in use.
template <Platform P> Status Journal<P>::read_rings(u64 sequence, u32 blocks)
{
	Status status;
	for_each_copy(in_hand(), [&](u32 copy) {
		if (status.ok())
			status = read_ring(copy, sequence, blocks);
	});
	return status;
}

// Whether a sector continues the log. From epoch_start on, only this epoch's blocks count: a write
// of an earlier one may have landed late, after a load decided that it never was.
template <Platform P>
bool Journal<P>::fits_log(const JournalSectorDisk &sector, u64 sequence, u32 previous) const
{
	if (sector.sequence != sequence || !is_valid(sector, now_.set))
		return false;
	if (sector.previous != previous && !has_bug(platform_, Bug::ignore_chain))
		return false;
	const bool of_now = sequence >= now_.epoch_start * kBlockSectors;
	return of_now && !has_bug(platform_, Bug::old_epoch_replayed) ? sector.epoch == now_.epoch
								      : sector.epoch <= now_.epoch;
}

// Puts block `index` of the chunks together; false: no copies hold all of it. Where two epochs
// wrote one place, the later one is right: its load had decided against the earlier.
template <Platform P>
bool Journal<P>::best_block(u32 index, u64 sequence, u32 previous, JournalBlockDisk *out)
{
	u64 epoch = 0;
	for (u32 s = 0; s < kBlockSectors; ++s) {
		const JournalSectorDisk *best = nullptr;
		for_each_copy(in_hand(), [&](u32 copy) {
			const JournalSectorDisk &sector =
				reinterpret_cast<JournalBlockDisk *>(chunk(copy))[index].sector[s];
			if (!fits_log(sector, sequence * kBlockSectors + s, previous))
				return;
			if (s ? sector.epoch == epoch : !best || sector.epoch > best->epoch)
				best = &sector;
		});
		if (!best)
			return false;
		epoch = best->epoch;
		previous = best->crc;
		out->sector[s] = *best;
	}
	return true;
}

// Reads the log and applies it, or mends the copies that lack a part of it.
template <Platform P> Status Journal<P>::read_log(Refusal &why, Pass pass)
{
	if (salvaged_ || has_bug(platform_, Bug::epoch_unchained))
		return salvage(why, pass);
	const Status decided = read_decided(why, pass);
	if (decided.error() == Error::damaged && terms_.accept_end && salvaged_)
		return salvage(why, pass);
	TRY(decided);
	return read_epoch(why, pass);
}

// What this epoch recorded: forward, as far as it goes.
template <Platform P> Status Journal<P>::read_epoch(Refusal &why, Pass pass)
{
	const u64 first = max_of(now_.epoch_start, now_.journal_start);
	const u64 limit = pass == Pass::read ? now_.journal_start + spares_.journal_blocks() : end_;
	u64 sequence = first;
	u32 previous = decided_crc();
	bool ended = false;
	while (!ended && sequence < limit) {
		const u32 blocks = static_cast<u32>(min_of<u64>(kChunkBlocks, limit - sequence));
		TRY(read_rings(sequence, blocks));
		const u32 taken = TRY(read_log_chunk(why, pass, sequence, blocks, &previous));
		sequence += taken;
		ended = taken < blocks;
	}
	if (pass == Pass::mend)
		return {};
	end_ = sequence;
	end_crc_ = previous;
	chain_end_ = sequence > first ? sequence : now_.chain_end;
	return ended ? Status{} : judge_closed(why, sequence);
}

// Returns how many of the blocks continue the log; fewer than `blocks`: it ends there.
template <Platform P>
Result<u32> Journal<P>::read_log_chunk(Refusal &why, Pass pass, u64 sequence, u32 blocks,
				       u32 *previous)
{
	JournalBlockDisk *good = reinterpret_cast<JournalBlockDisk *>(block_);
	for (u32 i = 0; i < blocks; ++i) {
		if (!best_block(i, sequence + i, *previous, good)) {
			if (pass == Pass::mend)
				return Error::damaged; // it was there a moment ago
			end_crc_ = *previous;
			TRY(judge_end(why, i, sequence + i));
			return i;
		}
		*previous = good->sector[kBlockSectors - 1].crc;
		TRY(take_block(why, pass, i, sequence + i));
	}
	return blocks;
}

// The good block is in block_.
template <Platform P>
Status Journal<P>::take_block(Refusal &why, Pass pass, u32 index, u64 sequence)
{
	note_block(index, sequence, pass);
	if (pass == Pass::mend)
		return {};
	TRY(judge_twins(why, index, sequence));
	for (const JournalSectorDisk &sector :
	     reinterpret_cast<const JournalBlockDisk *>(block_)->sector)
		TRY(apply(why, sector.records, sector.count));
	return {};
}

// An epoch writes a block once. A copy that has another one of the same number and epoch shows that
// one of the two is of a history that nobody knows.
template <Platform P>
Status Journal<P>::judge_twins(Refusal &why, u32 index, u64 sequence)
{
	if (terms_.accept_end || has_bug(platform_, Bug::ignore_chain))
		return {};
	Status status;
	for_each_copy(in_hand(), [&](u32 copy) {
		for (u32 s = 0; s < kBlockSectors; ++s) {
			const JournalSectorDisk &good =
				reinterpret_cast<const JournalBlockDisk *>(block_)->sector[s];
			const JournalSectorDisk &there =
				reinterpret_cast<const JournalBlockDisk *>(chunk(copy))[index]
					.sector[s];
			if (there.crc != good.crc && there.sequence == good.sequence &&
			    there.epoch == good.epoch && is_valid(there, now_.set))
				status = Error::damaged;
		}
	});
	if (!status.ok())
		why.begin() << "block " << sequence
			    << " of the log is in two copies, and not the same; 'dmremap repair' "
			       "explains";
	return status;
}

// Compares what each copy has with the good block, which is in block_, and mends it.
template <Platform P> void Journal<P>::note_block(u32 index, u64 sequence, Pass pass)
{
	const Copies before = present_ & ~witnesses_;
	present_ = witnesses_ = 0;
	for_each_copy(all_copies(), [&](u32 copy) {
		const bool read = in_hand() >> copy & 1;
		const void *there = chunk(copy) + index * kMetadataBlockBytes;
		const bool whole =
			read && !__builtin_memcmp(there, block_, kMetadataBlockBytes);
		const bool unfinished = read && !whole &&
					!has_bug(platform_, Bug::torn_block_refused) &&
					clean_end(copy, index, sequence);
		const bool part = unfinished && has_part(copy, index);
		// It ends where the block before ended, so this one was never acknowledged.
		if (unfinished && !part && before >> copy & 1)
			witnesses_ |= 1u << copy;
		if (whole || part)
			present_ |= 1u << copy;
		present_ |= witnesses_;
		if (whole)
			return;
		if (pass == Pass::mend)
			mend_block(copy, ring_sector(copy, sequence), block_);
		else if (read) {
			damaged_ |= 1u << copy;
			++findings_.copy[copy].log_blocks;
			findings_.copy[copy].last_log_block = sequence;
		}
	});
}

// ---- where the log ends ----

// Whether a copy has a part of the good block, which is in block_. If the rest is what was there
// before, the block was being written when the power went, so this copy never had one behind it. A
// power cut may leave of one block different parts in two copies.
template <Platform P> bool Journal<P>::has_part(u32 copy, u32 index)
{
	const u8 *there = chunk(copy) + index * kMetadataBlockBytes;
	bool part = false;
	for (u32 s = 0; s < kBlockSectors; ++s)
		part |= !__builtin_memcmp(there + s * kSectorBytes, block_ + s * kSectorBytes,
					  kSectorBytes);
	return part;
}

// Whether a copy's block at the end of the log is as a crash leaves it: old sectors, or part of a
// write that was never acknowledged.
template <Platform P> bool Journal<P>::clean_end(u32 copy, u32 index, u64 sequence)
{
	const JournalBlockDisk &block =
		reinterpret_cast<const JournalBlockDisk *>(chunk(copy))[index];
	for (u32 s = 0; s < kBlockSectors; ++s) {
		const JournalSectorDisk &sector = block.sector[s];
		const u64 expected = sequence * kBlockSectors + s;
		if (!is_old(sector, now_.set, expected) &&
		    !(is_valid(sector, now_.set) && sector.sequence == expected))
			return false;
	}
	return true;
}

// The chain ends before block `index` of the chunks: may that be its end? With two copies that have
// the block before, an acknowledged block would be in both. With one, damage could hide it.
template <Platform P> Status Journal<P>::judge_end(Refusal &why, u32 index, u64 sequence)
{
	if (terms_.accept_end)
		return look_behind(why, sequence, true);
	TRY(judge_closed(why, sequence));
	const Copies present = present_ & in_hand();
	const bool single = !(present & (present - 1));
	if (single && !has_bug(platform_, Bug::ambiguous_end)) {
		if (!present || !clean_end(lowest_bit(present), index, sequence)) {
			why.begin()
				<< "only one copy of the log can be read, and it ends in damage at "
				   "block "
				<< sequence << "; 'dmremap repair' explains";
			return Error::damaged;
		}
	}
	return look_behind(why, sequence, single);
}

template <Platform P> Status Journal<P>::judge_closed(Refusal &why, u64 sequence)
{
	if (now_.state != SetState::clean || sequence == now_.journal_end || terms_.accept_end)
		return {};
	why.begin() << "the log ends at block " << sequence << ", but the set was closed at "
		    << now_.journal_end << "; 'dmremap repair' explains";
	return Error::damaged;
}

// Looks at what is behind the end for what cannot be there unless the log went on.
template <Platform P> Status Journal<P>::look_behind(Refusal &why, u64 end, bool single)
{
	const u64 ring = spares_.journal_blocks();
	const u64 room = ring - min_of(ring, end - now_.journal_start);
	const u64 blocks = min_of(room, single ? kZeroBehind : kLookBehind);
	for (u64 done = 0; done < blocks;) {
		const u32 count = static_cast<u32>(min_of<u64>(blocks - done, kChunkBlocks));
		TRY(read_rings(end + done, count));
		for (u32 i = 0; i < count; ++i) {
			Status status;
			for_each_copy(in_hand(), [&](u32 copy) {
				if (status.ok())
					status = look_at_block(why, copy, i, end, end + done + i,
							       single);
			});
			TRY(status);
		}
		done += count;
	}
	return {};
}

// The block at the place of number `at`, behind a log that ends before `end`. What lies at another's
// place went astray: of a block that was acknowledged another copy would know, so it proves nothing
// unless it is in the only copy that can tell.
template <Platform P>
Status Journal<P>::look_at_block(Refusal &why, u32 copy, u32 index, u64 end, u64 at, bool single)
{
	const bool behind = at != end;
	const JournalBlockDisk &block =
		reinterpret_cast<const JournalBlockDisk *>(chunk(copy))[index];
	for (const JournalSectorDisk &sector : block.sector) {
		if (!is_valid(sector, now_.set))
			continue;
		if (terms_.accept_end) {
			const bool later = sector.sequence >= end * kBlockSectors;
			findings_.given_up += sector.count && (later || sector.epoch > now_.epoch);
			// What nobody can have counted to would make the next load refuse.
			if (sector.epoch < kMostCounted - kCountsLeft)
				announced_ = max_of(announced_, sector.epoch.get());
			continue;
		}
		if (sector.epoch > now_.epoch) {
			why.begin() << "a record of epoch " << sector.epoch
				    << " was found, but no superblock newer than epoch "
				    << now_.epoch << "; 'dmremap repair' explains";
			return Error::damaged;
		}
		const u64 ring = spares_.journal_blocks();
		const bool astray = sector.sequence / kBlockSectors % ring != at % ring;
		const bool proof = !astray || (single && present_ >> copy & 1);
		if (behind && sector.sequence >= end * kBlockSectors && proof &&
		    !has_bug(platform_, Bug::replay_past_break)) {
			why.begin() << "the log breaks off before block " << end
				    << ", but there are records behind; 'dmremap repair' explains";
			return Error::damaged;
		}
		// This epoch wrote it, so it knew another block before it than what was found.
		if (!behind && sector.sequence == end * kBlockSectors &&
		    sector.epoch == now_.epoch && sector.previous != end_crc_ &&
		    !has_bug(platform_, Bug::replay_past_break)) {
			why.begin() << "block " << end
				    << " of the log does not follow the one before it; 'dmremap "
				       "repair' explains";
			return Error::damaged;
		}
	}
	return {};
}

}  // namespace remap
