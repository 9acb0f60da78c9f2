// SPDX-License-Identifier: GPL-2.0-or-later
// The writer's half of directory.h: slots that come and go, pages that grow, shrink, split, merge.
//
// A page is rebuilt when it has more than 1.5 slots in use per bucket, fewer than 0.5 (unless it
// has the least size), or too few empty slots left because of keys that are no longer in use.
#pragma once

#include "core/table/directory.h"

namespace remap {

template <MemoryPlatform P> bool Directory<P>::secure_word(u64 index)
{
	Atomic<Node *> &root = root_[index >> 18];
	if (!root.load_relaxed()) {
		Node *node = memory_.template make<Node>();
		if (!node)
			return false;
		node_bytes_ += sizeof(Node);
		root.store_release(node);
	}
	Atomic<Chunk *> &chunk = root.load_relaxed()->chunk[(index >> 9) & (kFan - 1)];
	if (!chunk.load_relaxed()) {
		Chunk *fresh = memory_.template make<Chunk>();
		if (!fresh)
			return false;
		node_bytes_ += sizeof(Chunk);
		chunk.store_release(fresh);
	}
	return true;
}

template <MemoryPlatform P> Page *Directory<P>::new_page(u32 units, u32 index, u32 mask)
{
	Page *page = memory_.template make<Page>(Page::bytes(units));
	if (!page)
		return nullptr;
	page->index = index;
	page->mask = mask;
	page->units = units;
	buckets_ += page->buckets();
	return page;
}

template <MemoryPlatform P> void Directory<P>::drop_page(Page *page)
{
	buckets_ -= page->buckets();
	memory_.deallocate(page, Page::bytes(page->units));
}

template <MemoryPlatform P> void Directory<P>::destroy()
{
	for (u64 i = 0; i < pages(); i++)
		drop_page(page_of(word_of(i)->load_relaxed()));
	shape_.store_relaxed(0);
	for (Atomic<Node *> &root : root_) {
		Node *node = root.load_relaxed();
		for (u32 i = 0; node && i < kFan; i++)
			memory_.deallocate(node->chunk[i].load_relaxed(), sizeof(Chunk));
		memory_.deallocate(node, sizeof(Node));
		root.store_relaxed(nullptr);
	}
	used_ = 0;
	node_bytes_ = 0;
}

// Copies the slots in use to pages that no reader sees yet: those whose hash has `bit` to `high`,
// the others to `low`; with kSplit false all to `low`. First those whose home is free, then the
// others: so 72 of 100 keys get their home and 90 their line. In the order in which they lie in the
// old page, which is that of their hashes, only 53 and 83 would, and each of the rest costs its
// lookups a jump that was not foreseen, or a cache miss.
template <MemoryPlatform P>
template <bool kSplit>
void Directory<P>::copy_slots(const Page *from, Page *low, Page *high, u64 bit)
{
	const Slot *slots = &from->lines()->slot[0];
	const Slot *end = slots + from->units * Page::kUnitSlots;
	Line *const low_lines = low->lines(), *const high_lines = kSplit ? high->lines() : nullptr;
	const u32 low_count = low->units * Page::kUnitLines;
	const u32 high_count = kSplit ? high->units * Page::kUnitLines : 0;
	u32 low_upper = 0, high_upper = 0, late = 0;
	for (const Slot *slot = slots; slot != end; slot++) {
		const Word word = slot->piece.load_relaxed();
		if (!word)
			continue;
		const u64 key = slot->key.load_relaxed();
		const u64 hash = hash_of(key - 1);
		const bool is_high = kSplit && (hash & bit);
		Line *lines = is_high ? high_lines : low_lines;
		const u32 line_count = is_high ? high_count : low_count;
		const u32 home = home_slot(hash, line_count);
		if (kSplit && (hash & (bit << 1)))
			is_high ? high_upper++ : low_upper++;
		if (!(&lines->slot[0] + home)->key.load_relaxed())
			fill_slot(&lines->slot[0] + home, key, word);
		else if (late < kMaxLate)
			late_[late++] = {static_cast<u16>(slot - slots), static_cast<u16>(home),
					 is_high};
		else
			fill_free(lines, line_count, home, key, word);
	}
	for (const Late *one = late_; one != late_ + late; one++) {
		const Slot &slot = slots[one->slot];
		fill_free(one->is_high ? high_lines : low_lines,
			  one->is_high ? high_count : low_count, one->home, slot.key.load_relaxed(),
			  slot.piece.load_relaxed());
	}
	if (kSplit) {
		set_counts(low, from->used - from->upper, low_upper);
		set_counts(high, from->upper, high_upper);
	}
}

template <MemoryPlatform P> void Directory<P>::set_counts(Page *page, u32 used, u32 upper)
{
	page->used = used;
	page->claimed = used;
	page->upper = upper;
}

// The old page is frozen from here on.
template <MemoryPlatform P> void Directory<P>::replace(Page *old, Page *page)
{
	set_word(page);
	buckets_ -= old->buckets();
	limbo_.retire_page(old);
}

template <MemoryPlatform P> bool Directory<P>::rebuild(Page *old, u32 units)
{
	Page *page = new_page(units, old->index, old->mask);
	if (!page)
		return false;
	copy_slots<false>(old, page, nullptr, 0);
	set_counts(page, old->used, old->upper);
	replace(old, page);
	steps_++;
	return true;
}

template <MemoryPlatform P> Status Directory<P>::reserve(u64 region, u32 count)
{
	Page *page = page_of(word_of(page_index_of(region))->load_relaxed());
	const u32 used = page->used + count;
	const u32 claims_most = page->units * Page::kUnitSlots * 13 / 16;
	if (used <= Page::most(page->units) && page->claimed + count <= claims_most)
		return {};
	const u32 units = units_for(used, pages());
	if (used > Page::most(units)) // splits failed all the time
		return pages() == kMaxPages ? Error::table_full : Error::no_memory;
	if (!rebuild(page, units))
		return Error::no_memory;
	return {};
}

template <MemoryPlatform P> void Directory<P>::put(u64 region, Word word)
{
	const u64 hash = hash_of(region);
	Page *page = page_of(word_of(page_index(hash))->load_relaxed());
	Slot *slot = slot_for(page, hash, region + 1);
	if (!REMAP_CHECK(slot))
		return;
	const bool is_new = !slot->piece.load_relaxed();
	slot->piece.store_release(word);
	if (!slot->key.load_relaxed()) {
		slot->key.store_release(region + 1);
		page->claimed++;
	}
	if (is_new) {
		page->used++;
		page->upper += (hash & (u64{page->mask} + 1)) != 0;
		used_++;
	}
}

template <MemoryPlatform P> void Directory<P>::clear(u64 region)
{
	const u64 hash = hash_of(region);
	Page *page = page_of(word_of(page_index(hash))->load_relaxed());
	Slot *slot = slot_for(page, hash, region + 1);
	if (!slot || !slot->piece.load_relaxed())
		return;
	slot->piece.store_release(0);
	page->used--;
	page->upper -= (hash & (u64{page->mask} + 1)) != 0;
	used_--;
	shrink(page);
}

// Without memory for it, the page stays as it is until its next removal.
template <MemoryPlatform P> void Directory<P>::shrink(Page *page)
{
	if (page->used < Page::least(page->units) && page->units > Page::kMinUnits)
		rebuild(page, units_for(page->used, pages()));
}

template <MemoryPlatform P> void Directory<P>::settle()
{
	if (!steps_) {
		const u64 count = pages();
		const u64 most = count == 1 ? kFirstSplit : count * kPageTarget;
		if (used_ > most)
			split();
		else if (count > 1 && used_ < count * kPageTarget / 2)
			merge();
		else if (count == 1)
			shrink(page_of(word_of(0)->load_relaxed()));
	}
	steps_ = 0;
}

template <MemoryPlatform P> bool Directory<P>::split()
{
	const u64 count = pages();
	if (count >= kMaxPages || !secure_word(count))
		return false;
	const u64 shape = shape_of(count + 1);
	const u32 mask = static_cast<u32>(shape);
	Page *old = page_of(word_of(count & (mask >> 1))->load_relaxed());
	Page *low = new_page(units_for(old->used - old->upper, count + 1), old->index, mask);
	if (!low)
		return false;
	Page *high = new_page(units_for(old->upper, count + 1), static_cast<u32>(count), mask);
	if (!high) {
		drop_page(low);
		return false;
	}
	copy_slots<true>(old, low, high, u64{old->mask} + 1);
	set_word(high);
	replace(old, low);
	shape_.store_release(shape);
	return true;
}

template <MemoryPlatform P> bool Directory<P>::merge()
{
	const u64 count = pages() - 1;
	const u64 shape = shape_of(count);
	Page *high = page_of(word_of(count)->load_relaxed());
	Page *low = page_of(word_of(count & (high->mask >> 1))->load_relaxed());
	const u32 used = low->used + high->used;
	const u32 units = units_for(used, count);
	if (used > Page::most(units))
		return false;
	Page *page = new_page(units, low->index, high->mask >> 1);
	if (!page)
		return false;
	copy_slots<false>(low, page, nullptr, 0);
	copy_slots<false>(high, page, nullptr, 0);
	set_counts(page, used, high->used);
	replace(low, page);
	shape_.store_release(shape);
	buckets_ -= high->buckets();
	limbo_.retire_page(high);
	return true;
}

} // namespace remap
