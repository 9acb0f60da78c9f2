// SPDX-License-Identifier: GPL-2.0-or-later
// The status line as `dmsetup status` prints it, ours and the predecessor's of 31 fields, with or
// without the name of the device in front.
#pragma once

#include <string>

#include "tools/dmremap-status/report.h"

namespace dmremap {

// Throws Failure with one sentence that says which field is wrong and what it should be. Fields behind
// those of today are let pass: the line is only ever appended to.
Report parse_status_line(const std::string &line);

// The only line of `text` that has anything in it. `source` is for the sentence.
std::string only_line(const std::string &text, const std::string &source);

}  // namespace dmremap
