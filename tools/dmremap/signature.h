// SPDX-License-Identifier: GPL-2.0-or-later
// What other programs would find on a device: file systems, RAID members, partition tables.
#pragma once

#include <string>

namespace dmremap {

// The kind of the first signature that libblkid knows on the device or file ("ext4", "gpt"); empty:
// none. Throws Failure when it cannot be asked.
std::string signature_on(const std::string &path);

}  // namespace dmremap
