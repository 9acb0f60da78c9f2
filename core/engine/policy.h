// SPDX-License-Identifier: GPL-2.0-or-later
// Policy: what a table line says about errors. The defaults are part of the documentation.
#pragma once

#include "core/base/text.h"
#include "core/base/types.h"

namespace remap {

struct Policy {
	static constexpr u32 kMaxRetries = 100;
	// A bad track of today's disks is 2 MiB: 512 blocks of 4 KiB.
	static constexpr u32 kRetries = 3;
	static constexpr u32 kBudgetRemaps = 2048;
	static constexpr u32 kBudgetSeconds = 3600;

	u32 retries = kRetries; // of a failed read, beside the one that tells which block it is
	u32 budget_remaps = kBudgetRemaps;
	u32 budget_seconds = kBudgetSeconds;
	u32 scan_rate = 0;	  // sectors per second; 0: only when an operator starts it
	bool remap_writes = true; // on_write_error remap
	bool retry_reads = true;  // on_read_error retry
	bool heal = false;	  // a write to a pending sector is first tried on main
	bool allow_degraded = false; // members that the set records as gone may be missing

	// The words of a table line that say what differs from the defaults; returns how many.
	u32 words(Text *text) const
	{
		u32 count = 0;
		const auto say = [&](const char *name, u32 words) -> Text & {
			count += words;
			return *text << ' ' << name;
		};
		if (!remap_writes)
			say("on_write_error fail", 2);
		if (!retry_reads)
			say("on_read_error fail", 2);
		if (retries != kRetries)
			say("retries ", 2) << u64{retries};
		if (budget_remaps != kBudgetRemaps || budget_seconds != kBudgetSeconds)
			say("budget ", 2) << u64{budget_remaps} << '/' << u64{budget_seconds};
		if (scan_rate)
			say("scan_rate ", 2) << u64{scan_rate};
		if (heal)
			say("heal", 1);
		if (allow_degraded)
			say("allow_degraded", 1);
		return count;
	}
};

}  // namespace remap
