// SPDX-License-Identifier: GPL-2.0-or-later
// Writes that failed, and writes to sectors that are lost or pending.
//
// A step sends the write again, block by block, to where its sectors are now; what fails is marked,
// and then placed. A physical block of main of which a part failed has failed as a whole: what of it
// belongs to the write goes to the spare with it, the rest is read and goes there too, or becomes
// pending.
#pragma once

#include "core/engine/engine.h"

namespace remap {

// Does the part of a write that begins at its sector `done`; *count: how much of it at most, and
// how much was done.
template <Platform P>
IoStatus Engine<P>::write_step(Recovery &io, u32 done, u32 *count)
{
	const u32 physical = geometry_.physical_sectors;
	const Sector at = io.sector + done;
	const Sector first = round_down(at, physical);
	Sector end = min_of<Sector>(round_up(at + *count, physical), geometry_.main_sectors);
	if (*count < io.sectors - done) // not the last: up to a border
		end = first + round_down(end - first - 1, physical);
	*count = static_cast<u32>(min_of<u64>(end - at, *count));
	Step step(*this);
	if (!step.begin_io(first, end - first)) {
		judged(Judgement::metadata);
		return io.status == IoStatus::ok ? IoStatus::io : io.status;
	}
	if (io.status != IoStatus::ok && !settle_late().ok()) {
		judged(Judgement::metadata);
		return io.status;
	}
	if (has_bug(platform_, Bug::recovery_without_fence))
		step.open_early();
	begin_recovery(first);
	IoStatus sent = send_again(io, done, count);
	if (sent == IoStatus::ok)
		sent = place_marked(io, done, count);
	if (any_failed_) {
		const Sector past = at + *count; // it may have ended early
		rescue_rest(first, first, at);
		rescue_rest(round_down(past - 1, physical), past, min_of(round_up(past, physical), end));
	}
	if (sent != IoStatus::ok)
		given_up(io, at, sent);
	return finish_io(step, io, flush_zeros(io, sent));
}

// First pass: what can be written where it is. What failed is in marks_. Returns ok, or the error
// of one that nobody acts on.
template <Platform P>
IoStatus Engine<P>::send_again(Recovery &io, u32 done, u32 *count)
{
	const Sector at = io.sector + done;
	// A write that has not failed yet is tried in long runs first.
	u32 careful = io.status == IoStatus::ok ? 0 : *count;
	for (u32 i = 0; i < *count;) {
		const bool late = i && is_aligned(at + i, remap_grain()) && is_long();
		if (plan_.filling() || late) {
			*count = i;
			return IoStatus::ok;
		}
		const Sector sector = at + i;
		u32 length = i < careful ? unit_at(sector, *count - i) : *count - i;
		bool marked;
		length = static_cast<u32>(marks_.run(sector, length, &marked));
		if (marked) {
			i += length;
			continue;
		}
		const Answer answer = table_.lookup(sector, length);
		const Mapping to = where(sector, answer);
		length = to.sectors;
		if (to.device != kMainDevice && is_gone(answer.place)) {
			marks_.add(sector, length);
			i += length;
			continue;
		}
		// A stretch of lost sectors may become three.
		if (answer.state == State::lost && !room_for_entries(true)) {
			judged(Judgement::table_full);
			return IoStatus::no_space;
		}
		const IoStatus sent = send_one(io, done + i, answer, to);
		if (sent != IoStatus::ok && i >= careful &&
		    length > unit_at(sector, length)) {
			careful = i + length;
			continue;
		}
		if (sent != IoStatus::ok) {
			const IoStatus judged = mark_failed(io, at, *count, sector, to, sent);
			if (judged != IoStatus::ok)
				return judged;
		} else if (answer.state == State::lost) {
			(void)plan_.add({sector, length, answer.place, State::active,
					 begins(sector)},
					false);
		}
		i += length;
	}
	return IoStatus::ok;
}

// How much of a write is sent at once when it is sent again: a physical block of main that it
// covers, else a logical one.
template <Platform P> u32 Engine<P>::unit_at(Sector sector, u32 left) const
{
	const u32 physical = geometry_.physical_sectors;
	return is_aligned(sector, physical) && left >= physical ? physical
								: geometry_.block_sectors;
}

// Where sectors are now: since the write was queued they may have moved.
template <Platform P> Mapping Engine<P>::where(Sector sector, const Answer &answer) const
{
	if (answer.state == State::active || answer.state == State::lost)
		return on_spare(answer.place, answer.sectors, Verdict::submit);
	return {sector, static_cast<u32>(answer.sectors), Verdict::submit, kMainDevice};
}

// A pending sector is not tried on main unless the operator wants it healed.
template <Platform P>
IoStatus Engine<P>::send_one(Recovery &io, u32 first, const Answer &answer, const Mapping &to)
{
	if (answer.state != State::pending)
		return send(io, first, to.device, to.sector, to.sectors);
	if (!policy_.heal || !heals(io, first, to.sector, to.sectors))
		return IoStatus::medium;
	return plan_.add({to.sector, to.sectors, 0, State::none, false}, false) ? IoStatus::ok
										: IoStatus::medium;
}

// Whether pending sectors of main take a write and give it back. No proof: the drive's cache may
// answer. The data is copied, since the pages may change meanwhile.
template <Platform P>
bool Engine<P>::heals(Recovery &io, u32 first, Sector sector, u32 count)
{
	constexpr u32 kHalf = kCopySectors / 2;
	u8 *data = buffer_;
	u8 *back = buffer_ + kHalf * kSectorBytes;
	for (u32 done = 0; done < count;) {
		const u32 part = min_of(count - done, kHalf);
		if (io.op == Op::write_zeroes)
			__builtin_memset(data, 0, part * kSectorBytes);
		else
			platform_.fetch(io.request, first + done, data, part);
		if (debt_.write(platform_, kMainDevice, sector + done, data, part) != IoStatus::ok ||
		    debt_.flush(platform_, kMainDevice) != IoStatus::ok ||
		    platform_.read(kMainDevice, sector + done, back, part) != IoStatus::ok ||
		    __builtin_memcmp(data, back, part * kSectorBytes) != 0)
			return false;
		done += part;
	}
	counters_.healed_sectors.add_relaxed(count);
	return true;
}

// Returns ok if what failed is to be placed elsewhere, and marks it.
template <Platform P>
IoStatus Engine<P>::mark_failed(Recovery &io, Sector at, u32 count, Sector sector,
				const Mapping &to, IoStatus status)
{
	const bool pending = table_.lookup(sector, 1).state == State::pending;
	(void)settle_late(); // whether it succeeds, this step learns when it records
	if (to.device != kMainDevice || pending) {
		marks_.add(sector, to.sectors);
		return blame(status) == Blame::path ? status : IoStatus::ok;
	}
	if (io.ticket == kPlainTicket)
		io.ticket = write_of_main_failed();
	if (!is_sector(sector, status))
		return status;
	// All of its physical block that is in the write and on main.
	const u32 physical = geometry_.physical_sectors;
	const Sector begin = max_of(round_down(sector, physical), at);
	const Sector end = min_of(max_of(round_up(sector + 1, physical), sector + to.sectors),
				  at + count);
	for (Sector one = begin; one < end; one += geometry_.block_sectors) {
		const State state = table_.lookup(one, 1).state;
		if (state == State::none || state == State::pending)
			marks_.add(one, geometry_.block_sectors);
	}
	any_failed_ = true;
	failure_ = status;
	return IoStatus::ok;
}

// Second pass: what is marked goes to the spare. Returns ok, or the write's own error.
template <Platform P>
IoStatus Engine<P>::place_marked(Recovery &io, u32 done, u32 *count)
{
	const Sector at = io.sector + done;
	const u32 physical = geometry_.physical_sectors;
	// What counts as one remap: file systems write nothing smaller.
	const u32 grain = remap_grain();
	Sector judged_end = 0; // of the block that was last found worth a remap
	bool placed_one = false;
	for (u32 i = 0; i < *count;) {
		const Sector sector = at + i;
		bool marked;
		u32 length = static_cast<u32>(marks_.run(sector, *count - i, &marked));
		if (!marked) {
			i += length;
			continue;
		}
		const bool late = placed_one && is_aligned(sector, grain) && is_long();
		if (plan_.nearly_full() || late) {
			*count = i;
			return IoStatus::ok;
		}
		length = static_cast<u32>(
			min_of<u64>(length, round_up(sector + 1, physical) - sector));
		const Answer answer = table_.lookup(sector, length);
		length = min_of(where(sector, answer).sectors, as_added(sector, length));
		const bool another = answer.state == State::none && sector >= judged_end;
		if (another && !may_remap(io.ticket))
			return failure_;
		const auto write = [&](DeviceIndex device, Sector spare, u32 from, u32 part) {
			return send(io, done + i + from, device, spare, part);
		};
		const IoStatus placed = place(sector, length, answer, write);
		if (placed != IoStatus::ok)
			return io.status != IoStatus::ok ? io.status : placed;
		if (another) {
			judged_end = round_up(sector + 1, grain);
			++step_remaps_;
		}
		placed_one = true;
		i += length;
	}
	return IoStatus::ok;
}

// How many of `length` sectors belong to one extent as it was added, so that what moves keeps its
// boundaries.
template <Platform P> u32 Engine<P>::as_added(Sector sector, u32 length) const
{
	Extent run;
	const bool mapped = table_.next(sector, &run, length) && run.main == sector;
	return mapped ? static_cast<u32>(min_of<u64>(run.length, length)) : length;
}

// The sectors [from, to) of a physical block of main of which another part has failed and been placed. What
// cannot be rescued for want of something else stays as it is.
template <Platform P> void Engine<P>::rescue_rest(Sector block, Sector from, Sector to)
{
	const u32 step = geometry_.block_sectors;
	if (from >= to || !block_failed(block) || !plan_.places(block, geometry_.physical_sectors) ||
	    has_bug(platform_, Bug::neighbours_forgotten))
		return;
	for (Sector sector = from; sector < to; sector += step) {
		const Answer answer = table_.lookup(sector, step);
		if (answer.state != State::none)
			continue;
		const IoStatus read = platform_.read(kMainDevice, sector, buffer_, step);
		if (read == IoStatus::ok) {
			const auto write = [&](DeviceIndex device, Sector spare, u32 done, u32 part) {
				return debt_.write(platform_, device, spare,
						   buffer_ + done * kSectorBytes, part);
			};
			(void)place(sector, step, answer, write);
		} else if (is_sector(sector, read) && room_for_entries(false)) {
			(void)plan_.add({sector, step, 0, State::pending, false}, false);
		}
	}
}

// Whether something on main in this physical block was marked.
template <Platform P> bool Engine<P>::block_failed(Sector block) const
{
	const Sector end = min_of<Sector>(block + geometry_.physical_sectors,
					  geometry_.main_sectors);
	for (Sector sector = block; sector < end; ++sector) {
		bool marked;
		(void)marks_.run(sector, 1, &marked);
		if (marked && table_.lookup(sector, 1).state == State::none)
			return true;
	}
	return false;
}

}  // namespace remap
