// SPDX-License-Identifier: GPL-2.0-or-later
// What of a volume reads as zeros for sure: a hole of main's file in which nothing is mapped. All else
// is data.
#pragma once

#include "host/volume.h"

namespace remap::host {

struct Run {
	u64 sectors; // from the one asked for
	bool hole;
};

// On the reactor's thread. REQUIRES: limit is not 0, and the range is in the volume. What is behind the
// run may be of the same kind.
Run allocation_at(Volume &volume, Sector sector, u64 limit);

}  // namespace remap::host
