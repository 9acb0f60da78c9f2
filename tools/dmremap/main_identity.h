// SPDX-License-Identifier: GPL-2.0-or-later
// The identity of a disk: its WWN or serial number as sysfs has them, in the form that the feature
// `main_id` and the superblock take. Stored at format, compared ever after, so that another disk under
// the same path is not taken for main.
//
// The first of these attributes of the disk that says anything:
//
//	wwid            nvme: of the namespace, not of the controller
//	device/wwid     scsi and ata: "naa.5000c500a1b2c3d4", "t10.ATA     MODEL   SERIAL"
//	device/cid      mmc
//	serial          virtio
//	device/serial   the rest of those that have one
//
// Blanks at the ends are dropped; each run of characters that a table line could not give back
// (blanks, backslashes, what is not printable ASCII) becomes one '_'. A value without a letter or
// digit other than 0 says nothing: that is what firmware without a serial number answers. A partition
// is its disk, '@' and its first sector, which a new number in the partition table does not change.
// What is then longer than 64 characters keeps its first 47, a '~', and 16 hexadecimal digits of a
// hash (FNV-1a) of the whole.
//
// Loop, ram and mapped devices, md arrays and image files have no identity.
#pragma once

#include <sys/types.h>

#include <string>

namespace dmremap {

// Of a block device by number; empty: none. `sysfs` is where sysfs is mounted.
std::string main_identity(dev_t device, const std::string &sysfs = "/sys");

// The same by path; empty also for what is no block device.
std::string main_identity(const std::string &path);

// `raw` as an identity; empty: it says nothing.
std::string cleaned_identity(const std::string &raw);

}  // namespace dmremap
