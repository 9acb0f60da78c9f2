// SPDX-License-Identifier: GPL-2.0-or-later
// Table::walk(): every part of the structure as it really is, so that tests can hold the counts
// against it. Nothing here is taken from a counter but what waits in limbo.
#pragma once

#include "core/table/table.h"

namespace remap {

template <MemoryPlatform P> template <class Visitor> void Table<P>::walk(Visitor &&visit) const
{
	for (u64 i = 0; i < pages_.pages(); i++) {
		const Page *page = pages_.page(i);
		Structure shown{Structure::Kind::page, page->units * Page::kUnitSlots / 2};
		shown.bytes = Page::bytes(page->units);
		shown.least = page->units == Page::kMinUnits;
		for (u32 line = 0; line < page->units * Page::kUnitLines; line++) {
			for (const Slot &slot : page->lines()[line].slot) {
				const Word word = slot.piece.load_relaxed();
				if (!word)
					continue;
				const u64 region = slot.key.load_relaxed() - 1;
				shown.entries++;
				if (is_leaf(word)) {
					const u32 c = leaf_class(word), n = Pieces(word).count();
					visit(Structure{Structure::Kind::leaf, leaf_buckets(c), n,
							n, leaf_bytes(c)});
				} else if (!summary_.coarse(region << kRegionBits)) {
					shown.pieces++;
				}
			}
		}
		visit(shown);
	}
	for (Sector at = 0; at < main_sectors_;) {
		const u64 clean = summary_.sectors_clean(at);
		if (!clean && summary_.coarse(at))
			visit(Structure{Structure::Kind::coarse, 0, 1, 1, 0});
		at = round_down(at + max_of<u64>(clean, kCoarseSectors), kCoarseSectors);
	}
	const u64 index_bytes = summary_.chunk_bytes() + pages_.node_bytes();
	visit(Structure{Structure::Kind::index, 0, 0, 0, index_bytes});
	visit(Structure{Structure::Kind::limbo, 0, 0, 0, limbo_.bytes()});
}

} // namespace remap
