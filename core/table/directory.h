// SPDX-License-Identifier: GPL-2.0-or-later
// The directory: which page owns a hash. Linear hashing: with N pages, a hash belongs to the page
// hash & mask (mask + 1 the power of two at or above N), or hash & (mask >> 1) where that is not
// below N. One page at a time is split in two, in order, or the last one merged back, so that a
// page has about kPageTarget slots in use on average, up to twice that just before its split.
//
// Page words (page pointer, units in the low 6 bits, so that the line can be computed before the
// header is in the cache) are in chunks of 512 below nodes of 512 below 64 roots: nothing ever
// doubles at once. Chunks and nodes stay until the end (8 bytes per page there ever was), so every
// word that a reader can ask for was once set.
//
// Concurrency. One writer. New pages are published before the count that makes them reachable,
// the upper half of a split before the lower one. A replaced page is frozen at that moment and
// stays readable until a grace period ends; so does the word of a merged page behind the end.
//  * A reader that finds its key, or an empty slot in a page that owns its hash, has the truth of
//    the moment at which it loaded the page word, or of the later one at which the page froze:
//    both lie within its call.
//  * A reader with an old count may land on a page that has been split since, perhaps more than
//    once, and no longer owns the hash. The lowest bit in which hash and page differ names the
//    split at which they parted, and so a page that was published before this one; it goes there.
//    Every such step settles at least one more bit, so there are at most 24.
//  * A reader with an old count that asks for a merged page finds it frozen as it was when the
//    count changed, which is after the reader's call began.
#pragma once

#include "core/base/check.h"
#include "core/table/limbo.h"

namespace remap {

template <MemoryPlatform P> class Directory {
public:
	// With 256, the worst split takes more than 40,000 instructions; with 128, the pages' steps
	// of 1 KiB cost too much memory.
	static constexpr u32 kPageTarget = 192;
	// The first page has 512 buckets before it is split: small tables double exactly.
	static constexpr u32 kFirstSplit = 400;

	Directory(Memory<P> &memory, Limbo<P> &limbo) : memory_(memory), limbo_(limbo) {}

	Status create()
	{
		Page *page = new_page(Page::kMinUnits, 0, 0);
		if (!page)
			return Error::no_memory;
		if (!secure_word(0)) {
			drop_page(page);
			destroy();
			return Error::no_memory;
		}
		set_word(page);
		shape_.store_release(shape_of(1));
		return {};
	}

	// Frees everything. No readers.
	void destroy();

	// The word of a region, or 0. Reader or writer.
	[[gnu::always_inline]] Word get(u64 region) const
	{
		const u64 hash = hash_of(region);
		return get_from(page_index(hash), hash, region);
	}

	// The same, beginning at the page that some count had for the hash, if not the present one.
	[[gnu::always_inline]] Word get_from(u64 index, u64 hash, u64 region) const
	{
		const u64 word = word_of(index)->load_acquire();
		const u32 home = home_slot(hash, line_count(word));
		const Slot *slot = &page_of(word)->lines()->slot[0] + home;
		const u64 key = slot->key.load_acquire();
		if (key == region + 1) [[likely]] // two of three are at home
			return slot->piece.load_acquire();
		return get_far(word, hash, region, home);
	}

	// Begins to fetch what get() and put() of a region will look at, and does not wait for it.
	void prefetch(u64 region) const
	{
		const u64 hash = hash_of(region);
		const u64 word = word_of(page_index(hash))->load_acquire();
		const Page *page = page_of(word);
		__builtin_prefetch(page);
		__builtin_prefetch(&page->lines()->slot[0] + home_slot(hash, line_count(word)));
	}

	// Writer: the index of the page that owns a region, to find regions that share one.
	u64 page_index_of(u64 region) const { return page_index(hash_of(region)); }

	// Writer. Makes room so that `count` new regions can be put in the page of `region`.
	// Content stays as it is. Errors: no_memory, table_full.
	Status reserve(u64 region, u32 count);

	// Writer. Sets the word of a region, not 0. REQUIRES: reserve() for a new one.
	void put(u64 region, Word word);

	// Writer. Sets the word of a region to 0, and makes its page smaller when it is too empty.
	void clear(u64 region);

	// Writer. Splits or merges at most one page if the average asks for it; not after a page
	// was rebuilt since the last call. Without memory for it, it waits for the next call.
	void settle();

	u64 pages() const { return shape_.load_relaxed() >> 32; }
	u64 slots_used() const { return used_; }
	u64 buckets() const { return buckets_; }
	u64 node_bytes() const { return node_bytes_; }
	const Page *page(u64 index) const { return page_of(word_of(index)->load_relaxed()); }

private:
	static constexpr u32 kFan = 512;
	static constexpr u32 kRoots = 64;
	// A slot whose home in the new page is taken.
	struct Late {
		u16 slot;
		u16 home;
		bool is_high;
	};
	static constexpr u32 kMaxLate = 256;
	static constexpr u64 kMaxPages = u64{kRoots} * kFan * kFan;
	struct Chunk {
		Atomic<u64> word[kFan];
	};
	struct Node {
		Atomic<Chunk *> chunk[kFan];
	};

	// get_from() where the home slot in the page of `word` holds something else.
	[[gnu::noinline]] Word get_far(u64 word, u64 hash, u64 region, u32 home) const
	{
		for (;;) {
			const Page *page = page_of(word);
			const u32 lines = line_count(word);
			u64 found;
			const Slot *slot = search(page->lines(), lines, home, region + 1, &found);
			if (found == region + 1)
				return slot->piece.load_acquire();
			if (page->owns(hash)) [[likely]]
				return 0;
			word = word_of(page->next_index(hash))->load_acquire();
			home = home_slot(hash, line_count(word));
		}
	}

	static u64 shape_of(u64 pages)
	{
		const u64 mask =
			pages == 1 ? 0
				   : low_mask(64 - static_cast<u32>(__builtin_clzll(pages - 1)));
		return (pages << 32) | mask;
	}

	u64 page_index(u64 hash) const
	{
		const u64 shape = shape_.load_acquire();
		const u64 mask = static_cast<u32>(shape);
		const u64 index = hash & mask;
		return index < (shape >> 32) ? index : index & (mask >> 1);
	}

	const Atomic<u64> *word_of(u64 index) const
	{
		// Not root_[index >> 18] alone: its load would wait for the index.
		const Node *node = root_[0].load_acquire();
		if (index >> 18) [[unlikely]]
			node = root_[index >> 18].load_acquire();
		return &node->chunk[(index >> 9) & (kFan - 1)]
				.load_acquire()
				->word[index & (kFan - 1)];
	}

	static Page *page_of(u64 word) { return reinterpret_cast<Page *>(word & ~u64{63}); }
	static u32 line_count(u64 word) { return static_cast<u32>(word & 63) * Page::kUnitLines; }

	void set_word(Page *page)
	{
		Node *node = root_[page->index >> 18].load_relaxed();
		Chunk *chunk = node->chunk[(page->index >> 9) & (kFan - 1)].load_relaxed();
		chunk->word[page->index & (kFan - 1)].store_release(reinterpret_cast<u64>(page) |
								    page->units);
	}

	// Units for a page with `used` slots, one of `pages`: a single page doubles and halves, so
	// that a small table's bucket counts are powers of two; else about 0.69 of the slots full.
	static u32 units_for(u32 used, u64 pages)
	{
		u32 units = Page::kMinUnits;
		if (pages == 1) {
			while (used > Page::most(units))
				units *= 2;
		} else {
			constexpr u32 kFill = Page::kUnitSlots * 11 / 16;
			units = max_of(units, (used + kFill - 1) / kFill);
		}
		return min_of(units, Page::kMaxUnits);
	}

	bool secure_word(u64 index);
	Page *new_page(u32 units, u32 index, u32 mask);
	void drop_page(Page *page);
	void replace(Page *old, Page *page);
	bool rebuild(Page *old, u32 units);
	void shrink(Page *page);
	bool split();
	bool merge();
	template <bool kSplit> void copy_slots(const Page *from, Page *low, Page *high, u64 bit);
	static void set_counts(Page *page, u32 used, u32 upper);

	Memory<P> &memory_;
	Limbo<P> &limbo_;
	Atomic<u64> shape_; // pages << 32 | mask
	Atomic<Node *> root_[kRoots];
	u64 used_ = 0;
	u64 buckets_ = 0;
	u64 node_bytes_ = 0;
	u32 steps_ = 0;	      // pages rebuilt since the last settle()
	Late late_[kMaxLate]; // scratch of copy_slots()
};

} // namespace remap

#include "core/table/directory_write.h"
