// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/allocation.h"

#include <unistd.h>

#include <cerrno>

namespace remap::host {
namespace {

// A file system that cannot tell, and a device, have no holes.
Run run_of_file(int file, Sector sector, u64 limit)
{
	const off_t at = static_cast<off_t>(sector * kSectorBytes);
	const off_t end = static_cast<off_t>((sector + limit) * kSectorBytes);
	const off_t data = lseek(file, at, SEEK_DATA);
	if (data < 0 && errno == ENXIO)
		return {limit, true};
	if (data < 0)
		return {limit, false};
	const u64 whole = (min_of(data, end) - at) / kSectorBytes;
	if (whole)
		return {whole, true};
	const off_t hole = lseek(file, at, SEEK_HOLE);
	if (hole < 0 || hole >= end)
		return {limit, false};
	return {max_of<u64>((hole - at + kSectorBytes - 1) / kSectorBytes, 1), false};
}

}  // namespace

Run allocation_at(Volume &volume, Sector sector, u64 limit)
{
	const Answer answer = volume.engine().table().lookup(
		sector, min_of<u64>(limit, Table<ServingHost>::kMaxCallSectors));
	if (answer.state != State::none)
		return {answer.sectors, false};
	return run_of_file(volume.host().file(kMainDevice).descriptor(), sector, answer.sectors);
}

}  // namespace remap::host
