// SPDX-License-Identifier: GPL-2.0-or-later
// The report of a mapped device: its status line, and what its messages, its table and dm-stats add.
#pragma once

#include <string>

#include "tools/dmremap-status/report.h"

namespace dmremap {

// Asks the device. Throws Failure when it is not there or not one of ours. With `measure` it is
// measured from now on, if it is not yet.
Report live_report(const std::string &name, bool measure);

}  // namespace dmremap
