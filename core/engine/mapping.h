// SPDX-License-Identifier: GPL-2.0-or-later
// The question an I/O asks and the answer it gets. The numbers are those of remap_core.h.
#pragma once

#include "core/platform/platform.h"

namespace remap {

enum class Op : u8 { read, write, write_zeroes, discard };

enum class Verdict : u8 {
	submit,      // send to `device` at `sector`
	hold,        // keep until the fence opens, then ask again
	defer,       // a write that changes the table: for Engine::deferred_write()
	fail_medium, // what the medium can no longer give
	fail_closed, // a write to a place in doubt until the next load, or what is on a missing spare
};

// Holds for the first `sectors` sectors of what was asked.
struct Mapping {
	Sector sector = 0;
	u32 sectors = 0;
	Verdict verdict = Verdict::submit;
	u8 device = kMainDevice;
};

}  // namespace remap
