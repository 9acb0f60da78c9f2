// SPDX-License-Identifier: GPL-2.0-or-later
// Setup: the devices of a run and what may go wrong with them; with a list of operations, all that
// a run depends on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/host.h"
#include "sim/operation.h"

namespace remap::sim {

struct Setup {
	HostShape shape;
	Rates rates;
	Policy policy;
	u64 max_extents = 64;
	u64 seed = 0;
	bool format = false;	// the spare may be formatted without looking what it holds
	bool alone = false;	// the second spare is not there at first
	std::optional<Bug> bug; // planted in the core
	// Instead of chance: the power fails before this event, and of what was not flushed that
	// survives whose bit is set. Then, unless `again` is 0, before that event of the recovery.
	struct Cut {
		u64 event = 0;
		u64 survivors = 0;
		u64 again = 0;
		u64 again_survivors = 0;
	};
	std::optional<Cut> cut;
};

using Script = std::vector<Operation>;

// What a run found, and what the closing line counts.
struct Findings {
	std::string violation; // empty: every promise was kept
	Promise broken = Promise::kept;
	usize failed_at = 0;   // the operation at which it was broken
	u64 operations = 0;    // that were carried out
	u32 units = 0;	       // that were not flushed when the power failed last
	bool given_up = false; // more was damaged than a load has to survive
	u64 crashes = 0;
	u64 torn = 0;
	u64 bad = 0;
	Counts kinds;

	bool ok() const { return violation.empty(); }
};

struct BugName {
	Bug bug;
	const char *name;
	const char *text;
};
inline constexpr BugName kBugs[] = {
#define X(name, text) {Bug::name, #name, text},
	REMAP_BUGS(X)
#undef X
};
std::optional<Bug> bug_named(const std::string &name);
const char *name_of(Bug bug);

// A run in text, and back. nullopt: not such a text.
struct Trace {
	Setup setup;
	Script script;
};
std::string to_text(const Setup &setup, const Script &script);
std::optional<Trace> from_text(const std::string &text);

} // namespace remap::sim
