// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of failed I/O have in common.
#pragma once

#include "tests/unit/remap_set.h"

namespace remap::test {

// A disk of 512e: it writes eight sectors at once.
inline constexpr Shape k512e{.physical_sectors = 8};

// So many in an hour.
inline void allow_remaps(RemapSet &set, u32 count)
{
	Policy policy;
	policy.budget_remaps = count;
	set.engine.set_policy(policy);
}

inline u64 pending(const RemapSet &set) { return set.engine.table().pending_sectors(); }
inline u64 mapped(const RemapSet &set) { return set.engine.table().mapped_sectors(); }

}  // namespace remap::test
