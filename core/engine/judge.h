// SPDX-License-Identifier: GPL-2.0-or-later
// Which failures are acted on: what the error says, whether main still takes writes, the budget.
//
// Runs. Failed writes of main belong to the same run as long as no write of main succeeds between
// them. A failure carries the number of its run. One remap is free in a run, for a disk on which
// only one block is bad and nobody writes elsewhere; more need the proof that a user's write of main
// has succeeded since the run began. So a device that was turned read-only costs one block.
#pragma once

#include "core/engine/engine.h"

namespace remap {

// An I/O that was sent to a device ended with an error. Any context.
template <Platform P> u8 Engine<P>::io_failed(Op op, DeviceIndex device, IoStatus status)
{
	if (may_recover(op, device, status))
		return op != Op::read && device == kMainDevice ? write_of_main_failed()
								 : kPlainTicket;
	io_failed(op);
	return kNoTicket;
}

template <Platform P>
bool Engine<P>::may_recover(Op op, DeviceIndex device, IoStatus status)
{
	if (op == Op::discard || status == IoStatus::ok)
		return false;
	if (blame(status) == Blame::path && !has_bug(platform_, Bug::remap_on_path_error)) {
		judged(Judgement::path);
		return false;
	}
	if (op == Op::read)
		return policy_.retry_reads && device == kMainDevice;
	if (!journal_.opened()) {
		judged(Judgement::metadata);
		return false;
	}
	return policy_.remap_writes && !remap_host_is_broken();
}

// Any context.
template <Platform P> u8 Engine<P>::write_of_main_failed()
{
	const bool zeros = took_zeros_.exchange(false);
	if (platform_.watch_main() || zeros)
		run_.add_relaxed(1);
	return ticket_of(run_.load_relaxed());
}

// Whether an error means that the sector is bad. Where it may, or not, a control read tells, behind which
// buffer_ is another. It is done for each failure anew: a disk may go while much of it is tried.
template <Platform P> bool Engine<P>::is_sector(Sector sector, IoStatus status)
{
	const Blame blamed = blame(status);
	if (blamed == Blame::path) {
		if (has_bug(platform_, Bug::remap_on_path_error))
			return true;
		judged(Judgement::path);
		return false;
	}
	if (blamed == Blame::perhaps && !has_bug(platform_, Bug::no_control_read) &&
	    !main_answers(sector)) {
		judged(Judgement::device);
		return false;
	}
	judged(Judgement::sector);
	return true;
}

// Whether a block of main whose write failed may be remapped. REQUIRES: the lock.
template <Platform P> bool Engine<P>::may_remap(u8 ticket)
{
	const u32 run = run_.load_relaxed();
	const bool proven = ticket != ticket_of(run) || platform_.main_took_write() ||
			    took_zeros_.load_relaxed() ||
			    has_bug(platform_, Bug::no_write_proof);
	if (!proven && unproven_run_ == run) {
		judged(Judgement::read_only);
		return false;
	}
	if (!within_budget())
		return false;
	if (!proven)
		unproven_run_ = run;
	return true;
}

// Whether one remap more may be made in the step at hand. What comes of it is taken from the budget at the
// end (count_remaps()): what found no place has moved nothing.
template <Platform P> bool Engine<P>::within_budget()
{
	if (budget_.allows(platform_.seconds(), policy_.budget_remaps, policy_.budget_seconds,
			   step_remaps_ + step_rescues_ + 1))
		return true;
	judged(Judgement::budget);
	return false;
}

// Any context.
template <Platform P> void Engine<P>::judged(Judgement judgement)
{
	judgement_.store_relaxed(judgement);
}

// A failure that goes upward although it was to be recovered. REQUIRES: not an interrupt.
template <Platform P>
void Engine<P>::given_up(const Recovery &io, Sector sector, IoStatus status)
{
	char line[160];
	Text(line, sizeof(line)) << (io.op == Op::read ? "a read" : "a write") << " of sector "
				 << sector << " failed (" << text_of(status)
				 << "), nothing is remapped: "
				 << text_of(judgement_.load_relaxed());
	platform_.log_limited(line);
}

}  // namespace remap
