// SPDX-License-Identifier: GPL-2.0-or-later
// add_remap and relocate: giving a range of main a place on the spare.
//
// Both go step by step: fence, copy, make stable, publish, open the fence. All steps of a message
// form one extent as it was added: only the first carries the boundary. A message that was
// interrupted is run again and goes on where whole steps end.
#pragma once

#include "core/engine/command.h"
#include "core/engine/engine.h"

namespace remap {

template <Platform P>
Status Engine<P>::check_new_range(Refusal &why, Sector main, u64 length)
{
	const u32 block = geometry_.block_sectors;
	if (!length) {
		why.begin() << "LEN is 0; it must be at least " << block;
		return Error::wrong_argument;
	}
	if (!range_fits(main, length, geometry_.main_sectors)) {
		why.begin() << "MAIN " << main << " with LEN " << length
				<< " reaches beyond main, which has " << geometry_.main_sectors
				<< " sectors";
		return Error::out_of_range;
	}
	if (!is_aligned(main | length, block)) {
		why.begin() << "MAIN " << main << " and LEN " << length
				<< " must be multiples of the logical block, " << block << " sectors";
		return Error::misaligned;
	}
	return {};
}

// Refuses when part of the range is mapped. Pending sectors are not.
template <Platform P>
Status Engine<P>::check_unmapped(Refusal &why, Sector main, u64 length)
{
	Extent found;
	for (Sector at = main; at < main + length && table_.next(at, &found);
	     at = found.main + found.length) {
		if (found.main >= main + length)
			break;
		if (found.state != State::pending)
			return refuse_at(why, Error::overlap, max_of(found.main, main));
	}
	return {};
}

template <Platform P>
Status Engine<P>::check_place(Refusal &why, Sector spare, u64 length)
{
	const u32 block = geometry_.block_sectors;
	if (!range_fits(spare, length, spares_.data_sectors())) {
		why.begin() << "SPARE " << spare << " with LEN " << length
				<< " reaches beyond the data area, which has "
				<< spares_.data_sectors() << " sectors";
		return Error::out_of_range;
	}
	if (!is_aligned(spare, block)) {
		why.begin() << "SPARE " << spare
				<< " must be a multiple of the logical block, " << block
				<< " sectors";
		return Error::misaligned;
	}
	if (!space_.is_open(spare, length)) {
		why.begin() << "SPARE " << spare << " with LEN " << length
			    << " is not on spares that the set has now";
		return Error::out_of_range;
	}
	if (!space_.is_free(spare, length)) {
		why.begin() << "part of SPARE " << spare << " with LEN " << length
				<< " is in use already";
		return Error::spare_in_use;
	}
	return {};
}

// How many whole steps an interrupted run of the same message has done: their sectors, else 0.
// `place` limits it to sectors that went where this message would put them.
template <Platform P>
u64 Engine<P>::done_before(Sector main, u64 length, const Place *place) const
{
	Sector start;
	u64 mapped;
	if (!table_.added_extent(main, &start, &mapped) || start != main)
		return 0;
	if (mapped >= length || mapped % kStepSectors)
		return 0;
	for (u64 done = 0; place && done < mapped;) {
		const Answer answer = table_.lookup(main + done, mapped - done);
		if (answer.place != *place + done)
			return 0;
		done += answer.sectors;
	}
	return mapped;
}

template <Platform P> Status Engine<P>::add_remap(const Command &command, Text &reply, Refusal &why)
{
	const Sector main = command.number[0];
	const Place place = command.number[1];
	const u64 length = command.number[2];
	u64 done = 0;
	{
		Step step(*this);
		TRY(step.begin_message());
		TRY(check_new_range(why, main, length));
		done = done_before(main, length, &place);
		TRY(check_unmapped(why, main + done, length - done));
		TRY(check_place(why, command.number[1] + done, length - done));
	}
	while (done < length) {
		const u64 count = min_of(length - done, kStepSectors);
		const Status added =
			add_step(why, main + done, place + done, count, !command.flag, done == 0);
		if (!added.ok())
			return stopped(why, added.error(), done, length);
		done += count;
	}
	log_added(main, place, length);
	reply << "added " << main << " -> " << place << " (length: " << length << ")";
	return {};
}

// A message that ends after some of its steps says how far it came.
template <Platform P>
Status Engine<P>::stopped(Refusal &why, Error error, u64 done, u64 length)
{
	if (!done)
		return error;
	if (!why.any())
		why.begin() << text_of(error);
	const Refusal step = why;
	why.begin() << done << " of " << length << " sectors are done; then: " << step.sentence();
	return error;
}

// One step of add_remap: what was checked before the lock was given back is checked again.
template <Platform P>
Status Engine<P>::add_step(Refusal &why, Sector main, Place place, u64 length, bool copy,
			   bool boundary)
{
	Step step(*this);
	TRY(step.begin_message(main, length));
	TRY(check_unmapped(why, main, length));
	TRY(check_place(why, place, length));
	note_pending(main, length);
	boundary = boundary || stands_alone(main);
	Status placed;
	u64 done = 0;
	while (placed.ok() && done < length) {
		const Place here = place + done;
		const u64 count = spares_.contiguous(here, length - done);
		placed = space_.take(here, count);
		if (placed.ok())
			placed = place_run(why, main + done, here, count, copy,
					   boundary && done == 0, &done);
	}
	return end_of_step(why, step, main, done, boundary, placed);
}

template <Platform P> Status Engine<P>::relocate(const Command &command, Text &reply, Refusal &why)
{
	const Sector main = command.number[0];
	const u64 length = command.number[1];
	u64 done = 0;
	Place place = 0;
	{
		Step step(*this);
		TRY(step.begin_message());
		TRY(check_new_range(why, main, length));
		done = done_before(main, length, nullptr);
		if (done)
			place = table_.lookup(main, 1).place;
		TRY(check_unmapped(why, main + done, length - done));
		if (space_.free_sectors() < length - done) {
			why.begin() << "LEN " << length << " does not fit: the spare has "
					<< space_.free_sectors() << " free sectors";
			return Error::spare_full;
		}
	}
	while (done < length) {
		const u64 count = min_of(length - done, kStepSectors);
		Place first = 0;
		const Status relocated = relocate_step(why, main + done, count, done == 0, &first);
		if (!relocated.ok())
			return stopped(why, relocated.error(), done, length);
		if (done == 0)
			place = first;
		done += count;
	}
	reply << "relocated " << main << " -> " << place << " (length: " << length
	      << ")";
	return {};
}

template <Platform P>
Status Engine<P>::relocate_step(Refusal &why, Sector main, u64 length, bool boundary,
				Place *first)
{
	Step step(*this);
	TRY(step.begin_message(main, length));
	TRY(check_unmapped(why, main, length));
	note_pending(main, length);
	boundary = boundary || stands_alone(main);
	Status placed;
	u64 done = 0;
	while (placed.ok() && done < length) {
		const auto run = space_.allocate(length - done);
		if (!run.ok()) {
			placed = run.error();
			break;
		}
		const Sector start = run.value().start;
		const u64 count = spares_.contiguous(start, run.value().length);
		if (count < run.value().length)
			space_.release(start + count, run.value().length - count);
		if (done == 0)
			*first = start;
		placed = place_run(why, main + done, start, count, true,
				   boundary && done == 0, &done);
	}
	step.logs_places(placed.ok());
	return end_of_step(why, step, main, done, boundary, placed);
}

// Whether what begins at `main` cannot go on an extent, since the sector before is not mapped.
template <Platform P> bool Engine<P>::stands_alone(Sector main) const
{
	const State before = main ? table_.lookup(main - 1, 1).state : State::none;
	return before == State::none || before == State::pending;
}

// Copies and publishes one run that is contiguous on both sides, and adds what is mapped to
// *mapped; gives the rest of the place back. REQUIRES: fenced; the place is taken.
template <Platform P>
Status Engine<P>::place_run(Refusal &why, Sector main, Place place, u64 length, bool copy,
			    bool boundary, u64 *mapped)
{
	u64 done = 0;
	Status placed;
	if (boundary && entries_.load_relaxed() >= spares_.max_extents())
		placed = Error::table_full;
	unreadable_.begin(main);
	if (!copy)
		unreadable_.add(main, length);
	else if (placed.ok())
		placed = copy_to_spare(why, main, place, length);
	while (placed.ok() && done < length) {
		bool lost;
		const u64 count = unreadable_.run(main + done, length - done, &lost);
		placed = table_.assign({main + done, count, place + done,
					lost ? State::lost : State::active, boundary && !done});
		if (placed.ok())
			done += count;
	}
	if (done < length)
		space_.release(place + done, length - done);
	*mapped += done;
	return placed;
}

// The end of a step that is to map and has mapped the first `mapped` sectors from `main` on: all
// recorded and counted, or all taken back. Without memory even for that they are recorded as they
// are, as good as a shorter message's. What may have been recorded is not taken back: both places
// hold the same, and the range is closed to writes. REQUIRES: fenced.
template <Platform P>
Status Engine<P>::end_of_step(Refusal &why, Step &step, Sector main, u64 mapped, bool boundary,
			      Status placed)
{
	if (placed.ok())
		placed = step.commit();
	if (placed.ok()) {
		counters_.added.add_relaxed(boundary);
		remaps_by_operator_.add_relaxed(boundary);
	} else if (placed.error() != Error::unwritable && mapped) {
		step.logs_places(false);
		const Status back = take_back(step, main, mapped);
		if (!back.ok() && back.error() == Error::unwritable) {
			placed = back;
		} else if (!back.ok()) {
			(void)step.commit(Growth::free); // its failure closes the range
			why.begin() << "not enough memory to take back " << mapped
				    << " sectors from " << main << " on, which stay mapped";
		}
	}
	log_resize();
	announce();
	return placed;
}

// Takes back what a step mapped and did not record. What others recorded meanwhile may have made a
// checkpoint that holds it: then the taking back is recorded, and the places are free only behind
// that. So it is when there is no memory to make pending what was: the next read finds out once more.
// Errors: no_memory, unwritable.
template <Platform P> Status Engine<P>::take_back(Step &step, Sector main, u64 length)
{
	const u32 places = note_places(main, length);
	TRY(table_.remove(main, length));
	const bool whole = restore_pending(main, length);
	if (!whole || step.others_recorded())
		return commit_and_free(step, [&](auto &&take) { noted_places(places, take); });
	noted_places(places, [&](Sector start, u64 count) { space_.release(start, count); });
	return {};
}

// Which sectors of a range are pending, so that a step that is taken back leaves them so.
template <Platform P> void Engine<P>::note_pending(Sector main, u64 length)
{
	pending_.begin(main);
	Extent found;
	for (Sector at = main; at < main + length && table_.next(at, &found, main + length - at);
	     at = found.main + found.length)
		if (found.state == State::pending && found.main < main + length)
			pending_.add(found.main, found.length);
}

template <Platform P> bool Engine<P>::restore_pending(Sector main, u64 length)
{
	bool all = true;
	for (u64 done = 0, alike; done < length; done += alike) {
		bool pending;
		alike = pending_.run(main + done, length - done, &pending);
		if (pending)
			all &= table_.assign({main + done, alike, 0, State::pending, false}).ok();
	}
	return all;
}

// A line for each stretch of the range that lies together on the spare. REQUIRES: the lock.
template <Platform P> void Engine<P>::log_places(Sector main, u64 length)
{
	for (u64 done = 0; done < length;) {
		const Place place = table_.lookup(main + done, length - done).place;
		u64 count = 0;
		while (done + count < length) {
			const Answer more = table_.lookup(main + done + count, length - done - count);
			if (more.place != place + count)
				break;
			count += more.sectors;
		}
		log_added(main + done, place, count);
		done += count;
	}
}

template <Platform P> void Engine<P>::log_added(Sector main, Place place, u64 length)
{
	char line[96];
	Text text(line, sizeof(line));
	text << "Added remap: " << main << " -> " << place << " (length: " << length
	     << ")";
	platform_.log_limited(line);
}

}  // namespace remap
