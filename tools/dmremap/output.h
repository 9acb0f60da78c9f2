// SPDX-License-Identifier: GPL-2.0-or-later
// How a report leaves the program.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace dmremap {

// Ends the program with this code after all has been said.
struct Exit {
	int code;
};

// Names that came from a disk may hold any bytes; they are replaced, not refused.
inline void print_json(const nlohmann::ordered_json &report)
{
	fmt::print("{}\n", report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace dmremap
