// SPDX-License-Identifier: GPL-2.0-or-later
// Copying a fenced range between main and its place on the spare.
//
// A sector of main that cannot be read becomes `lost`, which an operator cannot take back. So an
// error counts as a bad sector only if it looks like one: a medium error at once, a fault without
// a reason only when main still answers a read elsewhere; errors of the path to the device never.
#pragma once

#include "core/engine/engine.h"

namespace remap {

// Whether the message at work is to end. Asked between I/Os, since a dying disk may take half a
// minute for each.
template <Platform P> bool Engine<P>::told_to_stop()
{
	return suspending_.load_acquire() || platform_.stop_requested();
}

// Copies what can be read, marks the rest in unreadable_, and makes the copy stable.
// REQUIRES: the place is contiguous on the device. Errors: main_io, spare_io, interrupted.
template <Platform P>
Status Engine<P>::copy_to_spare(Refusal &why, Sector main, Place place, u64 length)
{
	const Address to = spares_.address(place, length);
	const DeviceIndex spare = to.device;
	const u64 failures = debt_.failures(spare);
	for (u64 done = 0; done < length;) {
		if (told_to_stop())
			return Error::interrupted;
		const u32 count = static_cast<u32>(min_of<u64>(length - done, kCopySectors));
		const IoStatus read = platform_.read(kMainDevice, main + done, buffer_, count);
		if (read == IoStatus::ok) {
			const IoStatus written =
				debt_.write(platform_, spare, to.sector + done, buffer_, count);
			if (written != IoStatus::ok)
				return spare_failed(why, spare, "cannot be written", written);
			counters_.copied_sectors.add_relaxed(count);
		} else {
			TRY(copy_block_by_block(why, main + done, {spare, to.sector + done, count}, count));
		}
		done += count;
	}
	if (has_bug(platform_, Bug::commit_before_data) ||
	    (spare != kFirstSpare && has_bug(platform_, Bug::one_spare_flushed)))
		return {};
	IoStatus flushed = debt_.flush(platform_, spare);
	// One in between, for the records of others, may have been told what became of the copy.
	if (flushed == IoStatus::ok && debt_.failures(spare) != failures)
		flushed = IoStatus::io;
	return flushed == IoStatus::ok ? Status{}
				       : spare_failed(why, spare, "cannot be flushed", flushed);
}

template <Platform P>
Status Engine<P>::copy_block_by_block(Refusal &why, Sector main, const Address &to, u64 length)
{
	const u32 block = geometry_.block_sectors;
	// From here on each I/O may take half a minute: the others do not wait for that. Whether it
	// succeeds matters to them; this step learns it when it records.
	(void)settle();
	for (u64 done = 0; done < length; done += block) {
		if (told_to_stop())
			return Error::interrupted;
		const IoStatus read = read_patiently(kMainDevice, main + done, block);
		if (!TRY(readable(why, main + done, block, read)))
			continue;
		const IoStatus written =
			debt_.write(platform_, to.device, to.sector + done, buffer_, block);
		if (written != IoStatus::ok)
			return spare_failed(why, to.device, "cannot be written", written);
		counters_.copied_sectors.add_relaxed(block);
	}
	return {};
}

// Into buffer_, with as many retries as the policy has: whatever cannot be read after that is lost.
template <Platform P>
IoStatus Engine<P>::read_patiently(DeviceIndex device, Sector sector, u32 count)
{
	IoStatus status = platform_.read(device, sector, buffer_, count);
	for (u32 i = 0; i < policy_.retries; ++i) {
		if (status == IoStatus::ok || blame(status) == Blame::path)
			break;
		status = platform_.read(device, sector, buffer_, count);
	}
	return status;
}

// Whether a block was read; false and marked when its content is gone. Errors: main_io when the
// failure says nothing about the sector.
template <Platform P>
Result<bool> Engine<P>::readable(Refusal &why, Sector main, u32 sectors, IoStatus status)
{
	if (status == IoStatus::ok)
		return true;
	const bool faulty = status == IoStatus::medium ||
			    ((status == IoStatus::target || status == IoStatus::io) &&
			     main_answers(main));
	if (!faulty) {
		why.begin() << "main failed at sector " << main << " (" << text_of(status)
				 << "), which does not look like a bad sector";
		return Error::main_io;
	}
	unreadable_.add(main, sectors);
	counters_.lost_sectors_found.add_relaxed(sectors);
	return false;
}

// A control read far from the sector that failed: does the device still answer at all?
template <Platform P> bool Engine<P>::main_answers(Sector failed)
{
	const u32 block = geometry_.block_sectors;
	const Sector blocks = geometry_.main_sectors / block;
	constexpr u32 kProbes = 4;
	for (u32 i = 0; i < kProbes; ++i) {
		const Sector probe = (blocks - 1) * i / (kProbes - 1) * block;
		const Sector distance = probe > failed ? probe - failed : failed - probe;
		if (distance < kCopySectors)
			continue;
		const IoStatus answer =
			has_bug(platform_, Bug::control_write)
				? platform_.write(kMainDevice, probe, buffer_, block)
				: platform_.read(kMainDevice, probe, buffer_, block);
		if (answer == IoStatus::ok)
			return true;
	}
	return false;
}

// Copies a mapped range back. The caller flushes main. Errors: main_io, spare_io, interrupted.
template <Platform P>
Status Engine<P>::copy_back(Refusal &why, Sector main, Place place, u64 length)
{
	const Address from = spares_.address(place, length);
	if (from.device == kNoDevice) {
		why.begin() << "the spare that holds sector " << main << " is missing";
		return Error::spare_io;
	}
	for (u64 done = 0; done < length;) {
		if (told_to_stop())
			return Error::interrupted;
		const u32 count = static_cast<u32>(min_of<u64>(length - done, kCopySectors));
		const IoStatus read = platform_.read(from.device, from.sector + done, buffer_, count);
		if (read != IoStatus::ok)
			return spare_failed(why, from.device, "cannot be read", read);
		const IoStatus written =
			debt_.write(platform_, kMainDevice, main + done, buffer_, count);
		if (written != IoStatus::ok) {
			why.begin() << "main refused the data at sector "
						 << main + done << " (" << text_of(written)
						 << "); the range stays mapped";
			return Error::main_io;
		}
		counters_.returned_sectors.add_relaxed(count);
		done += count;
	}
	return {};
}

template <Platform P>
Status Engine<P>::spare_failed(Refusal &why, DeviceIndex device, const char *what, IoStatus status)
{
	why.begin() << spare_name(device, geometry_.spares.count) << ' ' << what << " ("
		    << text_of(status) << ")";
	return Error::spare_io;
}

}  // namespace remap
