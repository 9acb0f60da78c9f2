// SPDX-License-Identifier: GPL-2.0-or-later
// list and pending: what the table holds, a page at a time.
//
// A line an extent: MAIN SPARE LENGTH STATE (pending: MAIN LENGTH). When more follows than was
// asked for or fits, or than may be looked through at once, the last line is `next FROM`.
#pragma once

#include "core/engine/command.h"
#include "core/engine/engine.h"

namespace remap {

inline void list_line(Text &reply, const Extent &extent)
{
	reply << extent.main << ' ';
	if (extent.state != State::pending)
		reply << extent.place << ' ';
	reply << extent.length;
	if (extent.state != State::pending)
		reply << (extent.state == State::lost ? " lost" : " active");
	reply << '\n';
}

template <Platform P>
Status Engine<P>::list(const Command &command, Text &reply, Refusal &why, bool pending)
{
	// Room for the closing line; also what keeps the reply from looking cut off.
	constexpr usize kNextLine = 32;
	if (command.numbers == 2 && !command.number[1]) {
		why.begin() << "COUNT is 0; it must be at least 1";
		return Error::wrong_argument;
	}
	u64 left = command.numbers == 2 ? command.number[1] : ~u64{0};
	if (!(pending ? table_.pending_sectors() : table_.mapped_sectors()))
		return {};
	u32 looks = kListLooks;
	Step step(*this);
	TRY(step.begin_look());
	Extent found;
	for (Sector at = command.numbers ? command.number[0] : 0;
	     at < geometry_.main_sectors && table_.next(at, &found);
	     at = found.main + found.length) {
		const usize before = reply.length();
		if ((found.state == State::pending) != pending) {
			if (--looks)
				continue;
		} else {
			list_line(reply, found);
		}
		if (left && looks && reply.fits() && reply.room_left() >= kNextLine) {
			--left;
			continue;
		}
		reply.cut(before);
		reply << "next " << found.main << '\n';
		// Not one line fitted: a reply that is full asks for more room.
		while (!before && reply.fits())
			reply << ' ';
		break;
	}
	return {};
}

}  // namespace remap
