// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/posix_host.h"

#include <sys/random.h>

#include <cstdlib>

#include "host/memory.h"

namespace remap::host {

void *PosixHost::allocate(usize bytes) { return allocate_zeroed(bytes); }
void PosixHost::deallocate(void *memory, usize) { std::free(memory); }

DeviceFile *PosixHost::device(DeviceIndex index)
{
	if (index == kMainDevice)
		return main_;
	return index - kFirstSpare < spares_.size() ? spares_[index - kFirstSpare] : nullptr;
}

IoStatus PosixHost::read(DeviceIndex index, Sector sector, void *buffer, u32 count)
{
	DeviceFile *file = device(index);
	return file ? file->read(sector, buffer, count) : IoStatus::transport;
}

// Main is nobody's to write but the user's.
IoStatus PosixHost::write(DeviceIndex index, Sector sector, const void *data, u32 count)
{
	DeviceFile *file = device(index);
	if (!writable_ || index == kMainDevice || !file)
		return IoStatus::not_supported;
	++writes_;
	return file->write(sector, data, count);
}

IoStatus PosixHost::flush(DeviceIndex index)
{
	if (!writable_)
		return IoStatus::ok;
	DeviceFile *file = device(index);
	return file ? file->flush() : IoStatus::transport;
}

bool PosixHost::random(void *buffer, usize bytes)
{
	return getrandom(buffer, bytes, 0) == static_cast<ssize_t>(bytes);
}

}  // namespace remap::host
