// SPDX-License-Identifier: GPL-2.0-or-later
// Promotion to and demotion from coarse words, and the clean-up that follows once readers have
// left. Why readers see nothing of it: coarse.h.
#pragma once

#include "core/table/table.h"

namespace remap {

// Objects of limbo that one operation frees, and fine slots that it drops, at most: more than one
// operation can add on average, so limbo empties.
inline constexpr u32 kFreedPerCall = 16;
inline constexpr u32 kDroppedPerCall = 16;

// Writer. Demotes every coarse word in [main, end). Content stays as it is. Errors: no_memory,
// table_full.
template <MemoryPlatform P> Status Table<P>::demote_touched(Sector main, Sector end)
{
	change_count_ = 0;
	for (u64 coarse = main >> kCoarseBits; coarse <= (end - 1) >> kCoarseBits; coarse++) {
		if (summary_.coarse(coarse << kCoarseBits))
			TRY(demote(coarse));
	}
	return {};
}

template <MemoryPlatform P> Status Table<P>::demote(u64 coarse)
{
	Coarse *block = summary_.coarse_block(coarse);
	const Word word = block->word[coarse & 511].load_relaxed();
	u64 put_back = 0;
	for (u32 i = 0; i < kCoarseRegions; i++) {
		const u64 region = coarse * kCoarseRegions + i;
		if (pages_.get(region))
			continue;
		if (Status status = pages_.reserve(region, 1); !status) {
			drop_fine(coarse, put_back);
			return status;
		}
		pages_.put(region, fine_of(word, i));
		put_back |= u64{1} << i;
	}
	if (Errand *errand = block->errand[coarse & 511]) {
		errand->cancelled = true;
		block->errand[coarse & 511] = nullptr;
	}
	block->word[coarse & 511].store_release(0);
	Tally delta;
	delta.of[Tally::pieces] = kCoarseRegions - 1;
	apply(delta);
	return {};
}

// Drops the slots of those regions under a coarse word that have a bit in `regions`.
template <MemoryPlatform P> void Table<P>::drop_fine(u64 coarse, u64 regions)
{
	for (; regions; regions &= regions - 1)
		pages_.clear(coarse * kCoarseRegions + lowest_bit(regions));
}

// Writer. Promotes what the operation just made whole.
template <MemoryPlatform P> void Table<P>::promote_planned()
{
	u64 looked_at = ~u64{0};
	for (u32 i = 0; i < change_count_; i++) {
		const u64 coarse = changes_[i].region / kCoarseRegions;
		if (coarse == looked_at)
			continue;
		looked_at = coarse;
		if (is_full(changes_[i].after) && summary_.all_marked(coarse))
			promote(coarse);
	}
}

// Whether a coarse region is one stretch, and its coarse word.
template <MemoryPlatform P> bool Table<P>::one_stretch(u64 coarse, Word *word) const
{
	Word whole = 0;
	for (u32 i = 0; i < kCoarseRegions; i++) {
		const Word fine = pages_.get(coarse * kCoarseRegions + i);
		if (!is_full(fine))
			return false;
		if (i == 0)
			whole = coarse_of(fine);
		else if (fine != fine_of(whole, i))
			return false;
	}
	*word = whole;
	return true;
}

// Promotes a coarse region if it is one stretch and there is memory for it.
template <MemoryPlatform P> void Table<P>::promote(u64 coarse)
{
	Word word;
	if (!one_stretch(coarse, &word) || !summary_.secure_coarse(coarse))
		return;
	Errand *errand = limbo_.make_errand();
	if (!errand)
		return;
	Coarse *block = summary_.coarse_block(coarse);
	errand->coarse = coarse;
	block->errand[coarse & 511] = errand;
	block->word[coarse & 511].store_release(word);
	limbo_.add(errand);
	Tally delta;
	delta.of[Tally::pieces] = ~u64{kCoarseRegions - 1} + 1;
	apply(delta);
}

// Writer. A bounded part of what waited for readers.
template <MemoryPlatform P> void Table<P>::collect()
{
	limbo_.advance();
	for (u32 i = 0; i < kFreedPerCall && limbo_.free_one(); i++) {
	}
	for (u32 i = 0; i < kFreedPerCall && limbo_.due(); i++) {
		Errand *errand = limbo_.due();
		const bool cleans = !errand->block && !errand->cancelled;
		if (cleans)
			clean_up(errand);
		if (!cleans || errand->cursor == kCoarseRegions) {
			limbo_.finish_due();
			continue;
		}
		return;
	}
}

// Drops some of the fine slots under a coarse word.
template <MemoryPlatform P> void Table<P>::clean_up(Errand *errand)
{
	const u64 regions = low_mask(kDroppedPerCall) << errand->cursor;
	drop_fine(errand->coarse, regions);
	errand->cursor += kDroppedPerCall;
	if (errand->cursor == kCoarseRegions)
		summary_.coarse_block(errand->coarse)->errand[errand->coarse & 511] = nullptr;
}

template <MemoryPlatform P> bool Table<P>::tidy()
{
	collect();
	pages_.settle();
	update_buckets();
	return !limbo_.empty();
}

} // namespace remap
