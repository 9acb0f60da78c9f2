// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/shrink.h"

#include <algorithm>

#include "sim/world.h"

namespace remap::sim {

namespace {

bool breaks(const Trace &trace) { return !World(trace.setup).run(trace.script).ok(); }

// Leaves out stretches of operations, long ones first.
void drop_operations(Trace *trace)
{
	for (usize part = trace->script.size(); part; part /= 2) {
		for (usize at = 0; at < trace->script.size();) {
			Trace shorter = *trace;
			const auto first = shorter.script.begin() + static_cast<std::ptrdiff_t>(at);
			const usize count = std::min(part, shorter.script.size() - at);
			shorter.script.erase(first, first + static_cast<std::ptrdiff_t>(count));
			if (breaks(shorter))
				*trace = std::move(shorter);
			else
				at += part;
		}
	}
}

void drop_troubles(Trace *trace)
{
	const auto try_without = [trace](u32 *number) {
		const u32 before = *number;
		*number = 0;
		if (before && !breaks(*trace))
			*number = before;
	};
	for_each_rate(trace->setup.rates, [&](const char *, u32 &rate) { try_without(&rate); });
	try_without(&trace->setup.shape.pause_share);
}

} // namespace

Trace shrink(const Trace &trace)
{
	Trace shorter = trace;
	const usize failed_at = World(shorter.setup).run(shorter.script).failed_at;
	shorter.script.resize(std::min(shorter.script.size(), failed_at + 1));
	if (!breaks(shorter))
		shorter = trace;
	drop_troubles(&shorter);
	for (usize before = 0; before != shorter.script.size();) {
		before = shorter.script.size();
		drop_operations(&shorter);
	}
	drop_troubles(&shorter);
	return shorter;
}

} // namespace remap::sim
