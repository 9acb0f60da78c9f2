// SPDX-License-Identifier: GPL-2.0-or-later
// SpareSpace: which blocks of the spares' data areas are in use.
//
// A bitmap in chunks that exist only where something is in use, so an empty spare of any size costs
// one pointer for each 32,768 blocks. Allocation is next-fit from a cursor, within the stretches that are
// open (one for each spare that may be given something): bounded by the size of the spares, not by how
// much is mapped, and places handed out one after another follow each other, which keeps runs of bad
// sectors in one extent.
//
// Writer context only; the I/O path never comes here. Sums may be read at any time.
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

	// An empty run of `sectors` sectors in blocks of `block_sectors` (a power of two), all of it open.
	// Errors: no_memory.
	Status create(Sector sectors, u32 block_sectors)
	{
		shift_ = lowest_bit(block_sectors);
		blocks_ = sectors >> shift_;
		chunk_count_ = div_round_up(blocks_, SpareChunk::kBlocks);
		chunks_ = static_cast<SpareChunk **>(
			platform_.allocate(chunk_count_ * sizeof(SpareChunk *)));
		if (!chunks_)
			return Error::no_memory;
		open(0, sectors);
		return {};
	}

	// Everything is free again.
	void clear()
	{
		for (u64 i = 0; i < chunk_count_; ++i) {
			if (chunks_[i])
				platform_.deallocate(chunks_[i], sizeof(SpareChunk));
			chunks_[i] = nullptr;
		}
		for (u32 i = 0; i < stretches_; ++i)
			stretch_[i].used = 0;
		sum();
	}

	// Nothing is handed out any more; then, only what is opened anew.
	void close_all()
	{
		stretches_ = 0;
		sum();
	}
	// REQUIRES: the stretch is inside, touches no other one, and there are fewer than kMaxSpares.
	void open(Sector start, u64 length)
	{
		Stretch &stretch = stretch_[stretches_++];
		stretch.start = start >> shift_;
		stretch.end = (start + length) >> shift_;
		stretch.used = count_used(stretch.start, stretch.end);
		sum();
	}
	// Whether all of a range is open.
	bool is_open(Sector start, u64 length) const
	{
		u64 block = start >> shift_;
		const u64 end = (start + length) >> shift_;
		while (block < end) {
			const Stretch *stretch = stretch_at(block);
			if (!stretch)
				return false;
			block = stretch->end;
		}
		return true;
	}

	// Of a stretch that may be closed.
	Sector used_in(Sector start, Sector end) const
	{
		return count_used(start >> shift_, end >> shift_) << shift_;
	}
	// Of what is open.
	Sector total_sectors() const { return open_.load_relaxed() << shift_; }
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

	// Finds free blocks that are open, the first at or behind the cursor, and takes as many of `want`
	// sectors as follow each other there: at least one block. Errors: spare_full, no_memory.
	Result<Run> allocate(u64 want)
	{
		u64 end = 0;
		const u64 first = find_free(&end);
		if (first == kNone)
			return Error::spare_full;
		const u64 length =
			run_length(first, min_of(max_of<u64>(want >> shift_, 1), end - first));
		const Run run{first << shift_, length << shift_};
		TRY(take(run.start, run.length));
		cursor_ = first + length;
		return run;
	}

	// The next place that is handed out is on another stretch, or well behind this one: what fails on a
	// disk fails together. REQUIRES: it was open.
	void leave(Sector place)
	{
		const u64 block = place >> shift_;
		const Stretch *stretch = stretch_at(block);
		const u32 next = stretch ? static_cast<u32>(stretch - stretch_) + 1 : 0;
		cursor_ = stretches_ ? stretch_[next % stretches_].start : 0;
		if (stretches_ != 1 || !stretch)
			return;
		const u64 length = stretch->end - stretch->start;
		const u64 far = block - stretch->start + min_of(kTrack >> shift_, length / 4);
		cursor_ = stretch->start + far % length;
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
			note_used(index * SpareChunk::kBlocks + first, count, used);
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

	// Blocks that places are taken from.
	struct Stretch {
		u64 start = 0;
		u64 end = 0;
		u64 used = 0;
	};
	static constexpr u64 kNone = ~u64{0};
	static constexpr u64 kTrack = 2048; // sectors, of today's disks

	const Stretch *stretch_at(u64 block) const
	{
		for (u32 i = 0; i < stretches_; ++i)
			if (block >= stretch_[i].start && block < stretch_[i].end)
				return &stretch_[i];
		return nullptr;
	}

	void sum()
	{
		u64 blocks = 0;
		u64 used = 0;
		for (u32 i = 0; i < stretches_; ++i) {
			blocks += stretch_[i].end - stretch_[i].start;
			used += stretch_[i].used;
		}
		open_.store_relaxed(blocks);
		used_.store_relaxed(used);
	}

	void note_used(u64 block, u64 count, bool used)
	{
		for (u32 i = 0; i < stretches_; ++i) {
			Stretch &stretch = stretch_[i];
			const u64 from = max_of(block, stretch.start);
			const u64 to = min_of(block + count, stretch.end);
			if (from >= to)
				continue;
			const u64 more = used ? to - from : from - to; // fewer: it wraps
			stretch.used += more;
			used_.store_relaxed(used_.load_relaxed() + more);
		}
	}

	u64 count_used(u64 block, u64 end) const
	{
		u64 used = 0;
		visit(block << shift_, (end - block) << shift_, [&](u64 index, u32 first, u32 count) {
			const SpareChunk *chunk = chunks_[index];
			for (u32 i = first; chunk && i < first + count; ++i)
				used += chunk->is_used(i);
			return true;
		});
		return used;
	}

	// The first free block of a stretch at or behind `from`, or kNone.
	u64 find_free_in(const Stretch &stretch, u64 from) const
	{
		u64 found = kNone;
		if (stretch.used == stretch.end - stretch.start)
			return found;
		visit(from << shift_, (stretch.end - from) << shift_,
		      [&](u64 index, u32 first, u32 count) {
			      const SpareChunk *chunk = chunks_[index];
			      const bool full = chunk && chunk->used() == blocks_in(index);
			      const u32 at = !chunk ? first
					     : full ? first + count
						    : chunk->find(first, first + count, false);
			      if (at < first + count)
				      found = index * SpareChunk::kBlocks + at;
			      return found == kNone;
		      });
		return found;
	}

	// From the cursor on, round all that is open; *end: where the stretch ends. kNone: all is full.
	u64 find_free(u64 *end) const
	{
		const Stretch *at = stretch_at(cursor_);
		u64 found = at ? find_free_in(*at, cursor_) : kNone;
		const u32 first = at ? static_cast<u32>(at - stretch_) + 1 : 0;
		for (u32 i = 0; found == kNone && i < stretches_; ++i) {
			at = &stretch_[(first + i) % stretches_];
			found = find_free_in(*at, at->start);
		}
		*end = at ? at->end : 0;
		return found;
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
	u32 stretches_ = 0;
	Stretch stretch_[kMaxSpares];
	Atomic<u64> open_; // blocks, and of these
	Atomic<u64> used_;
};

}  // namespace remap
