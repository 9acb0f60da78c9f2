// SPDX-License-Identifier: GPL-2.0-or-later
// The shell script of --output-script: the same set-up with the system's own programs, for a machine
// without this one, or to be changed by hand.
#pragma once

#include <string>

#include "tools/dm-remap-loopback-setup/plan.h"

namespace dmremap::loopback {

std::string set_up_script(const Plan &plan);
// `table` is the one to be loaded.
std::string add_script(const Table &table);

// Replaces `path` as a whole. A file that is no such script stays: throws Failure.
void write_script(const std::string &path, const std::string &text);

}  // namespace dmremap::loopback
