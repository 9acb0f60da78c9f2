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
constexpr u64 kSettings = std::size(kTears) * std::size(kPreludes);

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

// The short ones come first, each in every setting.
Trace trace_of(u64 workload, std::optional<Bug> bug)
{
	Trace trace;
	Setup &setup = trace.setup;
	const u64 setting = workload % kSettings;
	const u32 tear = kTears[setting % 2];
	setup.shape.main = {64, 8, tear};
	setup.shape.spare = {1160, 8, tear};
	setup.max_extents = 16;
	setup.format = true;
	setup.bug = bug;
	setup.cut = Setup::Cut{};
	trace.script = kPreludes[setting / 2];
	for (const Operation &one : script_of(workload / kSettings))
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
	const u64 full = units < 64 ? (u64{1} << units) - 1 : ~u64{0};
	Random random(units);
	all = {0, full};
	for (u32 i = 0; i < units && i < 64; ++i) {
		all.push_back(u64{1} << i);
		all.push_back(full & ~(u64{1} << i));
	}
	for (u32 i = 0; i < Exhaustive::kMoreSubsets; ++i)
		all.push_back(random.next() & full);
	return all;
}

// Visits the runs of a workload one by one.
template <class Visitor> class Runs {
public:
	Runs(Trace trace, bool again, Visitor &visit)
	    : trace_(std::move(trace)), again_(again), visit_(visit)
	{
	}

	// Until visit(findings, trace) returns false.
	void all()
	{
		for (cut().event = 1;; ++cut().event) {
			cut().survivors = 0;
			const Findings first = run();
			if (stopped_ || !first.crashes)
				return;
			for (const u64 survivors : subsets(first.units)) {
				cut().survivors = survivors;
				if (survivors && !stopped_)
					run();
			}
			for (const u64 survivors : {u64{0}, ~u64{0}})
				cut_again(survivors);
		}
	}

private:
	// The power fails again before each write and flush of the recovery.
	void cut_again(u64 survivors)
	{
		static constexpr u64 kSurvivors[] = {0, ~u64{0}, 0x5555555555555555,
						     0xaaaaaaaaaaaaaaaa};
		cut().survivors = survivors;
		bool came = again_;
		for (cut().again = 1; came && !stopped_; ++cut().again)
			for (const u64 later : kSurvivors) {
				cut().again_survivors = later;
				if (came && !stopped_)
					came = run().crashes > 1;
			}
		cut().again = cut().again_survivors = 0;
	}

	Findings run()
	{
		const Findings findings = World(trace_.setup).run(trace_.script);
		stopped_ = !visit_(findings, trace_);
		return findings;
	}

	Setup::Cut &cut() { return *trace_.setup.cut; }

	Trace trace_;
	bool again_;
	bool stopped_ = false;
	Visitor &visit_;
};

} // namespace

template <class Visitor> void Exhaustive::for_each_run(u64 workload, Visitor visit) const
{
	Runs(trace_of(workload, bug_), workload < again_, visit).all();
}

u64 Exhaustive::workloads(u32 operations)
{
	u64 all = 0;
	for (u64 words = kLetters; operations; --operations, words *= kLetters)
		all += words;
	return all * kSettings;
}

Tally Exhaustive::run(u64 workload) const
{
	Tally tally;
	for_each_run(workload, [&](const Findings &findings, const Trace &) {
		tally.add(findings);
		return findings.ok();
	});
	return tally;
}

std::optional<Trace> Exhaustive::find(u64 workload) const
{
	std::optional<Trace> found;
	for_each_run(workload, [&](const Findings &findings, const Trace &trace) {
		if (!findings.ok())
			found = trace;
		return findings.ok();
	});
	return found;
}

} // namespace remap::sim
