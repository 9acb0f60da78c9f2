// SPDX-License-Identifier: GPL-2.0-or-later
// What an administrator waits for with `dmsetup wait`: the spare has reached 80, 90 or 100 %, more
// sectors are lost or pending than the last time it was told, or the mode is another one.
#pragma once

#include "core/engine/engine.h"

namespace remap {

inline constexpr u32 kSparePercents[] = {100, 90, 80};

// The highest of the marks that is reached, or 0. `total` is not 0.
constexpr u32 spare_mark(u64 used, u64 total)
{
	for (const u32 percent : kSparePercents)
		if (used * 100 >= total * percent)
			return percent;
	return 0;
}

// REQUIRES: the lock.
template <Platform P> void Engine<P>::announce()
{
	const u32 mark = spare_mark(space_.used_sectors(), space_.total_sectors());
	const u64 unreadable = table_.lost_sectors() + table_.pending_sectors();
	if (mark > announced_mark_) {
		char line[64];
		Text(line, sizeof(line)) << "the spare is " << mark << " % full";
		platform_.log(LogLevel::warning, line);
	}
	if (mark > announced_mark_ || unreadable > announced_unreadable_)
		platform_.notify();
	history_.note(platform_.seconds(), room().used);
	announced_mark_ = mark;
	announced_unreadable_ = unreadable;
}

// At the end of each step, whatever it was for. An internal check that fails is not told here but by
// the host, to all sets at once. REQUIRES: the lock.
template <Platform P> void Engine<P>::announce_mode()
{
	const Mode now = mode();
	if (now == announced_mode_ || remap_host_is_broken())
		return;
	announced_mode_ = now;
	if (now == Mode::readonly)
		platform_.log(LogLevel::error, "the metadata can no longer be written; what is "
					       "mapped is served, nothing changes");
	else if (now == Mode::degraded && journal_.degraded())
		platform_.log(LogLevel::warning, "the set is degraded: a site or a copy of its "
						 "metadata cannot be written");
	else if (now == Mode::degraded)
		platform_.log(LogLevel::warning, "the set is degraded: a bad block found no place "
						 "on the spare, which is full");
	else
		platform_.log(LogLevel::notice, "all sites and copies of the metadata are in use");
	platform_.notify();
}

}  // namespace remap
