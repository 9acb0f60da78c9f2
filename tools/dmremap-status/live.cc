// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap-status/live.h"

#include <fmt/format.h>
#include <libdevmapper.h>

#include <cstdio>
#include <sstream>

#include "tools/common/device.h"
#include "tools/dmremap-status/measurement.h"
#include "tools/dmremap-status/status_line.h"

namespace dmremap {
namespace {

using Values = std::map<std::string, std::string>;

std::string text(const Values &values, const char *key)
{
	const auto found = values.find(key);
	return found == values.end() ? "" : found->second;
}

Number number(const Values &values, const char *key)
{
	uint64_t value = 0;
	return std::istringstream(text(values, key)) >> value ? Number(value) : Number();
}

// "8:16", as a table has it, by its name in /dev; anything else stays.
std::string device_path(const std::string &word)
{
	unsigned int major = 0;
	unsigned int minor = 0;
	char rest = 0;
	char name[256];
	if (std::sscanf(word.c_str(), "%u:%u%c", &major, &minor, &rest) != 2 ||
	    !dm_device_get_name(major, minor, 1, name, sizeof(name)))
		return word;
	return std::string("/dev/") + name;
}

void add_table(const Device &device, Report *report)
{
	std::istringstream words(device.table().words);
	words >> report->main >> report->spare;
	report->main = device_path(report->main);
	report->spare = device_path(report->spare);
}

void add_status(const Values &status, Report *report)
{
	if (const Number sectors = number(status, "block_sectors"))
		report->block_bytes = *sectors * 512;
	report->metadata.set = text(status, "set");
	report->metadata.generation = number(status, "generation");
	report->metadata.copies = number(status, "copies");
	report->last_error = text(status, "last_error");
}

void add_stats(const Values &stats, Report *report)
{
	report->errors += number(stats, "flush_errors").value_or(0);
	const Number reads = number(stats, "remapped_reads");
	const Number writes = number(stats, "remapped_writes");
	if (reads && writes)
		report->remapped_ios = *reads + *writes;
}

void add_measurement(const std::optional<Measurement> &measurement, Report *report)
{
	if (!measurement)
		return;
	report->reads = measurement->reads;
	report->writes = measurement->writes;
	report->total_ios = measurement->reads + measurement->writes;
	report->timing = measurement->timing();
}

}  // namespace

Report live_report(const std::string &name, bool measure)
{
	const Device device(name);
	Report report = parse_status_line(device.status().text());
	report.name = device.name();
	report.live = true;
	report.version = device.version();
	add_table(device, &report);
	add_status(device.values("status"), &report);
	add_stats(device.values("stats"), &report);
	if (measure)
		begin_measuring(device.name(), report.sectors);
	add_measurement(measured(device.name(), report.sectors), &report);
	return report;
}

}  // namespace dmremap
