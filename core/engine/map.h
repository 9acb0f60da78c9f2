// SPDX-License-Identifier: GPL-2.0-or-later
// The I/O path: one look at the fences, one lookup. Nothing here allocates, locks, sleeps or logs.
#pragma once

#include "core/engine/engine.h"

namespace remap {

template <Platform P>
Mapping Engine<P>::map(Op op, Sector sector, u32 sectors) const
{
	if (fences_.any()) [[unlikely]] {
		bool inside;
		if (fences_.covers(sector, &sectors, &inside) && inside)
			return {sector, sectors, Verdict::hold, kMainDevice};
		if (op != Op::read && fences_.closed(sector, &sectors, &inside) && inside)
			return {sector, sectors, Verdict::fail_closed, kMainDevice};
	}
	const Answer answer = table_.lookup(sector, sectors);
	if (answer.state == State::none) [[likely]]
		return {sector, static_cast<u32>(answer.sectors), Verdict::submit, kMainDevice};
	return map_found(op, sector, answer);
}

template <Platform P>
Mapping Engine<P>::map_found(Op op, Sector sector, const Answer &answer) const
{
	const bool writes = op == Op::write || op == Op::write_zeroes;
	if (answer.state == State::pending)
		return {sector, static_cast<u32>(answer.sectors),
			writes ? Verdict::defer : Verdict::submit, kMainDevice};
	if (journal_.gone() && !(answer.state == State::lost && op == Op::read)) [[unlikely]] {
		const u64 here = spares_.contiguous(answer.place, answer.sectors);
		if (writes && is_gone(answer.place))
			return {sector, static_cast<u32>(here), Verdict::defer, kMainDevice};
		if (spares_.address(answer.place, 1).device == kNoDevice)
			return {sector, static_cast<u32>(here), Verdict::fail_closed, kMainDevice};
	}
	if (answer.state == State::active || op == Op::discard)
		return on_spare(answer.place, answer.sectors, Verdict::submit);
	return {sector, static_cast<u32>(answer.sectors),
		writes ? Verdict::defer : Verdict::fail_medium, kMainDevice};
}

template <Platform P>
Mapping Engine<P>::on_spare(Place place, u64 sectors, Verdict verdict) const
{
	const Address at = spares_.address(place, sectors);
	return {at.sector, static_cast<u32>(at.sectors), verdict, static_cast<u8>(at.device)};
}

// Whether a place is on a member that the set goes on without. It may still be there.
template <Platform P> bool Engine<P>::is_gone(Place place) const
{
	return journal_.gone() >> spares_.member(place) & 1 &&
	       !has_bug(platform_, Bug::gone_still_written);
}

template <Platform P> bool Engine<P>::holds(Sector sector, u32 sectors) const
{
	bool inside;
	return fences_.covers(sector, &sectors, &inside);
}

}  // namespace remap
