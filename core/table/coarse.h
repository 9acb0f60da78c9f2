// SPDX-License-Identifier: GPL-2.0-or-later
// Coarse words: 8 MiB (64 regions) that are mapped in one stretch take 8 bytes, so that an extent
// of a TiB does not cost millions of slots.
//
// A coarse word that is not 0 answers for its 64 regions, whatever their slots say; it is a piece
// word (piece.h) with offset and length 0. The regions' fine bits stay set meanwhile, so that a
// reader finds its way here. Both changes leave the content as it is:
//  * Promotion: the 64 slots are full, contiguous in place, of one state, with a boundary at most
//    at the first sector. Store the coarse word; after a grace period drop the slots (an errand).
//  * Demotion, before any change inside: put back those slots that are gone, clear the word.
//
// Why no reader sees anything else. The writer changes nothing else within either step, so at each
// moment of it coarse word and slots say the same where both exist. A reader loads the word once.
//  1. It sees a word that is not 0: that was the truth at the load. Slots do not matter.
//  2. It sees 0 because it loaded before the promotion (or before the block of coarse words was
//     there): it goes on to slots that were there then. They are dropped only after a grace period
//     that began after the promotion, so after this reader has left; until then every change to
//     them comes after a demotion and is an ordinary change of a slot, seen before or after.
//  3. It sees 0 because it loaded after a demotion: all 64 slots were stored before the word was
//     cleared (release, acquire), and are as lasting as any.
//  4. Promotion, demotion and promotion again while a reader of case 2 or 3 is parked: each
//     promotion has an errand of its own with a grace period of its own; demotion cancels the
//     errand, so that the first one's cannot drop slots on which a reader that came between
//     demotion and second promotion relies.
//  5. Demotion while the errand has dropped some slots: then no reader of case 2 is left, and all
//     others use the word; slots that are put back are not looked at until the word is cleared.
//     If memory for them runs out, those already put back are dropped again: same argument.
//  6. A block of coarse words is taken out only when all its words are 0 and its 4 GiB unmapped;
//     a reader that holds it sees 0: case 2 or 3 (a new block's promotions wait for that reader).
#pragma once

#include "core/base/atomic.h"
#include "core/table/limbo.h"

namespace remap {

// For 4 GiB; there when first needed.
struct Coarse {
	Atomic<Word> word[512];
	Errand *errand[512]; // writer's: the clean-up that has not run to its end, or nullptr
};
static_assert(sizeof(Coarse) == 8192);

} // namespace remap
