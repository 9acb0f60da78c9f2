// SPDX-License-Identifier: GPL-2.0-or-later
// What the core counts. Any context may add; `stats` shows them and `clear_stats` zeroes them.
#pragma once

#include "core/base/atomic.h"
#include "core/base/types.h"

namespace remap {

// X(name, what it counts)
#define REMAP_COUNTERS(X)                                                                        \
	X(read_errors, "reads that ended with an error")                                         \
	X(write_errors, "writes, write-zeroes and discards that ended with an error")            \
	X(flush_errors, "flushes that ended with an error")                                      \
	X(added, "ranges mapped by add_remap and relocate")                                      \
	X(removed, "ranges unmapped")                                                            \
	X(refused, "messages refused")                                                           \
	X(copied_sectors, "sectors copied from main to the spare")                               \
	X(returned_sectors, "sectors copied back from the spare to main")                        \
	X(lost_sectors_found, "sectors that could not be read when their range was mapped")      \
	X(revived_sectors, "lost sectors that became readable by being written")                 \
	X(recovered, "I/Os that failed on a device and ended well all the same")                 \
	X(healed_sectors, "pending sectors that main took back")                                 \
	X(fences, "fences opened")                                                               \
	X(resizes, "doublings and halvings of the table")

struct Counters {
#define X(name, text) Atomic<u64> name;
	REMAP_COUNTERS(X)
#undef X

	void clear()
	{
#define X(name, text) name.store_relaxed(0);
		REMAP_COUNTERS(X)
#undef X
	}
};

}  // namespace remap
