// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap-status/measurement.h"

#include <fmt/format.h>
#include <libdevmapper.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <sstream>

#include "tools/common/failure.h"

namespace dmremap {
namespace {

constexpr const char *kProgram = "dmremap-status";

struct StatsDeleter {
	void operator()(dm_stats *stats) const { dm_stats_destroy(stats); }
};
using Stats = std::unique_ptr<dm_stats, StatsDeleter>;
using Buffer = std::unique_ptr<char, std::function<void(char *)>>;

constexpr uint64_t kMillisecond = 1000000;

// REQUIRES: errno was 0 before; libdevmapper has no error of it.
[[noreturn]] void unanswered(const std::string &device)
{
	if (errno == ENOMEM)
		throw Failure(ExitCode::no_memory,
			      fmt::format("{}: dm-stats does not answer: {}", device, strerror(ENOMEM)));
	throw Failure(ExitCode::wrong_device, device + ": dm-stats does not answer");
}

// With the list of regions, whoever made them.
Stats open_stats(const std::string &device)
{
	errno = 0;
	Stats stats(dm_stats_create(kProgram));
	if (!stats || !dm_stats_bind_name(stats.get(), device.c_str()) ||
	    !dm_stats_list(stats.get(), DM_STATS_ALL_PROGRAMS))
		unanswered(device);
	return stats;
}

bool covers(const dm_stats *stats, uint64_t region, uint64_t sectors)
{
	uint64_t start = 0;
	uint64_t length = 0;
	return dm_stats_region_present(stats, region) &&
	       dm_stats_get_region_nr_areas(stats, region) == 1 &&
	       dm_stats_get_region_start(stats, &start, region) &&
	       dm_stats_get_region_len(stats, &length, region) && start == 0 && length >= sectors;
}

// Rather one with nanoseconds than one with milliseconds.
std::optional<uint64_t> usable_region(dm_stats *stats, uint64_t sectors)
{
	std::optional<uint64_t> found;
	if (!dm_stats_get_nr_regions(stats))
		return found;
	dm_stats_foreach_region(stats) {
		const uint64_t region = dm_stats_get_current_region(stats);
		if (!covers(stats, region, sectors))
			continue;
		if (dm_stats_get_region_precise_timestamps(stats, region))
			return region;
		if (!found)
			found = region;
	}
	return found;
}

// One area: <start>+<length>, and the counters of Documentation/admin-guide/iostats.rst in their order,
// times in units of `unit` nanoseconds. libdevmapper parses this as well (dm_stats_populate), but sets
// the counters to zero by doing so, and looking must not change what the next one sees.
std::optional<Measurement> parse_counters(const char *text, uint64_t unit)
{
	std::istringstream stream(text);
	std::string area;
	uint64_t counter[10];
	stream >> area;
	for (uint64_t &value : counter)
		stream >> value;
	if (!stream)
		return {};
	Measurement result;
	result.reads = counter[0];
	result.writes = counter[4];
	result.bytes = (counter[2] + counter[6]) * 512;
	result.total_ns = (counter[3] + counter[7]) * unit;
	result.busy_ns = counter[9] * unit;
	return result;
}

}  // namespace

Timing Measurement::timing() const
{
	Timing timing;
	const uint64_t ios = reads + writes;
	timing.ios = ios;
	timing.total_ns = total_ns;
	if (ios)
		timing.average_ns = total_ns / ios;
	if (busy_ns)
		timing.bytes_per_second = static_cast<uint64_t>(static_cast<double>(bytes) * 1e9 /
								static_cast<double>(busy_ns));
	return timing;
}

std::optional<Measurement> measured(const std::string &device, uint64_t sectors)
{
	const Stats stats = open_stats(device);
	const auto region = usable_region(stats.get(), sectors);
	if (!region)
		return {};
	errno = 0;
	const Buffer text(dm_stats_print_region(stats.get(), *region, 0, 0, 0),
			  [&](char *buffer) { dm_stats_buffer_destroy(stats.get(), buffer); });
	if (!text)
		unanswered(device);
	const bool precise = dm_stats_get_region_precise_timestamps(stats.get(), *region);
	const auto result = parse_counters(text.get(), precise ? 1 : kMillisecond);
	if (!result)
		throw Failure(ExitCode::wrong_device,
			      device + ": dm-stats answers what is not understood");
	return result;
}

void begin_measuring(const std::string &device, uint64_t sectors)
{
	const Stats stats = open_stats(device);
	if (usable_region(stats.get(), sectors))
		return;
	if (!dm_stats_create_region(stats.get(), nullptr, 0, 0, -1, 1, nullptr, kProgram, ""))
		throw Failure(ExitCode::wrong_device,
			      device + ": dm-stats refuses a region; it is not measured");
}

}  // namespace dmremap
