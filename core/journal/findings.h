// SPDX-License-Identifier: GPL-2.0-or-later
// Findings: what a load saw on its way, for whoever has to explain it. The load itself decides by
// none of it.
#pragma once

#include "core/journal/copies.h"

namespace remap {

// Of a copy in use: blocks that another copy had and this one had not.
struct CopyFindings {
	u64 checkpoint_blocks = 0;
	u64 log_blocks = 0;
	u64 last_log_block = 0; // number of the last of them

	u64 blocks() const { return checkpoint_blocks + log_blocks; }
	// What a power cut may leave: the last block reached one copy and not the other.
	bool only_torn_end(u64 log_end) const
	{
		return blocks() == 1 && log_blocks && last_log_block + 1 == log_end;
	}
};

struct Findings {
	CopyFindings copy[kMaxCopies];
	// Sectors with records that lie behind the end that an operator accepted.
	u64 given_up = 0;
};

}  // namespace remap
