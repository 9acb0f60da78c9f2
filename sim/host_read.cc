// SPDX-License-Identifier: GPL-2.0-or-later
// Reads of main and of the spares, and how often the core tries before it gives a block of main up.
#include "sim/host.h"

#include <algorithm>

namespace remap::sim {

// Of main: one of the sectors may turn out to need some tries.
IoStatus Host::read_disk(DeviceIndex device, Sector sector, Content *out, u32 count)
{
	const u32 failing = device == kMainDevice ? trouble.failing_reads(chance) : 0;
	const Sector one = failing ? sector + chance.below(count) : sector;
	if (failing && !main.is_flaky(one)) {
		kinds.count(Kind::flaky);
		main.make_flaky(one, failing);
	}
	return disk(device).read(sector, out, count);
}

IoStatus Host::read(DeviceIndex device, Sector sector, void *buffer, u32 count)
{
	point();
	scratch_.resize(count);
	const IoStatus status = read_disk(device, sector, scratch_.data(), count);
	say("core reads", device, sector, count, status);
	if (device == kMainDevice && count == shape.block)
		tried(sector, status);
	if (status != IoStatus::ok) {
		trouble.note();
		kinds.count(Kind::unread);
		return status;
	}
	for (u32 i = 0; i < count; ++i)
		contents.spell(scratch_[i], static_cast<u8 *>(buffer) + usize{i} * kSectorBytes);
	return status;
}

IoStatus Host::scan_read(Sector sector, u32 count)
{
	point();
	std::vector<Content> nobody(count);
	const IoStatus status = read_disk(kMainDevice, sector, nobody.data(), count);
	say("scan reads", kMainDevice, sector, count, status);
	if (status == IoStatus::ok)
		return status;
	trouble.note();
	kinds.count(Kind::scanned);
	users->scan_failed(sector, count);
	return status;
}

// The core has read a block of main, or could not.
void Host::tried(Sector block, IoStatus status)
{
	const bool ok = status == IoStatus::ok;
	for (u32 i = 0; !ok && i < shape.block; ++i)
		excused[block + i] = true;
	const auto found = fibers.inside() ? tries_.find(fibers.current()) : tries_.end();
	if (found == tries_.end() || (ok && !found->second.contains(block)))
		return;
	Tries &tries = found->second[block];
	tries.failed += !ok;
	tries.came_back = ok;
}

void Host::begin_tries() { tries_[fibers.current()].clear(); }

Host::TriesOf Host::end_tries()
{
	const auto found = tries_.find(fibers.current());
	TriesOf of = std::move(found->second);
	tries_.erase(found);
	return of;
}

} // namespace remap::sim
