// SPDX-License-Identifier: GPL-2.0-or-later
// One line for a log or a status bar.
#include <fmt/format.h>

#include "tools/dmremap-status/formats.h"
#include "tools/dmremap-status/units.h"

namespace dmremap {
namespace {

std::string of(const Number &number) { return number ? std::to_string(*number) : "-"; }

}  // namespace

std::string as_compact(const Report &report)
{
	const Timing &timing = report.timing;
	std::string line = fmt::format(
		"{}: health={}% latency={} throughput={} errors={} hotspots={}",
		report.version.empty() ? report.target : report.version, report.score,
		timing.average_ns ? fmt::format("{:.1f}us", microseconds(*timing.average_ns)) : "-",
		timing.bytes_per_second
			? fmt::format("{:.0f}MB/s", megabytes(*timing.bytes_per_second))
			: "-",
		report.errors, of(report.hotspots));
	if (!report.predecessor())
		line += fmt::format(" lost={} pending={} state={}", of(report.lost),
				    of(report.pending), report.state);
	return line + '\n';
}

}  // namespace dmremap
