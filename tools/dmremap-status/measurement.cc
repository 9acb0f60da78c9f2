// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap-status/measurement.h"

#include <libdevmapper.h>

#include <memory>

#include "tools/common/failure.h"

namespace dmremap {
namespace {

constexpr const char *kProgram = "dmremap-status";

struct StatsDeleter {
	void operator()(dm_stats *stats) const { dm_stats_destroy(stats); }
};
using Stats = std::unique_ptr<dm_stats, StatsDeleter>;

// With the list of regions, whoever made them.
Stats open_stats(const std::string &device)
{
	Stats stats(dm_stats_create(kProgram));
	if (!stats || !dm_stats_bind_name(stats.get(), device.c_str()) ||
	    !dm_stats_list(stats.get(), DM_STATS_ALL_PROGRAMS))
		throw Failure(ExitCode::wrong_device, device + ": dm-stats does not answer");
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
	if (!dm_stats_populate(stats.get(), DM_STATS_ALL_PROGRAMS, DM_STATS_REGIONS_ALL))
		throw Failure(ExitCode::wrong_device, device + ": dm-stats does not answer");
	const auto counter = [&](dm_stats_counter_t which) {
		return dm_stats_get_counter(stats.get(), which, *region, 0);
	};
	Measurement result;
	result.reads = counter(DM_STATS_READS_COUNT);
	result.writes = counter(DM_STATS_WRITES_COUNT);
	result.bytes = (counter(DM_STATS_READ_SECTORS_COUNT) +
			counter(DM_STATS_WRITE_SECTORS_COUNT)) *
		       512;
	result.total_ns = counter(DM_STATS_READ_NSECS) + counter(DM_STATS_WRITE_NSECS);
	result.busy_ns = counter(DM_STATS_IO_NSECS);
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
