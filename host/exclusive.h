// SPDX-License-Identifier: GPL-2.0-or-later
// Exclusive use of an image file. A block device has O_EXCL for that, which device-mapper, mounts
// and other programs of the kind honour; for a file it is a lock, and nobody's loop device.
#pragma once

#include <sys/stat.h>

#include <string>

namespace remap::host {

// Takes the lock, which is kept until `fd` is closed. Throws OpenFailure with EBUSY.
void take_file(int fd, const std::string &path);

// The loop device that is backed by this file ("/dev/loop0"); empty: none.
std::string loop_device_of(const struct stat &file);

}  // namespace remap::host
