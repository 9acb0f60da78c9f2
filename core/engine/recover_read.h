// SPDX-License-Identifier: GPL-2.0-or-later
// Reads of main that failed.
//
// Block by block, so that only what is really unreadable fails. A sector that comes back after
// retries is moved to the spare and read from there, since main would not give it much longer. One
// that does not is recorded as pending before its read fails: the next write to it relocates it.
#pragma once

#include "core/engine/engine.h"

namespace remap {

// The part of a read from its sector `done` on; *count as in write_step(). *unreadable: some of it
// is gone. Returns ok, or an error that says nothing about sectors.
template <Platform P>
IoStatus Engine<P>::read_step(Recovery &io, u32 done, u32 *count, bool *unreadable)
{
	const Sector at = io.sector + done;
	Step step(*this);
	if (!step.begin_read(at, *count))
		return io.status;
	(void)settle(); // whatever else comes of it, the others do not wait for retries
	if (has_bug(platform_, Bug::rescue_without_fence))
		step.open_early();
	begin_recovery(at);
	IoStatus result = IoStatus::ok;
	for (u32 i = 0; i < *count && result == IoStatus::ok;) {
		// The scan ends where a suspend begins, or a user comes: they do not wait for long retries.
		const bool yields = io.request == kNobody && i && (!scans() || platform_.busy());
		if (plan_.nearly_full() || yields || (i && is_long())) {
			*count = i;
			break;
		}
		const u32 unit = unit_at(at + i, *count - i);
		const Answer answer = table_.lookup(at + i, unit);
		const u32 length = where(at + i, answer).sectors;
		result = read_unit(io, done + i, length, answer, unreadable);
		i += length;
	}
	if (result != IoStatus::ok)
		given_up(io, at, result);
	if (has_bug(platform_, Bug::zero_for_unreadable))
		*unreadable = false;
	// Also what was read from its new place is worth nothing if that cannot be made stable: a flush
	// that failed may have taken it along before it was read.
	return finish(step, result);
}

// A physical block that it covers, or a logical one; then each logical one of a block that failed.
template <Platform P>
IoStatus Engine<P>::read_unit(Recovery &io, u32 first, u32 count, const Answer &answer,
			      bool *unreadable)
{
	const u32 block = geometry_.block_sectors;
	const Sector sector = io.sector + first;
	const Mapping from = where(sector, answer);
	if (answer.state == State::lost) {
		*unreadable = true;
		return IoStatus::ok;
	}
	const IoStatus read = bring(io, first, from.device, from.sector, count);
	if (read == IoStatus::ok || from.device != kMainDevice)
		return read;
	if (io.request == kNobody && has_bug(platform_, Bug::scan_condemns_all)) {
		(void)plan_.add({sector, count, 0, State::pending, false}, false);
		return IoStatus::ok;
	}
	for (u32 done = 0; done < count; done += block) {
		const IoStatus again =
			count == block
				? read
				: bring(io, first + done, kMainDevice, sector + done, block);
		if (again == IoStatus::ok)
			continue;
		if (!is_sector(sector + done, again))
			return again;
		const IoStatus tried = read_block(io, first + done, again, unreadable);
		if (tried != IoStatus::ok)
			return tried;
	}
	return IoStatus::ok;
}

// One logical block that has failed: tries again, and plans what becomes of it.
template <Platform P>
IoStatus Engine<P>::read_block(Recovery &io, u32 first, IoStatus status, bool *unreadable)
{
	const u32 block = geometry_.block_sectors;
	const Sector sector = io.sector + first;
	for (u32 i = 0; i < policy_.retries; ++i) {
		status = platform_.read(kMainDevice, sector, buffer_, block);
		if (status == IoStatus::ok && rescue(io, first))
			return IoStatus::ok;
		// No place for it: then the reader gets it, if it comes once more.
		if (status == IoStatus::ok)
			status = bring(io, first, kMainDevice, sector, block);
		if (status == IoStatus::ok)
			return IoStatus::ok;
		if (blame(status) == Blame::path)
			return status;
	}
	// It may have gone meanwhile.
	if (policy_.retries && !is_sector(sector, status))
		return status;
	*unreadable = true;
	const bool known = table_.lookup(sector, 1).state == State::pending;
	const bool records = journal_.opened() && room_for_entries(false) &&
			     !has_bug(platform_, Bug::pending_forgotten);
	if (!known && records && plan_.add({sector, block, 0, State::pending, false}, false) &&
	    io.request == kNobody)
		scan_.pending.add_relaxed(block);
	return IoStatus::ok;
}

// Reads a part of a request, whoever it is for.
template <Platform P>
IoStatus Engine<P>::bring(Recovery &io, u32 first, DeviceIndex device, Sector sector, u32 count)
{
	return io.request == kNobody
		       ? platform_.read(device, sector, buffer_, count)
		       : platform_.forward(io.request, first, device, sector, count);
}

// Plans the move of the block in buffer_ to the spare and gives it to the reader from there, since main
// would perhaps not give it once more. A place that does not give it back is none. false: it found no
// place.
template <Platform P> bool Engine<P>::rescue(Recovery &io, u32 first)
{
	const u32 block = geometry_.block_sectors;
	const Sector sector = io.sector + first;
	if (!journal_.opened() || !within_budget())
		return false;
	const Answer answer = table_.lookup(sector, block);
	const auto write = [&](DeviceIndex device, Sector spare, u32 done, u32 part) {
		const IoStatus written = debt_.write(platform_, device, spare,
						     buffer_ + done * kSectorBytes, part);
		// The scan has no reader, and its buffer is needed for the next place.
		return written == IoStatus::ok && io.request != kNobody
			       ? bring(io, first + done, device, spare, part)
			       : written;
	};
	const IoStatus placed = place(sector, block, answer, write);
	if (placed != IoStatus::ok)
		return false;
	++step_rescues_;
	if (io.request == kNobody)
		scan_.moved.add_relaxed(block);
	return true;
}

}  // namespace remap
