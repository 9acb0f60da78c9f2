// SPDX-License-Identifier: GPL-2.0-or-later
// Table: the table of a mapped device, line by line, as device-mapper takes it. Sectors here are
// device-mapper's own: 512 bytes, whatever the set-up's are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/common/failure.h"

namespace dmremap::loopback {

// DM_MAX_TARGETS in the kernel's dm-core.h (since 6.8, and in the stable series before it).
constexpr uint64_t kMaxSegments = 1048576;
constexpr uint64_t kTableSectorBytes = 512;

struct TableLine {
	uint64_t start = 0;
	uint64_t length = 0;
	std::string target;
	std::string arguments;

	std::string text() const;
	friend bool operator==(const TableLine &, const TableLine &) = default;
};

using Table = std::vector<TableLine>;

std::string to_text(const Table &table);

// The refusal of a table that device-mapper would not take; `what` asked for it.
Failure too_many_segments(const std::string &what);

}  // namespace dmremap::loopback
