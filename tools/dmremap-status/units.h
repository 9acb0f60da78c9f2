// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers as people read them. GB and MB are 2^30 and 2^20 bytes, as they always were in this program.
#pragma once

#include "tools/dmremap-status/report.h"

namespace dmremap {

inline double gigabytes(uint64_t sectors) { return static_cast<double>(sectors) / 2097152; }
inline double megabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1048576; }
inline double microseconds(uint64_t ns) { return static_cast<double>(ns) / 1000; }

// The health words are the core's (core/health/score.h); for latency there is no rule but this.
constexpr const char *latency_word(uint64_t ns)
{
	return ns < 10000	  ? "EXCELLENT"
	       : ns < 50000	  ? "GOOD"
	       : ns < 100000  ? "FAIR"
	       : ns < 1000000 ? "POOR"
				  : "CRITICAL";
}

// The moment of the report, UTC, ISO 8601.
std::string timestamp();

}  // namespace dmremap
