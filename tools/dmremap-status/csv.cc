// SPDX-License-Identifier: GPL-2.0-or-later
// One line of values below one line of names, quoted as RFC 4180 has it.
#include <fmt/format.h>

#include "core/health/score.h"
#include "tools/dmremap-status/formats.h"
#include "tools/dmremap-status/units.h"

namespace dmremap {
namespace {

constexpr const char *kHeader =
	"timestamp,device,version,size_gb,health_score,health_status,operational_state,"
	"avg_latency_us,throughput_mbps,total_reads,total_writes,total_errors,active_remaps,"
	"remapped_ios,remapped_sectors,cache_hit_rate,total_ios_completed,hotspots\n";

std::string of(const std::string &text)
{
	if (text.find_first_of(",\"\r\n") == std::string::npos)
		return text;
	std::string quoted = "\"";
	for (const char c : text)
		quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
	return quoted + '"';
}

std::string of(const Number &number) { return number ? std::to_string(*number) : ""; }

}  // namespace

std::string as_csv(const Report &report, bool header)
{
	const Timing &timing = report.timing;
	const std::string values[] = {
		timestamp(),
		of(report.main),
		of(report.version),
		fmt::format("{:.1f}", gigabytes(report.sectors)),
		std::to_string(report.score),
		remap::health_word(report.score),
		report.state,
		timing.average_ns ? fmt::format("{:.1f}", microseconds(*timing.average_ns)) : "",
		timing.bytes_per_second
			? fmt::format("{:.0f}", megabytes(*timing.bytes_per_second))
			: "",
		of(report.reads),
		of(report.writes),
		std::to_string(report.errors),
		std::to_string(report.extents),
		of(report.remapped_ios),
		std::to_string(report.remapped_sectors),
		of(report.cache_hit_percent),
		of(timing.ios),
		of(report.hotspots),
	};
	return fmt::format("{}{}\n", header ? kHeader : "", fmt::join(values, ","));
}

}  // namespace dmremap
