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
	Step step(*this);
	if (!step.begin_io(sector, sectors))
		return IoStatus::io;
	bool revives = false;
	const IoStatus written = forward(request, sector, sectors, &revives);
	if (written != IoStatus::ok || !revives)
		return written;
	const IoStatus flushed = platform_.flush(kFirstSpare);
	if (flushed != IoStatus::ok)
		return flushed;
	const bool revived = revive(sector, sectors);
	log_resize();
	announce();
	return revived ? IoStatus::ok : IoStatus::resource;
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
		const IoStatus sent =
			platform_.forward(request, done, to.device, to.sector, to.sectors);
		if (sent != IoStatus::ok)
			return sent;
		*revives |= answer.state == State::lost;
		done += to.sectors;
	}
	return IoStatus::ok;
}

template <Platform P> bool Engine<P>::revive(Sector sector, u32 sectors)
{
	for (u64 done = 0; done < sectors;) {
		const Answer answer = table_.lookup(sector + done, sectors - done);
		if (answer.state == State::lost) {
			if (!table_.set_state(sector + done, answer.sectors, State::active).ok())
				return false;
			counters_.revived_sectors.add_relaxed(answer.sectors);
		}
		done += answer.sectors;
	}
	return true;
}

}  // namespace remap
