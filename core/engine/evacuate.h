// SPDX-License-Identifier: GPL-2.0-or-later
// remove_spare: what is on a member moves to the others, step by step and each step durable; then the set
// goes on without it. Of a member that is missing nothing can be read: its extents become lost, in places
// on the others.
//
// A step is that of a recovery (recover.h) in which the old place counts as failed: fence, copy, make
// stable, change the table, record, free the old place, open.
#pragma once

#include "core/engine/command.h"
#include "core/engine/engine.h"

namespace remap {

template <Platform P>
Status Engine<P>::remove_spare(const Command &command, Text &reply, Refusal &why)
{
	{
		Step step(*this);
		TRY(step.begin_message());
		TRY(check_removable(why, command.number[0]));
	}
	const u32 member = static_cast<u32>(command.number[0]);
	Moved moved;
	Status removed = evacuate(why, member, &moved);
	Step step(*this);
	step.begin();
	const u64 left = space_.used_in(spares_.first_place(member), spares_.end(member));
	if (removed.ok())
		removed = forget_member(why, member);
	leaving_ &= ~(1u << member);
	note_members();
	note_lost();
	if (!removed.ok())
		return stopped(why, removed.error(), moved.sectors, moved.sectors + left);
	reply << "removed spare " << member << "; " << moved.sectors << " sectors were moved";
	if (moved.lost)
		reply << ", " << moved.lost << " of them cannot be read and are lost";
	return {};
}

// From here on nothing new is put on the member. REQUIRES: the lock.
template <Platform P> Status Engine<P>::check_removable(Refusal &why, u64 number)
{
	const Superblock &set = journal_.superblock();
	if (number >= kMaxMembers || set.members[number].state == MemberState::absent) {
		why.begin() << "MEMBER " << number << " is no spare of the set; 'status' lists them";
		return Error::out_of_range;
	}
	const u32 member = static_cast<u32>(number);
	const Members bit = 1u << member;
	if (leaving_ & bit) {
		why.begin() << "MEMBER " << number << " is being removed already";
		return Error::in_use;
	}
	if (!(members_in_use(set) & ~leaving_ & ~bit)) {
		why.begin() << "MEMBER " << number << " is the last spare in use; the set needs one";
		return Error::in_use;
	}
	if (!(journal_.copies() & copies_of(members_in_use(set) & ~leaving_ & ~bit))) {
		why.begin() << "MEMBER " << number
			    << " holds the only copies of the metadata that are in use";
		return Error::spare_io;
	}
	leaving_ |= bit;
	note_members();
	const u64 need = space_.used_in(spares_.first_place(member), spares_.end(member)) -
			 bad_on(member);
	const u64 room = space_.free_sectors();
	if (need <= room)
		return {};
	leaving_ &= ~bit;
	note_members();
	why.begin() << "MEMBER " << number << " holds " << need << " sectors, the other spares have "
		    << room << " free";
	return Error::spare_full;
}

// The next bad places in [from, end).
template <Platform P> bool Engine<P>::next_bad(Place from, Place end, Extent *bad) const
{
	if (!bad_.next(from, bad, end - from) || bad->main >= end)
		return false;
	const Place last = min_of(bad->main + bad->length, end);
	bad->main = max_of(bad->main, from);
	bad->length = last - bad->main;
	return true;
}

// How many places of a member failed.
template <Platform P> u64 Engine<P>::bad_on(u32 member) const
{
	u64 sectors = 0;
	const Place end = spares_.end(member);
	Extent bad;
	for (Place at = spares_.first_place(member); at < end && next_bad(at, end, &bad);
	     at = bad.main + bad.length)
		sectors += bad.length;
	return sectors;
}

// Errors: spare_full, table_full, spare_io, no_memory, and those of a step.
template <Platform P> Status Engine<P>::evacuate(Refusal &why, u32 member, Moved *moved)
{
	Sector from = 0;
	for (;;) {
		u64 length = 0;
		const bool more = TRY(next_on_member(member, &from, &length));
		if (!length && !more)
			return {};
		if (length)
			TRY(move_step(why, member, &from, length, moved));
	}
}

// Looks for sectors on the member from *from on, as far as one look goes; *length: of an extent, what one
// step can do. false: there is no more.
template <Platform P>
Result<bool> Engine<P>::next_on_member(u32 member, Sector *from, u64 *length)
{
	Step step(*this);
	TRY(step.begin_message());
	Extent extent;
	for (u32 looks = 0; looks < kLooksAtOnce; ++looks) {
		if (!table_.next(*from, &extent))
			return false;
		*from = extent.main + extent.length;
		const bool placed = extent.state == State::active || extent.state == State::lost;
		// It may run on from one member to the next.
		const Place first = max_of(extent.place, spares_.first_place(member));
		const Place end = min_of(extent.place + extent.length, spares_.end(member));
		if (placed && first < end) {
			*from = extent.main + (first - extent.place);
			*length = min_of(end - first, kStepSectors / 2);
			return true;
		}
	}
	return true;
}

// Moves what of [*from, +length) is on the member still; *from becomes where it ended.
template <Platform P>
Status Engine<P>::move_step(Refusal &why, u32 member, Sector *from, u64 length, Moved *moved)
{
	Step step(*this);
	step.records_bad();
	TRY(step.begin_message(*from, length));
	TRY(settle());
	begin_recovery(*from);
	IoStatus status = IoStatus::ok;
	u64 done = 0;
	Moved here;
	const auto ends = [&] { return plan_.nearly_full() || (done && (is_long() || told_to_stop())); };
	while (status == IoStatus::ok && done < length && !ends()) {
		const Sector main = *from + done;
		// So much that it fits into a plan also block by block.
		const u32 most = static_cast<u32>(min_of<u64>(length - done, kRunSectors));
		const Answer answer = table_.lookup(main, as_added(main, most));
		u32 count = static_cast<u32>(answer.sectors);
		const bool mapped = answer.state == State::active || answer.state == State::lost;
		if (mapped)
			count = static_cast<u32>(spares_.contiguous(answer.place, count));
		if (mapped && spares_.member(answer.place) == member) {
			status = move_run(main, count, answer, &here.lost);
			here.sectors += count;
		}
		done += count;
	}
	moving_ = true;
	status = finish(step, status);
	moving_ = false;
	if (status != IoStatus::ok) {
		why.begin() << "sector " << *from << " cannot be moved (" << text_of(status)
			    << "): " << text_of(judgement_.load_relaxed());
		return status == IoStatus::no_space ? Error::spare_full : Error::spare_io;
	}
	*from += done;
	moved->sectors += here.sectors;
	moved->lost += here.lost;
	return {};
}

// Copies a run that lies together on its device. What its medium can no longer give, however often it is
// asked, is lost.
template <Platform P>
IoStatus Engine<P>::move_run(Sector main, u32 count, const Answer &answer, u64 *lost)
{
	const Address old = spares_.address(answer.place, count);
	const auto nothing = [](DeviceIndex, Sector, u32, u32) { return IoStatus::ok; };
	if (answer.state == State::lost || old.device == kNoDevice) {
		*lost += answer.state == State::lost ? 0 : count;
		return place(main, count, answer, nothing, State::lost);
	}
	const auto write = [&](DeviceIndex device, Sector spare, u32 from, u32 length) {
		return debt_.write(platform_, device, spare, buffer_ + from * kSectorBytes, length);
	};
	if (platform_.read(old.device, old.sector, buffer_, count) == IoStatus::ok)
		return place(main, count, answer, write);
	const u32 block = geometry_.block_sectors;
	IoStatus placed = IoStatus::ok;
	for (u32 done = 0; done < count && placed == IoStatus::ok; done += block) {
		const Answer before{answer.state, answer.place + done, block};
		placed = read_patiently(old.device, old.sector + done, block);
		if (placed == IoStatus::ok) {
			placed = place(main + done, block, before, write);
		} else if (placed == IoStatus::medium ||
			   (blame(placed) != Blame::path && spare_answers(old.device))) {
			placed = place(main + done, block, before, nothing, State::lost);
			*lost += block;
		}
	}
	return placed;
}

// A control read: does the device still answer at all? REQUIRES: nothing is in buffer_.
template <Platform P> bool Engine<P>::spare_answers(DeviceIndex device)
{
	return platform_.read(device, 0, buffer_, kBlockSectors) == IoStatus::ok;
}

// Nothing is on the member any more: the set goes on without it. What the log says of it still is behind a
// checkpoint then. REQUIRES: the lock.
template <Platform P> Status Engine<P>::forget_member(Refusal &why, u32 member)
{
	TRY(settle());
	const Place first = spares_.first_place(member);
	const Place end = spares_.end(member);
	if (space_.used_in(first, end) != bad_on(member)) {
		why.begin() << "MEMBER " << member << " is not empty yet; send the message again";
		return Error::in_use;
	}
	const DeviceIndex device = spares_.device(member);
	const Status removed = journal_.remove(member);
	if (removed.error() == Error::spare_io)
		why.begin() << "MEMBER " << member
			    << " is empty, but the other spares take no checkpoint, so it stays";
	TRY(removed);
	if (device != kNoDevice)
		debt_.leaves(platform_, device);
	Extent bad;
	while (next_bad(first, end, &bad)) {
		const u64 before = bad_around(bad.main, bad.length);
		TRY(bad_.remove(bad.main, bad.length));
		space_.release(bad.main, bad.length);
		entries_.add_relaxed(bad_around(bad.main, bad.length) - before);
	}
	return {};
}

}  // namespace remap
