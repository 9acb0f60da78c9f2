// SPDX-License-Identifier: GPL-2.0-or-later
// The formats, a file each: a report as text that ends with a newline. What is not known is null in
// JSON, empty in CSV, '-' in a compact line, and in the box either said in words or left out.
#pragma once

#include <string>

#include "tools/dmremap-status/report.h"

namespace dmremap {

std::string as_human(const Report &report, bool colours);
std::string as_json(const Report &report);
std::string as_csv(const Report &report, bool header);
std::string as_compact(const Report &report);

}  // namespace dmremap
