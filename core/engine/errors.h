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
	flush_told_.fetch_or(flush_began_.load_acquire() & 1u << device);
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

// The set goes on without a member. New writes do not go there, and when those that were on their way
// have ended, one flush tells all that there is to tell of it. REQUIRES: the lock.
template <Platform P> void Engine<P>::note_lost()
{
	u32 left = 0;
	for_each_member(journal_.gone(), [&](u32 m) {
		left |= u32{spares_.device(m) != kNoDevice} << spares_.device(m);
	});
	left &= ~left_.load_relaxed();
	if (left && platform_.drain_soon(0, geometry_.main_sectors))
		left_.fetch_or(left);
}

// A user's flush of a spare failed. If it is dead as a whole the set must not wait for a change of the
// table to find out, since no flush would succeed until then: an epoch that it takes no part in.
template <Platform P> void Engine<P>::look_at_spares()
{
	Step step(*this);
	step.begin();
	if (journal_.opened() && !suspended_.load_acquire())
		(void)journal_.reopen();
	note_members();
	note_lost();
}

template <Platform P> bool Engine<P>::flush_begins(DeviceIndex device)
{
	if (!debt_.user_begins(device))
		return false;
	if (left_.load_acquire() >> device & 1)
		flush_began_.fetch_or(1u << device);
	return true;
}

template <Platform P> void Engine<P>::flush_ends(DeviceIndex device)
{
	debt_.user_ends(platform_, device);
	const u32 last = flush_began_.load_acquire() & flush_told_.load_acquire();
	if (last >> device & 1 && debt_.no_user(device))
		flushed_last_.fetch_or(1u << device);
}

template <Platform P> u32 Engine<P>::flushed_devices() const
{
	return (used_.load_acquire() | 1u << kMainDevice) & ~flushed_last_.load_acquire();
}

template <Platform P> void Engine<P>::flush_failed(DeviceIndex device)
{
	counters_.flush_errors.add_relaxed(1);
	debt_.user_flush_failed(device);
	flush_told_.fetch_or(flush_began_.load_acquire() & 1u << device);
	if (device == kMainDevice || geometry_.spares.count == 1)
		return;
	look_.store_release(true);
	platform_.wake_scan();
}

}  // namespace remap
