// SPDX-License-Identifier: GPL-2.0-or-later
// Reading the table that a mapped device uses. Not through libdevmapper: whenever a reply did not fit, it
// doubles all buffers that it makes from then on, and after a table of thousands of lines was read, the
// request to load one like it is many times too large.
#pragma once

#include <string>

#include "tools/dm-remap-loopback-setup/table.h"

namespace dmremap::loopback {

// Throws Failure.
Table read_table(const std::string &name);

// The same from what the kernel answered: `count` targets, the first at `reply`.
Table parse_reply(const char *reply, size_t bytes, uint32_t count);

}  // namespace dmremap::loopback
