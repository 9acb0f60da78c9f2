// SPDX-License-Identifier: GPL-2.0-or-later
// COMMIT and FENCE: one block to all copies in use, a flush, and only then does anybody hear of it.
// A copy that failed is out before anybody does, since a later load may find it readable again.
#pragma once

#include "core/journal/journal.h"

namespace remap {

template <Platform P> Status Journal<P>::commit(const Record *records, u32 count)
{
	while (count) {
		const u32 here = min_of(count, kRecordsPerBlock);
		TRY(append(records, here));
		records += here;
		count -= here;
	}
	return {};
}

template <Platform P> Status Journal<P>::append(const Record *records, u32 count)
{
	if (!opened() && !has_bug(platform_, Bug::readonly_reuses))
		return Error::unwritable;
	if (!begun_)
		TRY(change_epoch(now_.copies, SetState::opened));
	TRY(make_room());
	if (has_bug(platform_, Bug::acknowledge_before_fence))
		TRY(fence(now_.copies & ~unwritable_));
	Copies good = zero_ahead(now_.copies);
	JournalBlockDisk *block = reinterpret_cast<JournalBlockDisk *>(block_);
	const u32 crc = pack(block, now_.set, now_.epoch, end_, end_crc_, records, count);
	if (has_bug(platform_, Bug::uninitialised_tail))
		__builtin_memset(block->sector[kBlockSectors - 1].zero_end, 0xa5, 8);
	for_each_copy(good, [&](u32 copy) {
		if (has_bug(platform_, Bug::one_copy_only) && copy)
			return;
		if (debt_.write(platform_, device_of(copy), ring_sector(copy, end_), block_,
				kBlockSectors) != IoStatus::ok)
			good &= ~(1u << copy);
	});
	if (!has_bug(platform_, Bug::no_commit_flush))
		good = flush_copies(good);
	if (!good)
		return fail();
	end_crc_ = crc;
	++end_;
	commits_.add_relaxed(1);
	const bool later = has_bug(platform_, Bug::acknowledge_before_fence);
	if (later)
		unwritable_ |= now_.copies & ~good;
	if (!later)
		TRY(fence(good));
	work_on_checkpoint();
	return {};
}

// REQUIRES: what is acknowledged, and the block just written, is in every copy of `good`.
template <Platform P> Status Journal<P>::fence(Copies good)
{
	if (good == now_.copies || has_bug(platform_, Bug::ignore_copy_failure))
		return {};
	if (!good)
		return fail();
	platform_.log(LogLevel::error,
		      "a copy of the metadata cannot be written; it is out of use");
	return change_epoch(good, SetState::opened);
}

// One flush for all copies on a device. Returns those that are stable.
template <Platform P> Copies Journal<P>::flush_copies(Copies copies)
{
	for (u32 m = 0; m < spares_.slots(); ++m) {
		if (!(copies & copies_on(m)) || (m && has_bug(platform_, Bug::one_spare_flushed)))
			continue;
		if (debt_.flush(platform_, spares_.device(m)) != IoStatus::ok)
			copies &= ~copies_on(m);
	}
	return copies;
}

// How often a flush of any spare has failed.
template <Platform P> u64 Journal<P>::flush_failures() const
{
	u64 failures = 0;
	for (DeviceIndex device = kFirstSpare; device < kFirstSpare + shape_.spares.count; ++device)
		failures += debt_.failures(device);
	return failures;
}

// On the first lap, what lies ahead may be anything: it is made zero, so that the end of a log can
// be told from damage. Stable with the block that is written next.
template <Platform P> Copies Journal<P>::zero_ahead(Copies copies)
{
	const u64 first = end_ + kZeroAhead;
	if (end_ % kZeroAhead || first >= spares_.journal_blocks())
		return copies;
	const u64 blocks = min_of(kZeroAhead, spares_.journal_blocks() - first);
	Copies good = copies;
	for_each_copy(copies, [&](u32 copy) {
		if (!write_zeros(device_of(copy), ring_sector(copy, first), blocks * kBlockSectors))
			good &= ~(1u << copy);
	});
	return good;
}

// A block that is part of the log is never rewritten.
template <Platform P> Status Journal<P>::make_room()
{
	if (end_ - now_.journal_start < spares_.journal_blocks() ||
	    has_bug(platform_, Bug::ring_overrun))
		return {};
	return checkpoint();
}

}  // namespace remap
