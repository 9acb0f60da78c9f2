// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/linear_table.h"

#include <fmt/format.h>

namespace dmremap::loopback {
namespace {

[[noreturn]] void refuse(const std::string &name, const TableLine &line, const char *why)
{
	throw Failure(ExitCode::wrong_device,
		      fmt::format("the table of {} was not made by this program: '{}' {}", name,
				  line.text(), why));
}

// The device of a linear segment that maps 1:1.
std::string device_of(const std::string &name, const TableLine &line)
{
	const size_t space = line.arguments.find(' ');
	if (space == std::string::npos ||
	    line.arguments.substr(space + 1) != std::to_string(line.start))
		refuse(name, line, "does not map a sector to the same sector below");
	return line.arguments.substr(0, space);
}

}  // namespace

Table LinearTable::table() const
{
	const uint64_t unit = sector_bytes / kTableSectorBytes;
	Table lines;
	uint64_t at = 0;
	const auto good_until = [&](uint64_t end) {
		if (end > at)
			lines.push_back({at * unit, (end - at) * unit, "linear",
					 fmt::format("{} {}", device, at * unit)});
	};
	if (2 * bad.ranges().size() > kMaxSegments + 1)
		throw too_many_segments(fmt::format("{} bad sectors", bad.count()));
	for (const Range &range : bad.ranges()) {
		good_until(range.first);
		lines.push_back({range.first * unit, range.count * unit, "error", ""});
		at = range.end();
	}
	good_until(sectors);
	if (lines.size() > kMaxSegments)
		throw too_many_segments(fmt::format("{} bad sectors", bad.count()));
	return lines;
}

LinearTable LinearTable::parse(const Table &table, const std::string &name, uint64_t sector_bytes)
{
	const uint64_t unit = sector_bytes / kTableSectorBytes;
	LinearTable found{"", sector_bytes, 0, {}};
	std::vector<Range> bad;
	for (const TableLine &line : table) {
		if (line.start % unit || line.length % unit)
			refuse(name, line, "is not whole sectors of the size in use");
		if (line.target == "error") {
			bad.push_back({line.start / unit, line.length / unit});
		} else if (line.target == "linear") {
			const std::string device = device_of(name, line);
			if (!found.device.empty() && found.device != device)
				refuse(name, line, "is on another device than those before");
			found.device = device;
		} else {
			refuse(name, line, "is neither linear nor error");
		}
		found.sectors = (line.start + line.length) / unit;
	}
	found.bad = BadSectors(std::move(bad));
	return found;
}

}  // namespace dmremap::loopback
