// SPDX-License-Identifier: GPL-2.0-or-later
// Writes to lost sectors: the write that gives them a content again.
//
// Under the fence: the data goes to its place, is made stable, and only then do the sectors become
// readable and the write is acknowledged. Had the table changed first, a crash of the spare's
// cache could show old data as if it were new.
#pragma once

#include "core/engine/engine.h"

namespace remap {

template <Platform P>
IoStatus Engine<P>::deferred_write(Request request, Sector sector, u32 sectors)
{
	const IoStatus status = write_and_revive(request, sector, sectors);
	if (status != IoStatus::ok)
		io_failed(Op::write);
	return status;
}

template <Platform P>
IoStatus Engine<P>::write_and_revive(Request request, Sector sector, u32 sectors)
{
	Step step(*this);
	if (!step.begin_io(sector, sectors))
		return IoStatus::io;
	// A stretch of lost sectors may become three.
	if (entries_.load_relaxed() + 2 > layout_.entries())
		return IoStatus::no_space;
	bool revives = false;
	const IoStatus written = forward(request, sector, sectors, &revives);
	if (written != IoStatus::ok || !revives)
		return written;
	const IoStatus flushed = debt_.flush(platform_, kFirstSpare);
	if (flushed != IoStatus::ok)
		return flushed;
	const bool revived = revive(step, sector, sectors);
	log_resize();
	announce();
	return revived ? IoStatus::ok : IoStatus::io;
}

// Sends the request where its sectors are mapped now: since it was deferred they may have moved.
template <Platform P>
IoStatus Engine<P>::forward(Request request, Sector sector, u32 sectors, bool *revives)
{
	for (u32 done = 0; done < sectors;) {
		const Answer answer = table_.lookup(sector + done, sectors - done);
		const bool mapped =
			answer.state == State::active || answer.state == State::lost;
		const Mapping to = mapped ? on_spare(answer.place, answer.sectors,
						     Verdict::submit)
					  : Mapping{sector + done,
						    static_cast<u32>(answer.sectors),
						    Verdict::submit, kMainDevice};
		debt_.writes(to.device);
		const IoStatus sent =
			platform_.forward(request, done, to.device, to.sector, to.sectors);
		if (sent != IoStatus::ok)
			return sent;
		*revives |= answer.state == State::lost;
		done += to.sectors;
	}
	return IoStatus::ok;
}

// false: not all of it could be made readable, or a load has to decide. Whatever the table says now
// is recorded all the same: a later write that finds a sector active records nothing.
template <Platform P> bool Engine<P>::revive(Step &step, Sector sector, u32 sectors)
{
	const u64 lost = table_.lost_sectors();
	bool all = true;
	for (u64 done = 0; all && done < sectors;) {
		const Answer answer = table_.lookup(
			sector + done, min_of<u64>(sectors - done, Table<P>::kMaxCallSectors));
		if (answer.state == State::lost)
			all = table_.set_state(sector + done, answer.sectors, State::active).ok();
		done += answer.sectors;
	}
	counters_.revived_sectors.add_relaxed(lost - table_.lost_sectors());
	return (has_bug(platform_, Bug::lost_not_recorded) || step.commit(Growth::free).ok()) && all;
}

}  // namespace remap
