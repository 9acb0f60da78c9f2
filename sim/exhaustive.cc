// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/exhaustive.h"

#include <iterator>

#include "sim/world.h"

namespace remap::sim {

namespace {

// They meet on the same few sectors; the third add needs a place that a removal has freed.
constexpr Operation kAlphabet[] = {
	{Act::add, 8, 4, 0, 1},	     {Act::add_nocopy, 14, 4, 6, 2}, {Act::add, 24, 4, 2, 3},
	{Act::relocate, 8, 8, 0, 4}, {Act::remove, 8, 4, 0, 5},	     {Act::remove_part, 9, 2, 0, 6},
	{Act::clear, 0, 0, 0, 7},    {Act::write, 8, 4, 0, 8},	     {Act::write_fua, 15, 4, 0, 9},
	{Act::flush, 0, 0, 0, 10},   {Act::discard, 8, 4, 0, 11},    {Act::sync, 0, 0, 0, 12},
	{Act::suspend, 0, 0, 0, 13}, {Act::together, 8, 3, 1, 14},
};
constexpr u64 kLetters = std::size(kAlphabet);
// Before them: nothing, or something that is there and not stable.
const Script kPreludes[] = {
	{},
	{{Act::write, 8, 8, 0, 20}, {Act::add, 8, 4, 0, 21}, {Act::write, 9, 2, 0, 22}},
};
constexpr u32 kTears[] = {8, 1};
constexpr u64 kOfEach = kLetters + kLetters * kLetters + kLetters * kLetters * kLetters;

Script script_of(u64 number)
{
	u64 words = kLetters;
	u32 length = 1;
	for (; number >= words; words *= kLetters, ++length)
		number -= words;
	Script script;
	for (u32 i = 0; i < length; ++i, number /= kLetters)
		script.push_back(kAlphabet[number % kLetters]);
	return script;
}

Trace trace_of(u64 workload, std::optional<Bug> bug)
{
	Trace trace;
	Setup &setup = trace.setup;
	const u32 tear = kTears[workload / kOfEach % 2];
	setup.shape.main = {64, 8, tear};
	setup.shape.spare = {1160, 8, tear};
	setup.max_extents = 16;
	setup.bug = bug;
	setup.cut = Setup::Cut{};
	trace.script = kPreludes[workload / kOfEach / 2];
	for (const Operation &one : script_of(workload % kOfEach))
		trace.script.push_back(one);
	return trace;
}

// The subsets to try of so many units.
std::vector<u64> subsets(u32 units)
{
	std::vector<u64> all;
	if (units <= Exhaustive::kAllSubsets) {
		for (u64 set = 0; set < u64{1} << units; ++set)
			all.push_back(set);
		return all;
	}
	constexpr u32 kMore = 24;
	const u64 full = units < 64 ? (u64{1} << units) - 1 : ~u64{0};
	Random random(units);
	all = {0, full};
	for (u32 i = 0; i < units && i < 64; ++i) {
		all.push_back(u64{1} << i);
		all.push_back(full & ~(u64{1} << i));
	}
	for (u32 i = 0; i < kMore; ++i)
		all.push_back(random.next() & full);
	return all;
}

// Visits every run of a workload until visit(findings, trace) returns false.
template <class Visitor> void for_each_run(Trace trace, Visitor &&visit)
{
	Setup::Cut &cut = *trace.setup.cut;
	for (cut.event = 1;; ++cut.event) {
		cut.survivors = 0;
		const Findings first = World(trace.setup).run(trace.script);
		if (!visit(first, trace) || !first.crashes)
			return;
		for (const u64 survivors : subsets(first.units)) {
			cut.survivors = survivors;
			if (survivors && !visit(World(trace.setup).run(trace.script), trace))
				return;
		}
	}
}

} // namespace

u64 Exhaustive::workloads() { return kOfEach * std::size(kTears) * std::size(kPreludes); }

Tally Exhaustive::run(u64 workload, std::optional<Bug> bug)
{
	Tally tally;
	for_each_run(trace_of(workload, bug), [&](const Findings &findings, const Trace &) {
		tally.add(findings);
		return findings.ok();
	});
	return tally;
}

std::optional<Trace> Exhaustive::find(u64 workload, std::optional<Bug> bug)
{
	std::optional<Trace> found;
	for_each_run(trace_of(workload, bug), [&](const Findings &findings, const Trace &trace) {
		if (!findings.ok())
			found = trace;
		return findings.ok();
	});
	return found;
}

} // namespace remap::sim
