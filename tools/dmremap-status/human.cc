// SPDX-License-Identifier: GPL-2.0-or-later
// A box with the sections PERFORMANCE, HEALTH and REMAPPING.
#include <fmt/format.h>

#include "core/health/score.h"
#include "tools/dmremap-status/box.h"
#include "tools/dmremap-status/formats.h"
#include "tools/dmremap-status/units.h"

namespace dmremap {
namespace {

std::string size_text(uint64_t sectors)
{
	const double gb = gigabytes(sectors);
	const std::string size =
		gb >= 1 ? fmt::format("{:.1f} GB", gb) : fmt::format("{:.1f} MB", gb * 1024);
	return fmt::format("{} ({} sectors)", size, sectors);
}

Colour colour_of(uint32_t score)
{
	return score >= 80 ? Colour::green : score >= 60 ? Colour::yellow : Colour::red;
}

// Any of a bad thing is marked.
std::string counted(const Box &box, uint64_t bad)
{
	return bad ? box.paint(Colour::yellow, fmt::format("{} !", bad))
		   : "0 " + box.paint(Colour::green, "✓");
}

void text_row(Box &box, const char *label, const std::string &value)
{
	if (!value.empty())
		box.row(label, value);
}

void describe(Box &box, const Report &report)
{
	text_row(box, "Device Name", report.name);
	text_row(box, "Device Version", report.version);
	box.row("Device Size", size_text(report.sectors));
	box.line("");
	text_row(box, "Main Device", report.main);
	text_row(box, "Spare Device", report.spare);
	if (report.spare_sectors)
		box.row("Spare Capacity", size_text(*report.spare_sectors));
}

void not_measured(Box &box, const Report &report)
{
	box.row("Avg Latency", "not measured");
	box.row("Throughput", "not measured");
	box.row("I/O Operations", "not measured");
	box.line(report.live ? fmt::format("    └─ dmremap-status --measure {} switches it on",
					   report.name)
			     : "    └─ a status line does not tell it: ask the device");
}

void performance(Box &box, const Report &report)
{
	const Timing &timing = report.timing;
	box.section("PERFORMANCE");
	if (!timing.known())
		return not_measured(box, report);
	if (timing.average_ns) {
		const std::string word = latency_word(*timing.average_ns);
		const Colour colour = *timing.average_ns < 50000    ? Colour::green
				      : *timing.average_ns < 100000 ? Colour::yellow
								    : Colour::red;
		box.row("Avg Latency",
			fmt::format("{:.1f} μs  [{}]", microseconds(*timing.average_ns),
				    box.paint(colour, word)));
	} else {
		box.row("Avg Latency", "no I/O yet");
	}
	box.row("Throughput", timing.bytes_per_second
				      ? fmt::format("{:.0f} MB/s", megabytes(*timing.bytes_per_second))
				      : "no I/O yet");
	box.row("I/O Operations", fmt::format("{} completed", *timing.ios));
}

void health(Box &box, const Report &report)
{
	box.section("HEALTH");
	box.row("Health Score",
		fmt::format("[{} {}/100]",
			    box.paint(colour_of(report.score), remap::health_word(report.score)),
			    report.score));
	const bool well = report.state == "operational";
	box.row("Operational State",
		box.paint(well ? Colour::green : Colour::red, report.state));
	box.row("Errors", counted(box, report.errors));
	if (report.hotspots)
		box.row("Hotspots", counted(box, *report.hotspots));
	if (report.lost)
		box.row("Lost Sectors", counted(box, *report.lost));
	if (report.pending)
		box.row("Pending Sectors", counted(box, *report.pending));
	if (!report.metadata.flags.empty())
		box.row("Flags", fmt::format("{}", fmt::join(report.metadata.flags, ", ")));
	text_row(box, "Last Refusal", report.last_error);
}

std::string share(uint64_t part, uint64_t whole)
{
	const double percent =
		whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
	return fmt::format("{} / {} ({:.1f}%)", part, whole, percent);
}

void remapping(Box &box, const Report &report)
{
	box.section("REMAPPING");
	box.row("Active Remaps", fmt::format("{}", report.extents));
	// A share only where both were counted over the same time.
	if (report.remapped_ios)
		box.row("Remapped I/O", report.normal_ios && report.total_ios
						? share(*report.remapped_ios, *report.total_ios)
						: fmt::format("{}", *report.remapped_ios));
	box.row("Remapped Sectors", fmt::format("{}", report.remapped_sectors));
	if (report.spare_used)
		box.row("Spare Used", share(*report.spare_used, report.spare_sectors.value_or(0)));
	if (report.metadata.used)
		box.row("Metadata Used",
			share(*report.metadata.used, report.metadata.total.value_or(0)));
	if (report.reads && report.writes)
		box.row("Total I/O",
			fmt::format("{} reads, {} writes", *report.reads, *report.writes));
}

}  // namespace

std::string as_human(const Report &report, bool colours)
{
	Box box("dm-remap Status", colours);
	describe(box, report);
	performance(box, report);
	health(box, report);
	remapping(box, report);
	return box.finish();
}

}  // namespace dmremap
