// SPDX-License-Identifier: GPL-2.0-or-later
// The changing half of table.h.
//
// Every change runs in three steps: the coarse words it touches are demoted (coarse.h); for each
// region the new content is written to a word or a fresh leaf and room for it is secured, all of
// which may fail and can be forgotten; then the words are stored one by one, which cannot fail.
#pragma once

#include "core/table/table.h"

namespace remap {

template <MemoryPlatform P> void Table<P>::Tally::add(Word word, u64 sectors, u64 sign)
{
	of[pieces] += sign;
	if (state_of(word) == State::pending) {
		of[pending] += sign * sectors;
		return;
	}
	of[mapped] += sign * sectors;
	if (state_of(word) == State::lost)
		of[lost] += sign * sectors;
	if (boundary_of(word))
		of[extents] += sign;
}

template <MemoryPlatform P> void Table<P>::Tally::add_all(Word word, u64 sign)
{
	const Pieces all(word);
	for (u32 i = 0; i < all.count(); i++)
		add(all[i], length_of(all[i]), sign);
}

template <MemoryPlatform P> void Table<P>::apply(const Tally &delta)
{
	for (u32 i = 0; i < Tally::kinds; i++)
		counts_[i].store_relaxed(counts_[i].load_relaxed() + delta.of[i]);
}

template <MemoryPlatform P> Status Table<P>::check_range(Sector main, u64 length) const
{
	if (length < 1 || length > kMaxCallSectors)
		return Error::wrong_argument;
	if (!range_fits(main, length, main_sectors_))
		return Error::out_of_range;
	return {};
}

template <MemoryPlatform P> Status Table<P>::check_extent(const Extent &extent) const
{
	TRY(check_range(extent.main, extent.length));
	if (extent.state == State::pending)
		return {};
	if (!is_mapped(extent.state) ||
	    !range_fits(extent.place, extent.length, u64{1} << kPlaceBits))
		return Error::wrong_argument;
	return {};
}

// Whether the extent that continues at `behind` began exactly at `main`.
template <MemoryPlatform P> bool Table<P>::begins_what_follows(Sector main, Sector behind) const
{
	Extent piece;
	for (Sector at = main; at <= behind; at = piece.main + piece.length) {
		if (!piece_at(at, &piece) || !is_mapped(piece.state))
			return false;
		const bool boundary_here = piece.boundary && piece.main == at;
		if (boundary_here != (at == main))
			return false;
	}
	return true;
}

template <MemoryPlatform P> Status Table<P>::insert(const Extent &extent)
{
	TRY(check_extent(extent));
	Extent found;
	if (find_piece(extent.main, extent.main + extent.length, &found))
		return Error::overlap;
	return run({Edit::Kind::place, false, extent});
}

template <MemoryPlatform P> Status Table<P>::assign(const Extent &extent)
{
	TRY(check_extent(extent));
	const Sector behind = extent.main + extent.length;
	const bool mark = extent.state == State::pending ||
			  (extent.boundary && !begins_what_follows(extent.main, behind));
	return run({Edit::Kind::place, mark, extent});
}

template <MemoryPlatform P> Status Table<P>::put(const Extent &extent)
{
	if (extent.state == State::none) {
		TRY(check_range(extent.main, extent.length));
		return run({Edit::Kind::unmap, false, {extent.main, extent.length, 0, State::none, false}});
	}
	TRY(check_extent(extent));
	return run({Edit::Kind::place, false, extent});
}

template <MemoryPlatform P> Status Table<P>::remove(Sector main, u64 length)
{
	TRY(check_range(main, length));
	return run({Edit::Kind::unmap, true, {main, length, 0, State::none, false}});
}

template <MemoryPlatform P> Status Table<P>::set_state(Sector main, u64 length, State state)
{
	TRY(check_range(main, length));
	if (!is_mapped(state))
		return Error::wrong_argument;
	return run({Edit::Kind::restate, false, {main, length, 0, state, false}});
}

template <MemoryPlatform P> Status Table<P>::run(const Edit &edit)
{
	collect();
	const bool marks = change_marks(edit);
	Status status = demote_touched(edit.extent.main, edit.end() + marks);
	if (status.ok())
		status = plan(edit);
	if (status.ok()) {
		publish();
		promote_planned();
	} else {
		forget_plan();
	}
	pages_.settle();
	update_buckets();
	return status;
}

// Whether the sector behind the range is to get a boundary that it does not have.
template <MemoryPlatform P> bool Table<P>::change_marks(const Edit &edit) const
{
	Extent piece;
	return edit.mark && piece_at(edit.end(), &piece) && is_mapped(piece.state) &&
	       !(piece.boundary && piece.main == edit.end());
}

template <MemoryPlatform P> Status Table<P>::plan(const Edit &edit)
{
	change_count_ = 0;
	delta_ = Tally{};
	const u64 last = (edit.end() - 1) >> kRegionBits;
	for (u64 region = edit.extent.main >> kRegionBits; region <= last; region++)
		TRY(plan_region(edit, region));
	if (is_aligned(edit.end(), kRegionSectors) && change_marks(edit))
		TRY(plan_region(edit, last + 1));
	if (counts_[Tally::extents].load_relaxed() + delta_.of[Tally::extents] > kMaxExtents)
		return Error::table_full;
	return {};
}

template <MemoryPlatform P> Status Table<P>::plan_region(const Edit &edit, u64 region)
{
	const Word before = pages_.get(region);
	rewrite(edit, region << kRegionBits, before);
	Change *change = &changes_[change_count_];
	*change = {region, before, 0};
	TRY(secure(change));
	delta_.add_all(before, ~u64{0});
	delta_.add_all(change->after, 1);
	change_count_++;
	return {};
}

// Puts the content of the scratch pieces into the change and makes room for it.
template <MemoryPlatform P> Status Table<P>::secure(Change *change)
{
	if (piece_count_ == 0)
		return {};
	if (!change->before) {
		if (!summary_.secure(change->region))
			return Error::no_memory;
		TRY(pages_.reserve(change->region, 1 + new_regions_like(change->region)));
	}
	if (piece_count_ == 1) {
		change->after = pieces_[0];
		return {};
	}
	const u32 size_class = choose_leaf_class(change->before, piece_count_);
	Word *leaf = memory_.template make<Word>(leaf_bytes(size_class));
	if (!leaf)
		return Error::no_memory;
	leaf[0] = piece_count_;
	for (u32 i = 0; i < piece_count_; i++)
		leaf[i + 1] = pieces_[i];
	change->after = leaf_word(leaf, size_class);
	return {};
}

// How many regions that are planned already come new into the page of this one.
template <MemoryPlatform P> u32 Table<P>::new_regions_like(u64 region) const
{
	u32 count = 0;
	const u64 page = pages_.page_index_of(region);
	for (u32 i = 0; i < change_count_; i++)
		count += !changes_[i].before && pages_.page_index_of(changes_[i].region) == page;
	return count;
}

template <MemoryPlatform P> void Table<P>::forget_plan()
{
	for (u32 i = 0; i < change_count_; i++) {
		const Word word = changes_[i].after;
		if (is_leaf(word))
			memory_.deallocate(leaf_of(word), leaf_bytes(leaf_class(word)));
	}
	change_count_ = 0;
}

template <MemoryPlatform P> void Table<P>::publish()
{
	for (u32 i = 0; i < change_count_; i++) {
		const Change &change = changes_[i];
		if (change.after) {
			if (!change.before)
				summary_.mark(change.region);
			pages_.put(change.region, change.after);
		} else if (change.before) {
			pages_.clear(change.region);
			summary_.unmark(change.region);
		}
		if (is_leaf(change.after))
			leaf_buckets_ += leaf_buckets(leaf_class(change.after));
		if (is_leaf(change.before)) {
			leaf_buckets_ -= leaf_buckets(leaf_class(change.before));
			limbo_.retire_leaf(change.before);
		}
	}
	apply(delta_);
}

// Adds a piece to the scratch list, joined with the one before where that is possible.
template <MemoryPlatform P> void Table<P>::emit(Word word)
{
	Word *last = piece_count_ ? &pieces_[piece_count_ - 1] : nullptr;
	if (last && !boundary_of(word) && goes_on(*last, word))
		*last = lengthened(*last, length_of(word));
	else
		pieces_[piece_count_++] = word;
}

// Writes to the scratch list what the region that begins at `base` holds after the edit.
template <MemoryPlatform P> void Table<P>::rewrite(const Edit &edit, Sector base, Word before_word)
{
	const Pieces before(before_word);
	const u32 from = edit.extent.main > base ? static_cast<u32>(edit.extent.main - base) : 0;
	const u32 to = static_cast<u32>(min_of<u64>(edit.end() - base, kRegionSectors));
	piece_count_ = 0;
	for (u32 i = 0; i < before.count() && offset_of(before[i]) < from; i++)
		emit(cut_piece(before[i], 0, from));
	if (from < to)
		emit_middle(edit, base, before, from, to);
	emit_right(edit, base, before, to);
}

template <MemoryPlatform P>
void Table<P>::emit_middle(const Edit &edit, Sector base, Pieces before, u32 from, u32 to)
{
	const Extent &extent = edit.extent;
	if (edit.kind == Edit::Kind::place) {
		const u64 skipped = base + from - extent.main;
		const bool mapped = is_mapped(extent.state);
		emit(pack_piece(from, to - from, mapped ? extent.place + skipped : 0, extent.state,
				mapped && extent.boundary && !skipped));
	} else if (edit.kind == Edit::Kind::restate) {
		for (u32 i = before.first_after(from);
		     i < before.count() && offset_of(before[i]) < to; i++) {
			const Word word = cut_piece(before[i], from, to);
			emit(is_mapped(state_of(word)) ? with_state(word, extent.state) : word);
		}
	}
}

template <MemoryPlatform P>
void Table<P>::emit_right(const Edit &edit, Sector base, Pieces before, u32 from)
{
	if (from == kRegionSectors)
		return;
	for (u32 i = before.first_after(from); i < before.count(); i++) {
		const Word word = cut_piece(before[i], from, kRegionSectors);
		const bool first = base + offset_of(word) == edit.end();
		emit(edit.mark && first && is_mapped(state_of(word)) ? with_boundary(word) : word);
	}
}

} // namespace remap
