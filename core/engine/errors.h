// SPDX-License-Identifier: GPL-2.0-or-later
// I/O that ended with an error: a user's, which goes upward with it, and flushes of the core's own.
#pragma once

#include "core/engine/engine.h"

namespace remap {

template <Platform P> void Engine<P>::io_failed(Op op)
{
	if (op == Op::read)
		counters_.read_errors.add_relaxed(1);
	else
		counters_.write_errors.add_relaxed(1);
}

// What a flush of ours was told, this one may not be told any more, but it was the user's too.
template <Platform P> bool Engine<P>::flush_owed(DeviceIndex device)
{
	const bool owed = debt_.take(device);
	if (owed)
		counters_.flush_errors.add_relaxed(1);
	return owed;
}

// Counts flushes of the core's own that failed since the last call. REQUIRES: the lock.
template <Platform P> void Engine<P>::note_flushes()
{
	u64 failures = 0;
	for (DeviceIndex device = kMainDevice; device < devices(); ++device)
		failures += debt_.failures(device);
	counters_.flush_errors.add_relaxed(failures - counted_flushes_);
	counted_flushes_ = failures;
}

template <Platform P> void Engine<P>::flush_failed(DeviceIndex device)
{
	counters_.flush_errors.add_relaxed(1);
	debt_.user_flush_failed(device);
}

}  // namespace remap
