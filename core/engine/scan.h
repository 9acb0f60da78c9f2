// SPDX-License-Identifier: GPL-2.0-or-later
// Scan: reads main in the background, so that a sector that can no longer be read is found, and one that
// needs retries is moved, before a user depends on it.
//
// The host calls scan_turn() again and again, in a context that may sleep, never twice at a time. A turn
// reads one piece of main without a fence, and only while no user's I/O is under way: what it reads nobody
// wants. What fails is read again under the fence, as a user's read that failed would be
// (recover_read.h): it becomes pending, or is moved.
//
// Bad sectors come in groups (Bairavasundaram et al., An Analysis of Latent Sector Errors in Disk Drives,
// SIGMETRICS 2007; Schroeder et al., Understanding Latent Sector Errors, FAST 2010). So what lies kNear
// sectors around one that was just found, by whomever, is read next.
#pragma once

#include "core/engine/engine.h"

namespace remap {

template <Platform P> bool Engine<P>::scans() const
{
	return journal_.opened() && !suspending_.load_acquire() && !suspended_.load_acquire() &&
	       scan_.runs(policy_.scan_rate != 0);
}

template <Platform P> u32 Engine<P>::scan_turn()
{
	if (look_.load_acquire() && look_.exchange(false))
		look_at_spares();
	if (!scans())
		return Scan::kIdle;
	if (platform_.busy())
		return Scan::kBusy;
	Sector at;
	u32 count;
	if (!next_to_scan(&at, &count))
		return scans() ? Scan::kSoon : Scan::kIdle;
	// Whoever had the lock may have had it for long.
	if (platform_.busy())
		return Scan::kBusy;
	const IoStatus read = platform_.scan_read(at, count);
	const u32 later = read == IoStatus::ok ? 0 : scan_again(at, count, read);
	if (later)
		return scans() ? later : Scan::kIdle;
	scan_.read.add_relaxed(count);
	scanned(count);
	return count * 1000 / scan_rate();
}

template <Platform P> u32 Engine<P>::scan_rate() const
{
	return policy_.scan_rate ? policy_.scan_rate : Scan::kRate;
}

// false: nothing, this time; what was passed over is mapped, or pending and known.
template <Platform P> bool Engine<P>::next_to_scan(Sector *at, u32 *count)
{
	Step step(*this);
	if (!step.begin_look().ok())
		return false;
	Sector from, end;
	scan_.range(geometry_.main_sectors, &from, &end);
	*count = 0;
	const Sector first = from;
	for (u32 i = 0; i < Scan::kLooks && from < end && !*count; ++i) {
		const u32 want = static_cast<u32>(min_of<u64>(end - from, kCopySectors));
		const Answer answer = table_.lookup(from, want);
		*at = from;
		*count = answer.state == State::none ? static_cast<u32>(answer.sectors) : 0;
		from += *count ? 0 : answer.sectors;
	}
	scan_.pass(from - first, geometry_.main_sectors, policy_.scan_rate != 0);
	journal_.note_scan(scan_.next.load_relaxed(), scan_.started.load_relaxed());
	return *count;
}

// What was read without an error, or is dealt with.
template <Platform P> void Engine<P>::scanned(u32 count)
{
	Step step(*this);
	step.begin();
	scan_.pass(count, geometry_.main_sectors, policy_.scan_rate != 0);
	journal_.note_scan(scan_.next.load_relaxed(), scan_.started.load_relaxed());
}

// A piece that could not be read, under the fence. 0: all of it is dealt with. Else after how long to go
// on: the error says nothing of its sectors, or it ended early, and what is found by then is passed over.
template <Platform P> u32 Engine<P>::scan_again(Sector at, u32 count, IoStatus status)
{
	if (blame(status) == Blame::path)
		return Scan::kLater;
	Recovery io{kNobody, Op::read, at, count, status, kPlainTicket};
	bool unreadable = false;
	u32 done = count;
	if (read_step(io, 0, &done, &unreadable) != IoStatus::ok)
		return Scan::kLater;
	return done < count ? Scan::kBusy : 0;
}

// REQUIRES: the lock.
template <Platform P> void Engine<P>::scan_around(Sector sector, u64 length)
{
	if (!scan_.runs(policy_.scan_rate != 0))
		return;
	scan_.around(sector, length, geometry_.main_sectors);
	platform_.wake_scan();
}

// Around what the plan holds of main that has just turned out bad. REQUIRES: the lock.
template <Platform P> void Engine<P>::scan_near_plan()
{
	for (u32 i = 0; i < plan_.changes(); ++i) {
		const Plan::Change &change = plan_.change(i);
		if (change.extent.state == State::pending || (change.fresh && !change.moved))
			scan_around(change.extent.main, change.extent.length);
	}
}

template <Platform P> Status Engine<P>::scan(const Command &command, Text &reply)
{
	if (command.choice == ScanWord::status) {
		report_scan(reply);
		return {};
	}
	Step step(*this);
	TRY(step.begin_message());
	TRY(settle());
	scan_.set(command.choice == ScanWord::start);
	journal_.note_scan(scan_.next.load_relaxed(), scan_.started.load_relaxed());
	platform_.wake_scan();
	TRY(journal_.keep_scan());
	reply << "scan " << (command.choice == ScanWord::start ? "started" : "stopped")
	      << " at sector " << scan_.next.load_relaxed();
	return {};
}

}  // namespace remap
