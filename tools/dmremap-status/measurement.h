// SPDX-License-Identifier: GPL-2.0-or-later
// Timings of a mapped device from dm-stats, device-mapper's own counters. They are there only where
// somebody made a region (`dmstats create`, or begin_measuring() here), and count since then, or since
// `dmstats report`, which sets them to zero. Reading them here does not.
//
// Used is a region over the whole device that is one area: in several areas the times in which I/O was
// in progress overlap, and there is no telling how long the device was busy.
#pragma once

#include <string>

#include "tools/dmremap-status/report.h"

namespace dmremap {

struct Measurement {
	uint64_t reads = 0, writes = 0;
	uint64_t bytes = 0;
	uint64_t total_ns = 0; // the sum over all I/O
	uint64_t busy_ns = 0;  // while any was in progress

	// Latency is the time per I/O, throughput the bytes per second of being busy.
	Timing timing() const;
};

// Empty: no region. Throws Failure when device-mapper does not answer.
std::optional<Measurement> measured(const std::string &device, uint64_t sectors);

// Makes a region with time stamps in nanoseconds, unless there is one. It lasts until the device is
// removed or `dmstats delete` takes it away.
void begin_measuring(const std::string &device, uint64_t sectors);

}  // namespace dmremap
