// SPDX-License-Identifier: GPL-2.0-or-later
// SpareSpace: which blocks of a spare's data area are in use.
//
// A bitmap in chunks that exist only where something is in use, so an empty spare of any size costs
// one pointer for each 32,768 blocks. Allocation is next-fit from a cursor: bounded by the size of
// the spare, not by how much is mapped, and places handed out one after another follow each other,
// which keeps runs of bad sectors in one extent.
//
// Writer context only; the I/O path never comes here.
#pragma once

#include "core/base/atomic.h"
#include "core/base/bits.h"
#include "core/base/check.h"
#include "core/base/result.h"
#include "core/platform/platform.h"
#include "core/spare/chunk.h"

namespace remap {

template <MemoryPlatform P> class SpareSpace {
public:
	struct Run {
		Sector start = 0;
		u64 length = 0;
	};

	explicit SpareSpace(P &platform) : platform_(platform) {}
	SpareSpace(const SpareSpace &) = delete;
	SpareSpace &operator=(const SpareSpace &) = delete;

	~SpareSpace()
	{
		if (!chunks_)
			return;
		for (u64 i = 0; i < chunk_count_; ++i)
			if (chunks_[i])
				platform_.deallocate(chunks_[i], sizeof(SpareChunk));
		platform_.deallocate(chunks_, chunk_count_ * sizeof(SpareChunk *));
	}

	// An empty data area of `sectors` sectors in blocks of `block_sectors` (a power of two).
	// Errors: no_memory.
	Status create(Sector sectors, u32 block_sectors)
	{
		shift_ = lowest_bit(block_sectors);
		blocks_ = sectors >> shift_;
		chunk_count_ = div_round_up(blocks_, SpareChunk::kBlocks);
		chunks_ = static_cast<SpareChunk **>(
			platform_.allocate(chunk_count_ * sizeof(SpareChunk *)));
		return chunks_ ? Status{} : Status{Error::no_memory};
	}

	// Everything is free again.
	void clear()
	{
		for (u64 i = 0; i < chunk_count_; ++i) {
			if (chunks_[i])
				platform_.deallocate(chunks_[i], sizeof(SpareChunk));
			chunks_[i] = nullptr;
		}
		used_.store_relaxed(0);
	}

	Sector total_sectors() const { return blocks_ << shift_; }
	Sector used_sectors() const { return used_.load_relaxed() << shift_; }
	Sector free_sectors() const { return total_sectors() - used_sectors(); }

	// Whether nothing in [start, start + length) is in use. REQUIRES: the range is inside.
	bool is_free(Sector start, u64 length) const
	{
		return visit(start, length, [this](u64 index, u32 first, u32 count) {
			const SpareChunk *chunk = chunks_[index];
			return !chunk || chunk->find(first, first + count, true) == first + count;
		});
	}

	// Marks a free range as in use. Errors: no_memory (nothing is changed).
	// REQUIRES: is_free(start, length).
	Status take(Sector start, u64 length)
	{
		const bool made = visit(start, length, [this](u64 index, u32, u32) {
			return make_chunk(index);
		});
		if (!made)
			return Error::no_memory;
		mark(start, length, true);
		return {};
	}

	// Finds free blocks, the first at or behind the cursor, and takes as many of `want` sectors as
	// follow each other there: at least one block. Errors: spare_full, no_memory.
	Result<Run> allocate(u64 want)
	{
		if (used_.load_relaxed() == blocks_)
			return Error::spare_full;
		const u64 first = find_free(cursor_ < blocks_ ? cursor_ : 0);
		const u64 length = run_length(first, max_of<u64>(want >> shift_, 1));
		const Run run{first << shift_, length << shift_};
		TRY(take(run.start, run.length));
		cursor_ = first + length;
		return run;
	}

	// REQUIRES: the whole range is in use.
	void release(Sector start, u64 length) { mark(start, length, false); }

private:
	// Calls `step(chunk index, first block in it, count)` for each chunk that the range touches,
	// until one returns false.
	template <class Step> bool visit(Sector start, u64 length, Step &&step) const
	{
		u64 block = start >> shift_;
		const u64 end = (start + length) >> shift_;
		while (block < end) {
			const u32 first = static_cast<u32>(block % SpareChunk::kBlocks);
			const u32 count = static_cast<u32>(
				min_of<u64>(end - block, SpareChunk::kBlocks - first));
			if (!step(block / SpareChunk::kBlocks, first, count))
				return false;
			block += count;
		}
		return true;
	}

	bool make_chunk(u64 index)
	{
		if (!chunks_[index])
			chunks_[index] =
				static_cast<SpareChunk *>(platform_.allocate(sizeof(SpareChunk)));
		return chunks_[index];
	}

	void mark(Sector start, u64 length, bool used)
	{
		visit(start, length, [&](u64 index, u32 first, u32 count) {
			SpareChunk *chunk = chunks_[index];
			if (!REMAP_CHECK(chunk && chunk->find(first, first + count, used) ==
							  first + count))
				return false;
			chunk->set(first, count, used);
			used_.store_relaxed(used_.load_relaxed() +
					    (used ? u64{count} : u64{0} - count));
			if (!chunk->used()) {
				platform_.deallocate(chunk, sizeof(SpareChunk));
				chunks_[index] = nullptr;
			}
			return true;
		});
	}

	u32 blocks_in(u64 index) const
	{
		return static_cast<u32>(
			min_of<u64>(SpareChunk::kBlocks, blocks_ - index * SpareChunk::kBlocks));
	}

	// REQUIRES: some block is free.
	u64 find_free(u64 from) const
	{
		u64 index = from / SpareChunk::kBlocks;
		u32 first = static_cast<u32>(from % SpareChunk::kBlocks);
		for (;;) {
			const u32 count = blocks_in(index);
			const u32 found = !chunks_[index] ? first
					  : chunks_[index]->used() == count
						  ? count
						  : chunks_[index]->find(first, count, false);
			if (found < count)
				return index * SpareChunk::kBlocks + found;
			index = index + 1 < chunk_count_ ? index + 1 : 0;
			first = 0;
		}
	}

	u64 run_length(u64 block, u64 want) const
	{
		const u32 first = static_cast<u32>(block % SpareChunk::kBlocks);
		const u64 index = block / SpareChunk::kBlocks;
		const u32 limit =
			static_cast<u32>(min_of<u64>(blocks_in(index), first + want));
		const SpareChunk *chunk = chunks_[index];
		return (chunk ? chunk->find(first, limit, true) : limit) - first;
	}

	P &platform_;
	u32 shift_ = 0;
	u64 blocks_ = 0;
	u64 chunk_count_ = 0;
	u64 cursor_ = 0;
	SpareChunk **chunks_ = nullptr;
	Atomic<u64> used_;
};

}  // namespace remap
