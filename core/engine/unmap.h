// SPDX-License-Identifier: GPL-2.0-or-later
// remove_remap: giving a range back to main.
//
// The order of a step: fence, copy back, flush main, unmap, free. When main refuses the data the
// mapping stays, and the spare still holds the only copy that counts.
#pragma once

#include "core/engine/command.h"
#include "core/engine/engine.h"

namespace remap {

template <Platform P>
Status Engine<P>::remove_remap(const Command &command, Text &reply, Refusal &why)
{
	Sector main;
	u64 length;
	{
		Step step(*this);
		TRY(step.begin_message());
		TRY(range_to_remove(why, command, &main, &length));
		TRY(check_closed(why, command.flag));
	}
	TRY(check_all_mapped(why, main, length, command.flag));
	TRY(unmap_range(why, main, length, command.flag));
	counters_.removed.add_relaxed(1);
	if (command.numbers == 2)
		length = command.number[1];
	reply << "removed " << main << " (length: " << length << ")";
	return {};
}

template <Platform P>
Status Engine<P>::range_to_remove(Refusal &why, const Command &command, Sector *main, u64 *length)
{
	*main = command.number[0];
	*length = command.number[1];
	if (command.numbers == 2) {
		TRY(check_new_range(why, *main, *length));
		*length = TRY(left_to_remove(*main, *length));
		return {};
	}
	if (*main >= geometry_.main_sectors) {
		why.begin() << "MAIN " << *main << " is beyond main, which has "
				       << geometry_.main_sectors << " sectors";
		return Error::out_of_range;
	}
	const Sector asked = *main;
	if (table_.added_extent(asked, main, length, [&] { return told_to_stop(); }))
		return {};
	return told_to_stop() ? Status{Error::interrupted}
			      : refuse_at(why, Error::not_mapped, asked);
}

template <Platform P> Status Engine<P>::check_closed(Refusal &why, bool stale_ok)
{
	if (!stale_ok || !platform_.device_open())
		return {};
	why.begin() << "stale-ok gives up the newest data, so the device must not be open";
	return Error::in_use;
}

template <Platform P>
Status Engine<P>::check_mapped(Refusal &why, Sector main, u64 length, bool stale_ok)
{
	for (u64 done = 0; done < length;) {
		const Answer answer = table_.lookup(main + done, length - done);
		if (answer.state == State::none || answer.state == State::pending)
			return refuse_at(why, Error::not_mapped, main + done);
		if (answer.state == State::lost && !stale_ok)
			return refuse_at(why, Error::content_lost, main + done);
		done += answer.sectors;
	}
	return {};
}

// The whole range, before any of it changes. In steps, so that others get the lock between; each step
// of the removal looks again.
template <Platform P>
Status Engine<P>::check_all_mapped(Refusal &why, Sector main, u64 length, bool stale_ok)
{
	for (u64 done = 0, count; done < length; done += count) {
		Step step(*this);
		count = min_of(length - done, kStepSectors);
		TRY(step.begin_message());
		TRY(check_mapped(why, main + done, count, stale_ok));
	}
	return {};
}

// From the end on, so that after an interruption what is left still begins at `main` and the same
// message, run again, finds it.
template <Platform P>
Status Engine<P>::unmap_range(Refusal &why, Sector main, u64 length, bool stale_ok)
{
	for (u64 left = length; left;) {
		const u64 part = left % kStepSectors;
		const u64 count = part ? part : kStepSectors;
		const Sector at = main + left - count;
		Step step(*this);
		Status unmapped = step.begin_message(at, count);
		if (unmapped.ok())
			unmapped = check_closed(why, stale_ok);
		if (unmapped.ok())
			unmapped = check_mapped(why, at, count, stale_ok);
		if (unmapped.ok())
			unmapped = unmap_step(why, step, at, count, stale_ok);
		if (!unmapped.ok())
			return stopped(why, unmapped.error(), length - left, length);
		left -= count;
	}
	return {};
}

template <Platform P>
Status Engine<P>::unmap_step(Refusal &why, Step &step, Sector main, u64 length, bool stale_ok)
{
	for (u64 done = 0; done < length && !stale_ok;) {
		const Answer answer = table_.lookup(main + done, length - done);
		const u64 count = spares_.contiguous(answer.place, answer.sectors);
		TRY(copy_back(why, main + done, answer.place, count));
		done += count;
	}
	const bool flushes = !stale_ok && !has_bug(platform_, Bug::no_main_flush);
	const IoStatus flushed = flushes ? debt_.flush(platform_, kMainDevice) : IoStatus::ok;
	if (flushed != IoStatus::ok) {
		why.begin() << "main cannot be flushed (" << text_of(flushed)
					 << "); the range stays mapped";
		return Error::main_io;
	}
	TRY(free_range(step, main, length));
	log_resize();
	announce();
	return {};
}

// How much of a range an interrupted run of the same message has left: whole steps, and nothing
// behind them; else all of it.
template <Platform P> Result<u64> Engine<P>::left_to_remove(Sector main, u64 length)
{
	u64 mapped = 0;
	for (u32 looks = 1; mapped < length; ++looks) {
		if (looks % kLooksAtOnce == 0 && told_to_stop())
			return Error::interrupted;
		const Answer answer = table_.lookup(main + mapped, length - mapped);
		if (answer.state == State::none || answer.state == State::pending)
			break;
		mapped += answer.sectors;
	}
	Extent behind;
	const bool clean = mapped < length && (!table_.next(main + mapped, &behind, 1) ||
					       behind.main >= main + length);
	return clean && mapped && mapped % kStepSectors == 0 ? mapped : length;
}

// Unmaps what is mapped of a part of a fenced range, for good: its places are free once that is
// durable, and not before, since until then the old mapping may come back. Errors: no_memory,
// table_full: nothing was changed; unwritable: nobody can tell until the next load.
template <Platform P> Status Engine<P>::free_range(Step &step, Sector main, u64 length)
{
	if (entries_.load_relaxed() >= spares_.max_extents() && splits(main, length))
		return Error::table_full;
	const u32 places = note_places(main, length);
	TRY(table_.remove(main, length));
	return commit_and_free(step, [&](auto &&take) { noted_places(places, take); });
}

// Whether unmapping the range would leave two stretches where there was one.
template <Platform P> bool Engine<P>::splits(Sector main, u64 length) const
{
	const Sector end = main + length;
	return main && table_.lookup(main - 1, 1).state != State::none &&
	       end < geometry_.main_sectors && table_.lookup(end, 1).state != State::none;
}

// The places are known only as long as they are mapped. Nothing is being copied now, so the copy's
// buffer can remember them.
template <Platform P> u32 Engine<P>::note_places(Sector main, u64 length)
{
	static_assert(kStepSectors * sizeof(Answer) <= kCopySectors * kSectorBytes);
	Answer *runs = reinterpret_cast<Answer *>(buffer_);
	u32 count = 0;
	for (u64 done = 0; done < length; done += runs[count++].sectors)
		runs[count] = table_.lookup(main + done, length - done);
	return count;
}

// Calls take(first, length) for each.
template <Platform P>
template <class Take>
void Engine<P>::noted_places(u32 count, Take &&take)
{
	const Answer *runs = reinterpret_cast<const Answer *>(buffer_);
	for (u32 i = 0; i < count; ++i)
		if (runs[i].state == State::active || runs[i].state == State::lost)
			take(runs[i].place, runs[i].sectors);
}

}  // namespace remap
