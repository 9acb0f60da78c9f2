// SPDX-License-Identifier: GPL-2.0-or-later
// The table: which sectors of main are mapped, where to, and in which state.
//
// Structure, from the front:
//  * summary.h    a bitmap in three levels; most lookups find nothing and end here
//  * coarse.h     one word for 8 MiB that are mapped in one stretch
//  * directory.h  linear hashing over pages that split and merge one at a time
//  * page.h       a slot per region of 128 KiB: its one piece, or a pointer to
//  * leaf.h       the sorted pieces of a region that has several
//  * limbo.h      what was taken out and waits for readers to leave
// A lookup costs O(1) in the number of extents, an insertion or removal a bounded amount of work.
//
// Invariants. The content of a region is a canonical list: what can be joined (same state, places
// contiguous, no boundary between) is joined, within the region. Pending pieces have place 0 and no
// boundary. The counts are those of the content after each call. A bucket (two slots of a page, two
// words of a leaf) is a unit of memory that is really there; pages and leaves keep 0.5 to 1.5
// extents per bucket (a page of the least size may have fewer).
//
// Concurrency. lookup() takes no lock, never waits, never retries without bound, and runs beside
// one writer; it must be inside a read section of the platform. Every sector's part of an answer
// was true at some moment of the call. All else is the writer's, one call at a time, except the
// counts, which anybody may read.
//
// Errors leave the content as it was: a call first secures all memory it needs, then publishes,
// which cannot fail. Growth of the structure may stay.
#pragma once

#include "core/table/directory.h"
#include "core/table/summary.h"

namespace remap {

// A part of the real structure, as Table::walk() shows it.
struct Structure {
	enum class Kind : u8 { page, leaf, coarse, index, limbo };
	Kind kind;
	u64 buckets = 0; // page, leaf
	u64 entries = 0; // page: slots in use; leaf: pieces; coarse: 1
	u64 pieces = 0;	 // pieces of the content that are stored here itself
	u64 bytes = 0;
	bool least = false; // a page of the least size
};

template <MemoryPlatform P> class Table {
public:
	// What one call may cover at most, so that every call does bounded work: 1 MiB.
	static constexpr u64 kMaxCallSectors = 2048;
	static constexpr u64 kMaxExtents = 0xffffffff;
	// Parts (a region, a coarse word, a clean stretch) that a lookup joins at most.
	static constexpr u32 kMaxLookupParts = 64;

	// No allocation; not usable before create().
	explicit Table(P &platform)
	    : memory_(platform), limbo_(memory_), summary_(memory_, limbo_), pages_(memory_, limbo_)
	{
	}
	Table(const Table &) = delete;
	Table &operator=(const Table &) = delete;
	// Frees all; no readers may be left.
	~Table();

	// Once. main_sectors from 1 to kMaxMainSectors. Errors: no_memory, wrong_argument.
	Status create(Sector main_sectors);

	// Reader: any context, inside a read section. REQUIRES: at < main_sectors, want >= 1.
	// Answer.sectors is 1 to `want`: as much of it as has one state with contiguous places,
	// within kMaxLookupParts parts.
	Answer lookup(Sector at, u64 want) const;
	// Says that `at`, below the end of main, is about to be asked for or changed. Any context.
	void prefetch(Sector at) const { pages_.prefetch(at >> kRegionBits); }
	// For a walk with next(): does the same for the first region from *ahead on that may have
	// something, and moves *ahead behind it. The callers of next().
	void prefetch_next(Sector *ahead) const;
	// Reader. Whether one look shows that nothing is mapped there; false says nothing.
	bool clean(Sector at, u64 want) const
	{
		return summary_.look(at, want) == Summary<P>::Look::clean;
	}

	// All of these: writer; length 1 to kMaxCallSectors within main, or wrong_argument or
	// out_of_range. Errors: no_memory, table_full.

	// Maps a range of which nothing is mapped or pending; else overlap.
	Status insert(const Extent &extent);
	// Gives the range this place and state whatever was there; one atomic step per region.
	// The boundary is as given at the first sector, none at the others. The sector behind the
	// range, if it continued an extent, gets a boundary, unless `extent` continues one itself
	// (mapped, no boundary) or takes the place of the beginning of that very extent (mapped,
	// boundary, and it began at extent.main).
	Status assign(const Extent &extent);
	// Gives the range exactly this, whatever was there, and touches nothing else: the replay of
	// what a log says. State none unmaps.
	Status put(const Extent &extent);
	// Unmaps the range; unmapped parts are fine. The sector behind the range, if it continued
	// an extent, gets a boundary.
	Status remove(Sector main, u64 length);
	// Changes the state of all mapped sectors in the range to active or lost.
	Status set_state(Sector main, u64 length, State state);

	// Writer, or any caller that excludes writers. The first stretch that ends after `from`:
	// the same state, contiguous places, no boundary but at its beginning; cut to begin at
	// `from` or later and to be at most `max_sectors` long. false: none.
	bool next(Sector from, Extent *out, u64 max_sectors = ~u64{0}) const;
	// The same caller. The extent as it was added that holds `main`: from its boundary to the
	// last sector before the next boundary, gap, or pending stretch. It may consist of several
	// pieces with different places and states. false: not mapped.
	bool added_extent(Sector main, Sector *start, u64 *length) const
	{
		return added_extent(main, start, length, [] { return false; });
	}
	// The same; `stop` is asked now and then, and ends it with false by true.
	template <class Stop>
	bool added_extent(Sector main, Sector *start, u64 *length, Stop &&stop) const;

	// Writer. Does a bounded part of the clean-up that waits for readers, as every change does;
	// for quiet times. Returns whether some still waits.
	bool tidy();

	// Extents as added: boundaries of mapped sectors. At any moment, by anybody.
	u64 extents() const { return count(Tally::extents); }
	// Active and lost.
	u64 mapped_sectors() const { return count(Tally::mapped); }
	u64 lost_sectors() const { return count(Tally::lost); }
	u64 pending_sectors() const { return count(Tally::pending); }
	// As stored: cut by regions, joined in coarse words.
	u64 pieces() const { return count(Tally::pieces); }
	u64 buckets() const { return buckets_.load_relaxed(); }
	u64 memory_bytes() const { return memory_.bytes(); }

	// Writer. Whether the buckets have at least doubled or halved since it last said so.
	bool resized(u64 *from, u64 *to);

	// Writer; tests. Calls visit(const Structure &) for each part of the real structure.
	template <class Visitor> void walk(Visitor &&visit) const;

private:
	struct Tally {
		enum Kind : u32 { extents, mapped, lost, pending, pieces, kinds };
		u64 of[kinds] = {};
		void add(Word word, u64 sectors, u64 sign);
		void add_all(Word word, u64 sign);
	};

	// What an operation does with each region it touches.
	struct Edit {
		enum class Kind : u8 { place, unmap, restate };
		Kind kind;
		bool mark; // give the sector behind the range a boundary if it has none
		Extent extent;
		Sector end() const { return extent.main + extent.length; }
	};

	// A region's change, made ready.
	struct Change {
		u64 region;
		Word before;
		Word after;
	};
	static constexpr u32 kMaxChanges = kMaxCallSectors / kRegionSectors + 2;

	u64 count(typename Tally::Kind kind) const { return counts_[kind].load_relaxed(); }
	void apply(const Tally &delta);

	// table_lookup.h
	Answer lookup_clean(Sector at, u64 want) const;
	Answer lookup_slot(Sector at, u64 want) const;
	Answer part_of_slot(Sector at, u64 want) const;
	static Answer part_of_region(Word word, Sector at, u64 want);
	static Answer part_of_leaf(Word word, Sector at, u64 want);
	void extend(Sector at, u64 want, Answer *answer) const;
	bool piece_at(Sector at, Extent *out) const;
	bool find_piece(Sector from, Sector limit, Extent *out) const;
	bool piece_in_unit(Sector from, Extent *out) const;

	// table_edit.h
	Status check_range(Sector main, u64 length) const;
	Status check_extent(const Extent &extent) const;
	bool begins_what_follows(Sector main, Sector behind) const;
	Status run(const Edit &edit);
	Status plan(const Edit &edit);
	Status plan_region(const Edit &edit, u64 region);
	Status secure(Change *change);
	bool change_marks(const Edit &edit) const;
	void forget_plan();
	void publish();
	void rewrite(const Edit &edit, Sector base, Word before);
	void emit(Word word);
	void emit_middle(const Edit &edit, Sector base, Pieces before, u32 from, u32 to);
	void emit_right(const Edit &edit, Sector base, Pieces before, u32 from);
	u32 new_regions_like(u64 region) const;
	void update_buckets();

	// table_coarse.h
	Status demote_touched(Sector main, Sector end);
	Status demote(u64 coarse);
	void drop_fine(u64 coarse, u64 regions);
	void promote_planned();
	void promote(u64 coarse);
	bool one_stretch(u64 coarse, Word *word) const;
	void collect();
	void clean_up(Errand *errand);

	Memory<P> memory_;
	Limbo<P> limbo_;
	Summary<P> summary_;
	Directory<P> pages_;
	Sector main_sectors_ = 0;
	Atomic<u64> counts_[Tally::kinds];
	Atomic<u64> buckets_;
	u64 leaf_buckets_ = 0;
	u64 reported_ = 0;

	// Scratch of the operation under way; here because kernel stacks are small.
	Tally delta_;
	Change changes_[kMaxChanges];
	u32 change_count_ = 0;
	u32 piece_count_ = 0;
	Word pieces_[kRegionSectors + 2];
};

template <MemoryPlatform P> Status Table<P>::create(Sector main_sectors)
{
	if (main_sectors < 1 || main_sectors > kMaxMainSectors || main_sectors_)
		return Error::wrong_argument;
	TRY(summary_.create(main_sectors));
	if (Status status = pages_.create(); !status) {
		summary_.destroy();
		return status;
	}
	main_sectors_ = main_sectors;
	update_buckets();
	reported_ = buckets();
	return {};
}

template <MemoryPlatform P> Table<P>::~Table()
{
	if (!main_sectors_)
		return;
	for (u64 i = 0; i < pages_.pages(); i++) {
		const Page *page = pages_.page(i);
		for (u32 line = 0; line < page->units * Page::kUnitLines; line++) {
			for (const Slot &slot : page->lines()[line].slot) {
				const Word word = slot.piece.load_relaxed();
				if (is_leaf(word))
					memory_.deallocate(leaf_of(word),
							   leaf_bytes(leaf_class(word)));
			}
		}
	}
	limbo_.free_all();
	pages_.destroy();
	summary_.destroy();
}

template <MemoryPlatform P> void Table<P>::update_buckets()
{
	buckets_.store_relaxed(pages_.buckets() + leaf_buckets_);
}

template <MemoryPlatform P> bool Table<P>::resized(u64 *from, u64 *to)
{
	const u64 present = buckets();
	if (present < 2 * reported_ && 2 * present > reported_)
		return false;
	*from = reported_;
	*to = present;
	reported_ = present;
	return true;
}

} // namespace remap

#include "core/table/table_coarse.h"
#include "core/table/table_edit.h"
#include "core/table/table_lookup.h"
#include "core/table/table_walk.h"
