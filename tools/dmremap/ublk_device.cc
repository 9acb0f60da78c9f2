// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/ublk_device.h"

#include <unistd.h>

#include "host/unix_socket.h"

namespace dmremap {
namespace {

remap::frontend::ublk::Shape shape_of(remap::host::Volume &volume)
{
	return {volume.sectors(), volume.block_bytes(),
		volume.host().file(remap::kMainDevice).physical_block()};
}

}  // namespace

UblkDevice::UblkDevice(remap::host::Volume &volume, const std::string &name)
    : ServedDevice(volume),
      disk_(volume, shape_of(volume), remap::host::run_directory() + "/" + name)
{
}

// The kernel may write to it at any time from now on, so it counts as a user.
std::string UblkDevice::make()
{
	disk_.start();
	started_.store(true);
	volume_.host().count_users(1);
	return disk_.path();
}

// The driver writes out what is mounted since Linux 6.5; before, it would be lost.
void UblkDevice::take_away()
{
	if (in_use())
		sync();
	disk_.stop();
	if (started_.exchange(false))
		volume_.host().count_users(-1);
}

}  // namespace dmremap
