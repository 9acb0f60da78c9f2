// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap-sim: runs the core on simulated disks that fail in every way that DESIGN covers.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "sim/exhaustive.h"
#include "sim/options.h"
#include "sim/shrink.h"
#include "sim/workload.h"
#include "sim/world.h"

namespace remap::sim {

namespace {

using Number = unsigned long long;

Trace trace_of_seed(u64 seed, std::optional<Bug> bug)
{
	const Workload workload(seed, Workload::mood_for(bug));
	Trace trace{workload.setup(), workload.script()};
	trace.setup.bug = bug;
	return trace;
}

Tally run_seed(u64 seed, std::optional<Bug> bug)
{
	const Trace trace = trace_of_seed(seed, bug);
	Tally tally;
	tally.add(World(trace.setup).run(trace.script));
	return tally;
}

void explain(const Trace &trace)
{
	const Trace shorter = shrink(trace);
	const Findings findings = World(shorter.setup).run(shorter.script);
	std::printf("broken: %s\n", findings.violation.c_str());
	std::printf("The shortest run that breaks it; with these lines in FILE, dmremap-sim "
		    "--replay FILE --verbose repeats it:\n%s# the end of the run\n",
		    to_text(shorter.setup, shorter.script).c_str());
}

void close_line(const char *what, u64 count, const Tally &tally)
{
	std::printf("%llu %s, %llu crash points, %llu torn writes, %llu bad sectors, "
		    "%llu lost, %llu stale, %llu leaked\n",
		    static_cast<Number>(count), what, static_cast<Number>(tally.crashes),
		    static_cast<Number>(tally.torn), static_cast<Number>(tally.bad),
		    static_cast<Number>(tally.broken[1]), static_cast<Number>(tally.broken[2]),
		    static_cast<Number>(tally.broken[3]));
}

// How often each kind of trouble came. Returns how many never did in a campaign that is long enough
// for all of them.
u32 count_kinds(const Tally &tally, bool verbose)
{
	constexpr u64 kEnough = 10'000; // seeds
	u32 never = 0;
	for (usize i = 0; i < std::size(kKinds); ++i) {
		const KindName &kind = kKinds[i];
		if (verbose)
			std::printf("%12llu %s: %s\n", static_cast<Number>(tally.kinds.of(i)),
				    kind.name, kind.text);
		if (tally.kinds.of(i) || tally.items < kEnough)
			continue;
		std::printf("%s never happened: %s\n", kind.name, kind.text);
		++never;
	}
	return never;
}

// How to go on where a campaign was stopped.
void tell_rest(const Options &options, const char *words, u64 next, u64 left)
{
	std::printf("stopped; the rest: dmremap-sim %s--first-seed %llu --seeds %llu --jobs %u\n",
		    words, static_cast<Number>(next), static_cast<Number>(left), options.jobs);
}

int run_seeds(const Options &options)
{
	const u64 wanted = options.seeds.value_or(1000);
	Campaign campaign(options.jobs, isatty(STDERR_FILENO));
	const Tally tally = campaign.run(options.first_seed, wanted,
					 [&](u64 seed) { return run_seed(seed, options.bug); });
	if (!tally.ok()) {
		std::printf("seed %llu breaks a promise\n", static_cast<Number>(tally.broken_item));
		explain(trace_of_seed(tally.broken_item, options.bug));
	}
	const u32 never = count_kinds(tally, options.verbose);
	std::printf("%llu operations; %llu seeds ended early, since more was damaged than a load "
		    "has to survive\n",
		    static_cast<Number>(tally.operations), static_cast<Number>(tally.given_up));
	const bool idle = !tally.crashes || !tally.torn || !tally.bad || tally.too_short;
	if (tally.ok() && tally.items != wanted)
		tell_rest(options, "", options.first_seed + campaign.done(), wanted - campaign.done());
	else if (idle)
		std::printf("too little was tried: a zero among what went wrong, or %llu seeds of "
			    "fewer than 200 operations or 3 power failures\n",
			    static_cast<Number>(tally.too_short));
	close_line("seeds", tally.items, tally);
	return !tally.ok() || idle || never || tally.items != wanted;
}

int run_exhaustive(const Options &options)
{
	const u64 all = Exhaustive::workloads(options.operations);
	const u64 first = std::min(options.first_seed - 1, all);
	const u64 wanted = std::min(options.seeds.value_or(all - first), all - first);
	const Exhaustive exhaustive(options.again, options.bug);
	Campaign campaign(options.jobs, isatty(STDERR_FILENO));
	const Tally tally = campaign.run(
		first, wanted, [&](u64 workload) { return exhaustive.run(workload); });
	if (!tally.ok()) {
		std::printf("workload %llu breaks a promise\n",
			    static_cast<Number>(tally.broken_item + 1));
		explain(exhaustive.find(tally.broken_item).value());
	} else if (tally.items != wanted) {
		tell_rest(options, "--exhaustive ", first + 1 + campaign.done(),
			  wanted - campaign.done());
	}
	std::printf("%llu runs\n", static_cast<Number>(tally.runs));
	close_line("workloads", tally.items, tally);
	return !tally.ok() || tally.items != wanted;
}

// Each shows only in a history of late writes and a second failure that random seeds hardly ever
// meet: tests/unit/journal_late_test.cc plays it, with the bug and without.
constexpr Bug kPlayed[] = {Bug::same_place, Bug::trust_slots, Bug::epoch_unchained};

bool is_played(Bug bug)
{
	return std::find(std::begin(kPlayed), std::end(kPlayed), bug) != std::end(kPlayed);
}

int run_bugs(const Options &options)
{
	u32 missed = 0;
	for (const BugName &one : kBugs) {
		if (is_played(one.bug)) {
			std::printf("skip %s (JournalLate plays its history)\n", one.name);
			continue;
		}
		Campaign campaign(options.jobs, isatty(STDERR_FILENO));
		const Tally tally = campaign.run(options.first_seed, options.seeds.value_or(20'000),
						 [&](u64 seed) { return run_seed(seed, one.bug); });
		missed += tally.ok();
		if (campaign.interrupted())
			return 1;
		if (tally.ok()) {
			std::printf("FAIL %s (not caught in %llu seeds)\n", one.name,
				    static_cast<Number>(tally.items));
			continue;
		}
		const Trace trace = trace_of_seed(tally.broken_item, one.bug);
		const Findings findings = World(trace.setup).run(trace.script);
		std::printf("ok %s (seed %llu: %s)\n", one.name,
			    static_cast<Number>(tally.broken_item), findings.violation.c_str());
		std::fflush(stdout);
	}
	std::printf("%zu passed, %u failed\n", std::size(kBugs) - std::size(kPlayed) - missed,
		    missed);
	return missed != 0;
}

int replay(const Options &options)
{
	std::ifstream file(options.file);
	std::stringstream text;
	text << file.rdbuf();
	const auto trace = file ? from_text(text.str()) : std::nullopt;
	if (!trace) {
		std::fprintf(stderr, "dmremap-sim: %s is not a run\n", options.file.c_str());
		return 2;
	}
	Trace run = *trace;
	if (options.bug)
		run.setup.bug = options.bug;
	World world(run.setup);
	if (options.verbose)
		world.talk();
	const Findings findings = world.run(run.script);
	std::printf("%s\n", findings.ok() ? "every promise was kept" : findings.violation.c_str());
	return !findings.ok();
}

int list_bugs()
{
	for (const BugName &one : kBugs)
		std::printf("%-24s %s\n", one.name, one.text);
	return 0;
}

int run(const Options &options)
{
	switch (options.mode) {
	case Options::Mode::seeds:
		return run_seeds(options);
	case Options::Mode::exhaustive:
		return run_exhaustive(options);
	case Options::Mode::bugs:
		return run_bugs(options);
	case Options::Mode::list_bugs:
		return list_bugs();
	case Options::Mode::replay:
		return replay(options);
	case Options::Mode::help:
		std::fputs(Options::help(), stdout);
		return 0;
	}
	return 2;
}

} // namespace

} // namespace remap::sim

int main(int argc, char **argv)
{
	const auto options = remap::sim::Options::parse(argc, argv);
	return options ? remap::sim::run(*options) : 2;
}
