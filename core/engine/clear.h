// SPDX-License-Identifier: GPL-2.0-or-later
// clear_all: giving everything back to main, and saying what has to stay.
//
// A window of main at a time, so that thousands of small extents share a fence and a flush. The
// order within a window is that of remove_remap: copy all back, flush main, unmap, free.
#pragma once

#include "core/engine/command.h"
#include "core/engine/engine.h"

namespace remap {

template <Platform P> struct Engine<P>::Cleared {
	u64 removed = 0; // sectors
	u64 kept = 0;
	Error reason = Error::ok; // the last one for which something stays
	bool stale_ok = false;
};

template <Platform P> Status Engine<P>::clear_all(const Command &command, Text &reply, Refusal &why)
{
	Cleared sum{.stale_ok = command.flag};
	for (Sector at = 0; at < geometry_.main_sectors;) {
		u64 window = 0;
		{
			Step step(*this);
			TRY(step.begin_message());
			TRY(check_closed(why, command.flag));
			window = window_from(&at);
			// What others removed is not durable yet, and here it is answered for.
			if (!window)
				TRY(settle());
		}
		if (!window)
			break;
		const Status done = clear_window(why, at, window, &sum);
		if (!done.ok()) {
			why.begin() << text_of(done.error());
			return done;
		}
		at += window;
	}
	counters_.removed.add_relaxed(sum.removed != 0);
	if (sum.kept) {
		why.begin() << sum.removed << " sectors were unmapped, " << sum.kept
			    << " stay: " << text_of(sum.reason);
		return sum.reason;
	}
	reply << "removed " << sum.removed << " sectors";
	return {};
}

// Moves *from on to the first mapped sector and returns how many sectors from there to the end of
// the last extent of a step, or 0: nothing is mapped. No more than that is fenced.
template <Platform P> u64 Engine<P>::window_from(Sector *from) const
{
	Extent run;
	if (!next_mapped(*from, geometry_.main_sectors, &run))
		return 0;
	*from = run.main;
	const Sector limit = min_of(run.main + kStepSectors, geometry_.main_sectors);
	Sector end = run.main;
	while (next_mapped(end, limit, &run))
		end = run.main + run.length;
	return end - *from;
}

// Errors: broken, suspended, interrupted, in_use. What has to stay for another reason is counted.
template <Platform P>
Status Engine<P>::clear_window(Refusal &why, Sector main, u64 length, Cleared *sum)
{
	Step step(*this);
	TRY(step.begin_message(main, length));
	TRY(check_closed(why, sum->stale_ok));
	unreadable_.begin(main); // marks what has to stay
	if (!sum->stale_ok)
		TRY(return_window(why, main, length, sum));
	TRY(unmap_window(step, main, length, sum));
	log_resize();
	announce();
	return {};
}

// Unmaps what does not have to stay. One record for all, so the places are free only behind it.
template <Platform P>
Status Engine<P>::unmap_window(Step &step, Sector main, u64 length, Cleared *sum)
{
	const u32 places = note_places(main, length);
	Extent run;
	for (Sector at = main; next_mapped(at, main + length, &run); at = run.main + run.length) {
		bool stays;
		run.length = unreadable_.run(run.main, run.length, &stays);
		Status freed;
		if (!stays && entries_.load_relaxed() >= spares_.max_extents() &&
		    splits(run.main, run.length))
			freed = Error::table_full;
		else if (!stays)
			freed = table_.remove(run.main, run.length);
		if (!freed.ok()) {
			sum->reason = freed.error();
			unreadable_.add(run.main, run.length);
		}
		(stays || !freed.ok() ? sum->kept : sum->removed) += run.length;
	}
	return commit_and_free(step,
			       [&](auto &&take) { cleared_places(main, places, take); });
}

// Calls take(first, length) for each place that a window gives back.
template <Platform P>
template <class Take>
void Engine<P>::cleared_places(Sector main, u32 count, Take &&take)
{
	const Answer *runs = reinterpret_cast<const Answer *>(buffer_);
	for (u32 i = 0; i < count; main += runs[i++].sectors) {
		if (runs[i].state != State::active && runs[i].state != State::lost)
			continue;
		bool stays;
		for (u64 done = 0, alike; done < runs[i].sectors; done += alike) {
			alike = unreadable_.run(main + done, runs[i].sectors - done, &stays);
			if (!stays)
				take(runs[i].place + done, alike);
		}
	}
}

// Copies a window's runs back and flushes main; marks those for which that did not succeed.
template <Platform P>
Status Engine<P>::return_window(Refusal &why, Sector main, u64 length, Cleared *sum)
{
	Extent run;
	for (Sector at = main; next_mapped(at, main + length, &run); at = run.main + run.length) {
		const Status copied = run.state == State::lost
					      ? Status{Error::content_lost}
					      : copy_run_back(why, run);
		if (copied.ok())
			continue;
		if (copied.error() == Error::interrupted)
			return copied;
		sum->reason = copied.error();
		unreadable_.add(run.main, run.length);
	}
	if (debt_.flush(platform_, kMainDevice) != IoStatus::ok) {
		sum->reason = Error::main_io;
		unreadable_.add(main, length);
	}
	return {};
}

template <Platform P> Status Engine<P>::copy_run_back(Refusal &why, const Extent &run)
{
	for (u64 done = 0; done < run.length;) {
		const Place place = run.place + done;
		const u64 count = spares_.contiguous(place, run.length - done);
		TRY(copy_back(why, run.main + done, place, count));
		done += count;
	}
	return {};
}

// The first stretch of active or lost sectors in [from, limit), cut to it. false: none.
template <Platform P> bool Engine<P>::next_mapped(Sector from, Sector limit, Extent *out) const
{
	while (from < limit && table_.next(from, out, limit - from) && out->main < limit) {
		out->length = min_of(out->length, limit - out->main);
		if (out->state != State::pending)
			return true;
		from = out->main + out->length;
	}
	return false;
}

}  // namespace remap
