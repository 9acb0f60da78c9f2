// SPDX-License-Identifier: GPL-2.0-or-later
// What a group of steps records, and how it becomes durable. group.h says who does it when.
#pragma once

#include "core/engine/engine.h"

namespace remap {

// Adds what the table says of the range now, and of the sector behind it, to which a change may have
// given a boundary. Only a step whose records fill a block by themselves writes before it settles.
// Errors: unwritable.
template <Platform P> Status Engine<P>::stage_records(Sector main, u64 length)
{
	const u32 others = group_.record_count;
	if (group_.any()) {
		if (has_bug(platform_, Bug::group_forgets_member))
			return {};
		if (TRY(collect(main, length, false)))
			return {};
		group_.record_count = others;
		TRY(settle());
	}
	(void)TRY(collect(main, length, true));
	return {};
}

// false: there is no room for them. `alone`: room is made by writing a block. No record reaches
// across the end of the range.
template <Platform P> Result<bool> Engine<P>::collect(Sector main, u64 length, bool alone)
{
	const Sector cut = main + length;
	const bool behind = cut < geometry_.main_sectors &&
			    table_.lookup(cut, 1).state != State::none;
	const Sector end = behind ? cut + 1 : cut;
	Extent extent;
	for (Sector at = main; at < end;) {
		if (group_.record_count == kRecordsPerBlock) {
			if (!alone)
				return false;
			group_.record_count = 0;
			TRY(journal_.commit(group_.records, kRecordsPerBlock));
		}
		const Sector limit = at < cut ? cut : end;
		Record &record = group_.records[group_.record_count++];
		if (!table_.next(at, &extent, limit - at) || extent.main >= limit)
			extent = {limit, 0, 0, State::none, false};
		if (extent.main > at) {
			record = {RecordKind::unmap, {at, extent.main - at, 0, State::none, false}};
			at = extent.main;
		} else {
			record = {RecordKind::map, extent};
			at = extent.main + extent.length;
		}
	}
	return true;
}

// Adds the places that failed in the recovery at hand, behind all else, and takes them out of use. Only
// now: a checkpoint that is written beside an earlier block would have the bad place together with
// the extent that is about to leave it, and no load takes that. REQUIRES: nobody else's records are
// in the group. Errors: unwritable.
template <Platform P> Status Engine<P>::stage_bad_records()
{
	note_bad();
	for (u32 i = 0; i < plan_.bad(); ++i) {
		if (group_.record_count == kRecordsPerBlock) {
			group_.record_count = 0;
			TRY(journal_.commit(group_.records, kRecordsPerBlock));
		}
		group_.records[group_.record_count++] = {
			RecordKind::bad,
			{0, plan_.bad(i).length, plan_.bad(i).place, State::none, false}};
	}
	return {};
}

// Makes the group durable and ends the wait of its members, whatever became of it. REQUIRES: the
// lock. Errors: unwritable: then each member's range is closed to writes.
template <Platform P> Status Engine<P>::settle()
{
	if (!group_.any())
		return {};
	++group_.settled;
	const Status recorded = journal_.commit(group_.records, group_.record_count);
	note_members();
	for (u32 i = 0; i < group_.member_count; ++i)
		group_.members[i]->settled(recorded);
	for (u32 i = 0; i < group_.place_count && recorded.ok(); ++i)
		space_.release(group_.places[i].start, group_.places[i].length);
	group_.clear();
	platform_.wake_group();
	platform_.release_held();
	note_lost();
	return recorded;
}

// The same if somebody waits in the group since an earlier second.
template <Platform P> Status Engine<P>::settle_late()
{
	return group_.any() && group_.begun != platform_.seconds() ? settle() : Status{};
}

// Commits a step that gives places back: they are free once that is durable, and not before, since
// until then the old mapping may come back. `places(take)` calls take(first, length) for each, and
// is good for as long as the lock is held. Errors: unwritable.
template <Platform P>
template <class Visit>
Status Engine<P>::commit_and_free(Step &step, Visit &&places)
{
	const auto release = [&](Sector start, u64 count) { space_.release(start, count); };
	if (has_bug(platform_, Bug::reuse_before_durable)) {
		places(release);
		return {};
	}
	u32 count = 0;
	places([&](Sector, u64) { ++count; });
	TRY(step.stage(Growth::free));
	if (has_bug(platform_, Bug::group_frees_early)) {
		places(release);
		return step.wait();
	}
	// What the group cannot keep in mind must not be forgotten while this step sleeps.
	if (count > Group<Step>::kPlaces - group_.place_count) {
		TRY(settle());
		places(release);
		return {};
	}
	places([&](Sector start, u64 length) {
		group_.places[group_.place_count++] = {start, length};
	});
	return step.wait();
}

}  // namespace remap
