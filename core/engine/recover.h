// SPDX-License-Identifier: GPL-2.0-or-later
// Recovery: I/O that failed, and writes that change the table, carried out under a fence.
//
// This file has what reads and writes share: the way in, places on the spare, and the end of a
// step, which is where anything becomes true. recover_write.h and recover_read.h have the rest.
#pragma once

#include "core/engine/engine.h"

namespace remap {

// REQUIRES: `ticket` came from io_failed(). Sleeps. Returns how the I/O ends.
template <Platform P>
IoStatus Engine<P>::recover(Request request, Op op, Sector sector, u32 sectors, IoStatus status,
			    u8 ticket)
{
	Recovery io{request, op, sector, sectors, status, ticket};
	return recover(io);
}

template <Platform P>
IoStatus Engine<P>::deferred_write(Request request, Op op, Sector sector, u32 sectors)
{
	Recovery io{request, op, sector, sectors, IoStatus::ok, kPlainTicket};
	return recover(io);
}

template <Platform P> IoStatus Engine<P>::recover(Recovery &io)
{
	// Half a step, so that the physical blocks at its ends fit into one.
	constexpr u32 kMost = kStepSectors / 2;
	const bool failed = io.status != IoStatus::ok;
	IoStatus result = IoStatus::ok;
	bool unreadable = false;
	for (u32 done = 0; done < io.sectors && result == IoStatus::ok;) {
		u32 count = min_of(io.sectors - done, kMost);
		result = io.op == Op::read ? read_step(io, done, &count, &unreadable)
					   : write_step(io, done, &count);
		done += count;
	}
	if (result == IoStatus::ok && unreadable)
		result = IoStatus::medium;
	if (result != IoStatus::ok)
		io_failed(io.op);
	else if (failed)
		counters_.recovered.add_relaxed(1);
	return result;
}

// Sends a part of a request, from its sector `first` on, to a device. Zeros go as an ordinary
// write, which every device knows.
template <Platform P>
IoStatus Engine<P>::send(Recovery &io, u32 first, DeviceIndex device, Sector sector, u32 count)
{
	if (device != kMainDevice || io.op == Op::write_zeroes)
		debt_.writes(device);
	if (io.op != Op::write_zeroes)
		return platform_.forward(io.request, first, device, sector, count);
	io.zeroed |= 1u << device;
	__builtin_memset(buffer_, 0, kCopySectors * kSectorBytes);
	for (u32 done = 0; done < count;) {
		const u32 part = min_of(count - done, kCopySectors);
		const IoStatus sent = platform_.write(device, sector + done, buffer_, part);
		if (sent != IoStatus::ok)
			return sent;
		done += part;
	}
	if (device == kMainDevice)
		took_zeros_.store_relaxed(true); // of this the host does not know
	return IoStatus::ok;
}

// What belongs to the recovery at hand alone. REQUIRES: fenced.
template <Platform P> void Engine<P>::begin_recovery(Sector first)
{
	plan_.begin();
	marks_.begin(first);
	any_failed_ = false;
	step_began_ = platform_.seconds();
	step_remaps_ = step_rescues_ = 0;
	unproven_before_ = unproven_run_;
	for (DeviceIndex device = kFirstSpare; device < devices(); ++device)
		flush_failures_[device - kFirstSpare] = debt_.failures(device);
}

// Whether a step has lasted so long that the others who wait for the lock come first: a disk that fails may
// take half a minute for each sector. REQUIRES: something was done in it.
template <Platform P> bool Engine<P>::is_long() const
{
	constexpr u64 kSeconds = 2;
	return platform_.seconds() - step_began_ >= kSeconds;
}

// Makes stable what the recovery wrote to a spare. A device tells of a write that it lost once: a
// flush for others that failed meanwhile counts as well.
template <Platform P> IoStatus Engine<P>::flush_spare(DeviceIndex device)
{
	const IoStatus flushed = debt_.flush(platform_, device);
	const bool missed = debt_.failures(device) != flush_failures_[device - kFirstSpare];
	return flushed == IoStatus::ok && missed ? IoStatus::io : flushed;
}

// Whoever asked for zeros may have asked for stable ones (FUA), which such a write does not pass on.
template <Platform P> IoStatus Engine<P>::flush_zeros(Recovery &io, IoStatus done)
{
	for (DeviceIndex device = kMainDevice; device < devices(); ++device)
		if (done == IoStatus::ok && io.zeroed >> device & 1)
			done = device == kMainDevice ? debt_.flush(platform_, device)
						     : flush_spare(device);
	io.zeroed = 0;
	return done;
}

// Finds room for `count` sectors of main and writes them with write(device, sector, done, count).
// A place that refuses is bad, and the next one is tried. What is placed is in the plan. `before`:
// what the table says of them. `state`: what they are in their new place. Returns ok, or why they could
// not all be placed.
template <Platform P>
template <class Write>
IoStatus Engine<P>::place(Sector main, u32 count, const Answer &before, Write &&write, State state)
{
	const bool mapped = before.state == State::active || before.state == State::lost;
	u32 tries = kPlaces;
	for (u32 done = 0; done < count;) {
		if (!room_for_entries(mapped)) {
			judged(Judgement::table_full);
			return IoStatus::no_space;
		}
		const auto run = space_.allocate(count - done);
		if (!run.ok()) {
			const bool full = run.error() == Error::spare_full;
			judged(full ? Judgement::spare_full : Judgement::memory);
			if (full)
				exhausted_.store_relaxed(true);
			return full ? IoStatus::no_space : IoStatus::resource;
		}
		const Place place = run.value().start;
		const Address to = spares_.address(place, run.value().length);
		const u32 part = static_cast<u32>(to.sectors);
		if (part < run.value().length)
			space_.release(place + part, run.value().length - part);
		const IoStatus written = write(to.device, to.sector, done, part);
		if (written == IoStatus::ok) {
			const bool boundary = mapped ? begins(main + done)
						     : !plan_.continues(main + done, place);
			const Place old = before.place + done;
			if (plan_.add({main + done, part, place, state, boundary}, true,
				      mapped ? &old : nullptr)) {
				done += part;
				continue;
			}
			space_.release(place, part);
			return IoStatus::resource;
		}
		(void)settle(); // it may have taken long, and will: the others do not wait for that
		const bool sector = blame(written) != Blame::path;
		if (!sector || has_bug(platform_, Bug::failed_place_reused) ||
		    !plan_.add_bad(place, part))
			space_.release(place, part);
		if (!--tries) {
			judged(Judgement::spare);
			return written;
		}
		// Another spare may take it.
		if (tries < kPlaces - 1 || !sector)
			space_.leave(place);
	}
	return IoStatus::ok;
}

// Whether an extent as it was added begins at this mapped sector.
template <Platform P> bool Engine<P>::begins(Sector main) const
{
	Sector start;
	u64 length;
	return table_.added_extent(main, &start, &length) && start == main;
}

// A change makes two stretches more at most: it may split one. `mapped`: what must not fail may use
// the room that messages leave.
template <Platform P> bool Engine<P>::room_for_entries(bool mapped) const
{
	const u64 most = mapped ? spares_.entries() : spares_.max_extents();
	return entries_.load_relaxed() + 2 * (plan_.changes() + plan_.bad()) + 2 <= most;
}

// The end of an I/O's step, of whose sending `sent` came. What we could not do is nobody's business upward:
// the I/O fails as it did on the device.
template <Platform P>
IoStatus Engine<P>::finish_io(Step &step, const Recovery &io, IoStatus sent)
{
	const IoStatus own = io.status != IoStatus::ok ? io.status
			     : any_failed_	      ? failure_
						      : IoStatus::ok;
	const IoStatus finished = finish(step, sent);
	return finished == sent || own == IoStatus::ok ? finished : own;
}

// The end of a step: what is planned becomes stable, then true, then durable. Returns ok, or why it
// did not; `done`: what goes upward if all is well. Behind it nothing is left of the plan, and the
// lock may have been in others' hands. REQUIRES: fenced.
template <Platform P> IoStatus Engine<P>::finish(Step &step, IoStatus done)
{
	IoStatus result = done;
	give_back(make_plan_true(&result));
	count_remaps();
	for (u32 i = 0; i < plan_.changes(); ++i)
		if (plan_.change(i).moved &&
		    (moving_ || is_gone(plan_.change(i).old) ||
		     !plan_.add_bad(plan_.change(i).old, plan_.change(i).extent.length)))
			space_.release(plan_.change(i).old,
				       plan_.change(i).extent.length);
	if (plan_.empty())
		return result;
	if (!record_plan(step).ok()) {
		judged(Judgement::metadata);
		result = IoStatus::io;
	}
	log_resize();
	announce();
	return result;
}

// Returns how many changes were made; *result: why not all of them.
template <Platform P> u32 Engine<P>::make_plan_true(IoStatus *result)
{
	u32 written = 0;
	for (u32 i = 0; i < plan_.changes(); ++i) {
		const Extent &extent = plan_.change(i).extent;
		if (extent.state == State::active)
			written |= spares_.devices_of(extent.place, extent.length);
	}
	if (has_bug(platform_, Bug::commit_before_data))
		written = 0;
	if (has_bug(platform_, Bug::one_spare_flushed))
		written &= 1u << kFirstSpare;
	for (; written; written &= written - 1) {
		const IoStatus flushed = flush_spare(lowest_bit(written));
		if (flushed != IoStatus::ok) {
			judged(Judgement::spare);
			*result = flushed;
			return 0;
		}
	}
	for (u32 i = 0; i < plan_.changes(); ++i)
		if (!make_true(plan_.change(i).extent)) {
			judged(Judgement::memory);
			*result = IoStatus::resource;
			return i;
		}
	return plan_.changes();
}

// What has no place that failed, and frees none, waits for others like it. Places that failed come behind
// all other records, so they are settled at once; and so is what the log could not be told of later.
template <Platform P> Status Engine<P>::record_plan(Step &step)
{
	const bool revives = !plan_.fresh() && !plan_.bad();
	if (has_bug(platform_, revives ? Bug::lost_not_recorded : Bug::recovery_not_recorded)) {
		note_bad();
		plan_.begin();
		return {};
	}
	scan_near_plan();
	if (plan_.bad() || plan_.moved() || plan_.fresh() > Step::kTold)
		return record_alone(step);
	for (u32 i = 0; i < plan_.changes(); ++i)
		if (plan_.change(i).fresh)
			step.will_tell(plan_.change(i).extent);
	const Status staged = step.stage(Growth::free);
	plan_.begin();
	return staged.ok() ? step.wait() : staged;
}

template <Platform P> Status Engine<P>::record_alone(Step &step)
{
	(void)settle(); // if the others fail, so does this one
	Status recorded = step.stage(Growth::free);
	if (recorded.ok())
		recorded = step.settle();
	if (recorded.ok())
		told();
	plan_.begin();
	return recorded;
}

// What was remapped on trust and came to nothing leaves that trust as it was.
template <Platform P> void Engine<P>::count_remaps()
{
	if (!plan_.fresh()) {
		unproven_run_ = unproven_before_;
		return;
	}
	remaps_by_write_.add_relaxed(step_remaps_);
	remaps_by_read_.add_relaxed(step_rescues_);
	if (budget_.take(platform_.seconds(), policy_.budget_seconds, step_remaps_ + step_rescues_))
		platform_.notify();
}

template <Platform P> bool Engine<P>::make_true(const Extent &extent)
{
	if (extent.state == State::none)
		return table_.remove(extent.main, extent.length).ok();
	const Answer before = table_.lookup(extent.main, extent.length);
	const u64 lost = table_.lost_sectors();
	const bool in_place = before.state == State::lost && before.place == extent.place &&
			      before.sectors == extent.length;
	const bool made = in_place ? table_.set_state(extent.main, extent.length, extent.state).ok()
				   : table_.assign(extent).ok();
	if (extent.state == State::active)
		counters_.revived_sectors.add_relaxed(lost - table_.lost_sectors());
	return made;
}

// Of the changes from `from` on nothing comes.
template <Platform P> void Engine<P>::give_back(u32 from)
{
	for (u32 i = from; i < plan_.changes(); ++i)
		if (plan_.change(i).fresh)
			space_.release(plan_.change(i).extent.place,
				       plan_.change(i).extent.length);
	plan_.drop_changes(from);
}

// Together with the record, so that a checkpoint that follows it has them. What is in the table of bad
// places is never handed out: its places stay taken. For want of memory one is free again: whoever
// gets it finds out once more.
template <Platform P> void Engine<P>::note_bad()
{
	for (u32 i = 0; i < plan_.bad();) {
		const Plan::Run run = plan_.bad(i);
		const Sector place = run.place;
		const u64 before = bad_around(place, run.length);
		if (bad_.put({place, run.length, 0, State::pending, false}).ok()) {
			entries_.add_relaxed(bad_around(place, run.length) - before);
			++i;
		} else {
			space_.release(place, run.length);
			plan_.drop_bad(i);
		}
	}
}

template <Platform P> void Engine<P>::told()
{
	for (u32 i = 0; i < plan_.changes(); ++i) {
		const Extent &extent = plan_.change(i).extent;
		if (plan_.change(i).fresh)
			log_added(extent.main, extent.place, extent.length);
	}
}

}  // namespace remap
