// SPDX-License-Identifier: GPL-2.0-or-later
// The reading half of table.h.
//
// A lookup is made of parts: one look at the summary, a coarse word, or a region. Each part is the
// longest stretch that its source shows; parts that go on in each other are joined.
#pragma once

#include "core/table/table.h"

namespace remap {

// What ends here needs no stack; the rest is a jump.
template <MemoryPlatform P>
[[gnu::always_inline]] inline Answer Table<P>::lookup(Sector at, u64 want) const
{
	switch (summary_.look(at, want)) {
	case Summary<P>::Look::clean:
		return {State::none, 0, want};
	case Summary<P>::Look::clean_here:
		return lookup_clean(at, want);
	default:
		return lookup_slot(at, want);
	}
}

template <MemoryPlatform P>
[[gnu::noinline]] Answer Table<P>::lookup_clean(Sector at, u64 want) const
{
	Answer answer{State::none, 0, min_of(max_of<u64>(summary_.sectors_clean(at), 1), want)};
	extend(at, want, &answer);
	return answer;
}

template <MemoryPlatform P>
[[gnu::noinline]] Answer Table<P>::lookup_slot(Sector at, u64 want) const
{
	Answer answer = part_of_slot(at, want);
	// A part that ends inside a region ends there because something else follows.
	if (answer.sectors < want && is_aligned(at + answer.sectors, kRegionSectors)) [[unlikely]]
		extend(at, want, &answer);
	return answer;
}

template <MemoryPlatform P>
[[gnu::always_inline]] inline Answer Table<P>::part_of_slot(Sector at, u64 want) const
{
	if (const Word coarse = summary_.coarse(at)) [[unlikely]] {
		const u64 skipped = at & (kCoarseSectors - 1);
		return {state_of(coarse), place_at(state_of(coarse), place_of(coarse), skipped),
			min_of(kCoarseSectors - skipped, want)};
	}
	const Word word = pages_.get(at >> kRegionBits);
	if (is_leaf(word)) [[unlikely]]
		return part_of_leaf(word, at, want);
	return part_of_region(word, at, want);
}

// `word` is a piece or 0.
template <MemoryPlatform P> inline Answer Table<P>::part_of_region(Word word, Sector at, u64 want)
{
	const u32 offset = static_cast<u32>(at) & (kRegionSectors - 1);
	const u32 skipped = offset - offset_of(word);
	if (word && skipped < length_of(word)) [[likely]]
		return {state_of(word), place_at(state_of(word), place_of(word), skipped),
			min_of(u64{length_of(word) - skipped}, want)};
	const u32 end = word && offset_of(word) > offset ? offset_of(word) : kRegionSectors;
	return {State::none, 0, min_of(u64{end - offset}, want)};
}

template <MemoryPlatform P>
[[gnu::noinline]] Answer Table<P>::part_of_leaf(Word word, Sector at, u64 want)
{
	const Word *leaf = leaf_of(word);
	const u32 last = (4u << leaf_class(word)) - 1;
	const u32 offset = static_cast<u32>(at) & (kRegionSectors - 1);
	u32 found = leaf_search(leaf, leaf_class(word), offset);
	if (!found || end_of(leaf[found]) <= offset) {
		const Word later = found < last ? leaf[found + 1] : 0;
		const u32 end = later ? offset_of(later) : kRegionSectors;
		return {State::none, 0, min_of(u64{end - offset}, want)};
	}
	Answer answer = part_of_region(leaf[found], at, want);
	for (; answer.sectors < want && found < last; found++) {
		const Word later = leaf[found + 1];
		if (!later || !goes_on(leaf[found], later))
			break;
		answer.sectors = min_of(answer.sectors + length_of(later), want);
	}
	return answer;
}

template <MemoryPlatform P>
[[gnu::noinline]] void Table<P>::extend(Sector at, u64 want, Answer *answer) const
{
	for (u32 parts = 1; parts < kMaxLookupParts && answer->sectors < want; parts++) {
		const Sector from = at + answer->sectors;
		if (from >= main_sectors_)
			break;
		const u64 left = want - answer->sectors;
		const u64 clean = summary_.sectors_clean(from);
		const Answer more = clean ? Answer{State::none, 0, min_of(clean, left)}
					  : part_of_slot(from, left);
		if (!goes_on(answer->state, answer->place, answer->sectors, more.state, more.place))
			break;
		answer->sectors += more.sectors;
	}
}

// The first piece that ends after `from` in its region (or coarse region); false: none there.
template <MemoryPlatform P> bool Table<P>::piece_in_unit(Sector from, Extent *out) const
{
	Sector base = round_down(from, kCoarseSectors);
	if (const Word coarse = summary_.coarse(from)) {
		*out = {base, kCoarseSectors, place_of(coarse), state_of(coarse),
			boundary_of(coarse)};
		return true;
	}
	base = round_down(from, kRegionSectors);
	const Pieces pieces(pages_.get(from >> kRegionBits));
	const u32 index = pieces.first_after(static_cast<u32>(from - base));
	if (index == pieces.count())
		return false;
	const Word word = pieces[index];
	*out = {base + offset_of(word), length_of(word), place_of(word), state_of(word),
		boundary_of(word)};
	return true;
}

// The stored piece that holds `at`, uncut. false: none.
template <MemoryPlatform P> bool Table<P>::piece_at(Sector at, Extent *out) const
{
	return at < main_sectors_ && !summary_.sectors_clean(at) && piece_in_unit(at, out) &&
	       out->main <= at;
}

// The first stored piece that ends after `from` and begins before `limit`, uncut. false: none.
template <MemoryPlatform P> bool Table<P>::find_piece(Sector from, Sector limit, Extent *out) const
{
	while (from < limit) {
		const u64 clean = summary_.sectors_clean(from);
		if (!clean && piece_in_unit(from, out))
			return out->main < limit;
		from = clean ? from + clean : round_up(from + 1, kRegionSectors);
	}
	return false;
}

template <MemoryPlatform P> void Table<P>::prefetch_next(Sector *ahead) const
{
	while (*ahead < main_sectors_) {
		const u64 clean = summary_.sectors_clean(*ahead);
		if (!clean) {
			prefetch(*ahead);
			*ahead = round_up(*ahead + 1, kRegionSectors);
			return;
		}
		*ahead += clean;
	}
}

template <MemoryPlatform P> bool Table<P>::next(Sector from, Extent *out, u64 max_sectors) const
{
	if (!find_piece(from, main_sectors_, out))
		return false;
	if (out->main < from) {
		const u64 skipped = from - out->main;
		*out = {from, out->length - skipped, place_at(out->state, out->place, skipped),
			out->state, false};
	}
	Extent more;
	while (out->length < max_sectors && piece_at(out->main + out->length, &more) &&
	       !more.boundary &&
	       goes_on(out->state, out->place, out->length, more.state, more.place))
		out->length += more.length;
	out->length = min_of(out->length, max_sectors);
	return true;
}

template <MemoryPlatform P>
template <class Stop>
bool Table<P>::added_extent(Sector main, Sector *start, u64 *length, Stop &&stop) const
{
	constexpr u32 kPiecesAtOnce = 4096;
	u32 pieces = 0;
	Extent piece;
	if (!piece_at(main, &piece) || !is_mapped(piece.state))
		return false;
	Sector end = piece.main + piece.length;
	Sector first = piece.main;
	for (Extent before; !piece.boundary && first && piece_at(first - 1, &before);) {
		if (!is_mapped(before.state))
			break;
		if (++pieces % kPiecesAtOnce == 0 && stop())
			return false;
		piece = before;
		first = piece.main;
	}
	while (piece_at(end, &piece) && is_mapped(piece.state) && !piece.boundary) {
		if (++pieces % kPiecesAtOnce == 0 && stop())
			return false;
		end = piece.main + piece.length;
	}
	*start = first;
	*length = end - first;
	return true;
}

} // namespace remap
