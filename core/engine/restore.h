// SPDX-License-Identifier: GPL-2.0-or-later
// Making a set without serving it: an empty one, or the one of a dump; or a spare for a set. The dump's
// extents are judged one by one in memory, by the same rules as those of a load; only when all are there is
// anything written.
#pragma once

#include "core/engine/engine.h"

namespace remap {

template <Platform P> Status Engine<P>::stage(const Extent &extent, Refusal &why)
{
	const Record record{RecordKind::map, extent};
	if (!well_formed(record)) {
		why.begin() << "the extent at sector " << extent.main
			    << " has a state or a place that no extent can have";
		return Error::wrong_argument;
	}
	if (!in_bounds(record, geometry_.main_sectors, spares_.data_sectors())) {
		why.begin() << "the extent at sector " << extent.main << " with length "
			    << extent.length << " reaches beyond main, which has "
			    << geometry_.main_sectors << " sectors, or beyond the data area of "
			    << spares_.data_sectors() << " sectors";
		return Error::out_of_range;
	}
	Extent there;
	if (table_.next(extent.main, &there) && there.main < extent.main + extent.length) {
		why.begin() << "sector " << max_of(extent.main, there.main)
			    << " belongs to two extents";
		return Error::overlap;
	}
	if (extent.state != State::pending)
		TRY(adopt(why, extent));
	return journal_.apply(record);
}

// The same for a place that failed. REQUIRES: all extents are there.
template <Platform P>
Status Engine<P>::stage_bad(Sector place, u64 length, Refusal &why)
{
	const Record record{RecordKind::bad, {0, length, place, State::none, false}};
	if (!in_bounds(record, geometry_.main_sectors, spares_.data_sectors())) {
		why.begin() << "the bad place " << place << " with length " << length
			    << " reaches beyond the data area of " << spares_.data_sectors()
			    << " sectors";
		return Error::out_of_range;
	}
	TRY(adopt_bad(why, place, length));
	return journal_.apply(record);
}

template <Platform P> Status Engine<P>::format(Refusal &why)
{
	Step step(*this);
	step.begin();
	if (journal_.found() != Found::blank)
		return Error::not_blank;
	u64 entries = 0;
	Extent extent;
	for (Sector at = 0; at < geometry_.main_sectors && table_.next(at, &extent);
	     at = extent.main + extent.length)
		++entries;
	for (Sector at = 0; at < spares_.data_sectors() && bad_.next(at, &extent);
	     at = extent.main + extent.length)
		++entries;
	if (entries > spares_.entries()) {
		why.begin() << "the dump has " << entries << " extents, a set with max_extents "
			    << spares_.max_extents() << " has room for " << spares_.entries();
		return Error::table_full;
	}
	return journal_.format(why);
}

template <Platform P> Status Engine<P>::prepare(const Superblock &set, Refusal &why)
{
	Step step(*this);
	step.begin();
	if (journal_.found() == Found::blank)
		return journal_.prepare(why, set);
	why.begin() << "the spare belongs to set " << journal_.superblock().set;
	return Error::not_blank;
}

}  // namespace remap
