// SPDX-License-Identifier: GPL-2.0-or-later
// A random choice of sectors that is the same for the same seed, on every machine.
#pragma once

#include <cstdint>

#include "tools/dm-remap-loopback-setup/bad_sectors.h"

namespace dmremap::loopback {

// Chooses exactly `count` of the `total` sectors, each as likely as any other, none of those that are
// `bad` already. Throws Failure when there are not so many left, or when so many could not be put
// into a table.
BadSectors choose_sectors(uint64_t count, uint64_t total, const BadSectors &bad, uint64_t seed);

// A seed for a choice that nobody asked to be repeated; short enough to be typed again.
uint64_t new_seed();

}  // namespace dmremap::loopback
