// SPDX-License-Identifier: GPL-2.0-or-later
// What the epochs before decided: the log from journal_start to the block that the superblock names
// by its CRC (`chain`). It is followed back from there, since forward it could be taken for another:
// a place that an epoch left free may hold a late write that fits its predecessor as well as the
// right block does.
//
// Records have to be applied forward. So the way back is taken twice: once to the beginning, where
// only the CRC at the end of each chunk is kept, and once more within each chunk.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// Places of the ring from journal_start to epoch_start, with those left free.
template <Platform P> u64 Journal<P>::decided_blocks() const
{
	if (now_.epoch_start <= now_.journal_start)
		return 0;
	return min_of(now_.epoch_start - now_.journal_start, spares_.journal_blocks());
}

// What the sector before epoch_start's block is named by: the checkpoint may cover all before it.
template <Platform P> u32 Journal<P>::decided_crc() const
{
	return now_.chain_end > now_.journal_start ? now_.chain : now_.journal_previous;
}

template <Platform P> u32 Journal<P>::decided_in_chunk(u64 number) const
{
	return static_cast<u32>(
		min_of<u64>(kChunkBlocks, decided_blocks() - number * kChunkBlocks));
}

template <Platform P> Status Journal<P>::read_decided(Refusal &why, Pass pass)
{
	const u64 chunks = div_round_up(decided_blocks(), kChunkBlocks);
	if (!chunks)
		return {};
	const usize bytes = chunks * sizeof(u32);
	trail_ = static_cast<u32 *>(platform_.allocate(bytes));
	if (!trail_)
		return Error::no_memory;
	Status status = follow_back(why, chunks);
	salvaged_ = status.error() == Error::damaged && terms_.accept_end;
	for (u64 i = 0; status.ok() && i < chunks; ++i)
		status = read_decided_chunk(why, pass, i);
	platform_.deallocate(trail_, bytes);
	trail_ = nullptr;
	return status;
}

template <Platform P> Status Journal<P>::follow_back(Refusal &why, u64 chunks)
{
	u32 crc = decided_crc();
	u64 reached = now_.chain_end;
	for (u64 i = chunks; i-- > 0;) {
		trail_[i] = crc;
		const u32 held = TRY(gather(i, &crc));
		if (held)
			reached = now_.journal_start + i * kChunkBlocks + lowest_bit(held);
	}
	if (crc == now_.journal_previous)
		return {};
	why.begin() << "the log before block " << now_.chain_end
		    << " cannot be followed back beyond block " << reached
		    << " in any copy; 'dmremap repair' explains";
	return Error::damaged;
}

// Reads a chunk and puts its blocks together, from the last one, which has this CRC, back; *crc
// becomes the CRC that comes before. Returns which places hold a block; the others are free, or
// what was in them is lost: then the way back does not end where it should.
template <Platform P> Result<u32> Journal<P>::gather(u64 number, u32 *crc)
{
	const u64 first = now_.journal_start + number * kChunkBlocks;
	const u32 blocks = decided_in_chunk(number);
	TRY(read_rings(first, blocks));
	u32 held = 0;
	for (u32 i = blocks; i-- > 0;)
		if (block_before(i, first + i, crc))
			held |= 1u << i;
	return held;
}

// The block whose last sector has this CRC, each sector from a copy that has it.
template <Platform P> bool Journal<P>::block_before(u32 index, u64 sequence, u32 *crc)
{
	u32 wanted = *crc;
	for (u32 s = kBlockSectors; s-- > 0;) {
		const JournalSectorDisk *found = nullptr;
		for_each_copy(in_hand(), [&](u32 copy) {
			const JournalSectorDisk &sector =
				reinterpret_cast<JournalBlockDisk *>(chunk(copy))[index].sector[s];
			const bool fits = sector.crc == wanted ||
					  has_bug(platform_, Bug::ignore_chain);
			if (fits && sector.sequence == sequence * kBlockSectors + s &&
			    sector.epoch <= now_.epoch && is_valid(sector, now_.set))
				found = &sector;
		});
		if (!found)
			return false;
		gathered()[index].sector[s] = *found;
		wanted = found->previous;
	}
	*crc = wanted;
	return true;
}

template <Platform P> Status Journal<P>::read_decided_chunk(Refusal &why, Pass pass, u64 number)
{
	const u64 first = now_.journal_start + number * kChunkBlocks;
	const u32 blocks = decided_in_chunk(number);
	u32 crc = trail_[number];
	const u32 held = TRY(gather(number, &crc));
	if (crc != (number ? trail_[number - 1] : now_.journal_previous))
		return Error::spare_io; // it was there a moment ago
	for (u32 i = 0; i < blocks; ++i) {
		if (held >> i & 1) {
			__builtin_memcpy(block_, &gathered()[i], kMetadataBlockBytes);
			TRY(take_block(why, pass, i, first + i));
		} else if (pass == Pass::mend) {
			mend_free_place(i, first + i);
		}
	}
	return {};
}

// In a copy that was damaged or out of use, anything may be there; in each, a late write.
template <Platform P> void Journal<P>::mend_free_place(u32 index, u64 sequence)
{
	__builtin_memset(block_, 0, kMetadataBlockBytes);
	for_each_copy(all_copies(), [&](u32 copy) {
		const bool used = in_hand() >> copy & 1;
		if (!used || !old_block(copy, index, sequence))
			mend_block(copy, ring_sector(copy, sequence), block_);
	});
}

// The longest chain that can be followed forward, for an operator who gives up what comes behind.
template <Platform P> Status Journal<P>::salvage(Refusal &why, Pass pass)
{
	const u64 limit = pass == Pass::read ? now_.journal_start + spares_.journal_blocks() : end_;
	u64 end = now_.journal_start;
	u32 previous = now_.journal_previous;
	for (u64 first = now_.journal_start; first < limit;) {
		const u32 blocks = static_cast<u32>(min_of<u64>(kChunkBlocks, limit - first));
		TRY(read_rings(first, blocks));
		JournalBlockDisk *good = reinterpret_cast<JournalBlockDisk *>(block_);
		for (u32 i = 0; i < blocks; ++i) {
			if (!best_block(i, first + i, previous, good))
				continue;
			previous = good->sector[kBlockSectors - 1].crc;
			end = first + i + 1;
			TRY(take_block(why, pass, i, first + i));
		}
		first += blocks;
	}
	if (pass == Pass::mend)
		return {};
	end_ = chain_end_ = end;
	end_crc_ = previous;
	if (!terms_.accept_end) // by a bug
		return {};
	return look_behind(why, end, true);
}

}  // namespace remap
