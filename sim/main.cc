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
	const Workload workload(seed);
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
	std::printf("The shortest run that breaks it, for --replay FILE --verbose:\n%s",
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

u64 seeds_of(const Options &options) { return options.seeds.value_or(1000); }

int run_seeds(const Options &options)
{
	Campaign campaign(options.jobs, isatty(STDERR_FILENO));
	const Tally tally = campaign.run(options.first_seed, seeds_of(options),
					 [&](u64 seed) { return run_seed(seed, options.bug); });
	if (!tally.ok()) {
		std::printf("seed %llu breaks a promise\n", static_cast<Number>(tally.broken_item));
		explain(trace_of_seed(tally.broken_item, options.bug));
	}
	std::printf("%llu operations; %llu seeds ended early, since more was damaged than a load "
		    "has to survive\n",
		    static_cast<Number>(tally.operations), static_cast<Number>(tally.given_up));
	close_line("seeds", tally.items, tally);
	if (tally.ok() && tally.items != seeds_of(options))
		std::printf("a process ended before its time\n");
	const bool idle = !tally.crashes || !tally.torn || !tally.bad || tally.too_short;
	if (idle)
		std::printf("too little was tried: a zero among what went wrong, or %llu seeds of "
			    "fewer than 200 operations or 3 power failures\n",
			    static_cast<Number>(tally.too_short));
	return !tally.ok() || idle || tally.items != seeds_of(options);
}

int run_exhaustive(const Options &options)
{
	Campaign campaign(options.jobs, isatty(STDERR_FILENO));
	const u64 first = std::min(options.first_seed - 1, Exhaustive::workloads());
	const u64 left = Exhaustive::workloads() - first;
	const u64 count = std::min(options.seeds.value_or(left), left);
	const Tally tally = campaign.run(
		first, count, [&](u64 workload) { return Exhaustive::run(workload, options.bug); });
	if (!tally.ok())
		explain(Exhaustive::find(tally.broken_item, options.bug).value());
	std::printf("%llu runs\n", static_cast<Number>(tally.runs));
	close_line("workloads", tally.items, tally);
	return !tally.ok() || tally.items != count;
}

int run_bugs(const Options &options)
{
	u32 missed = 0;
	for (const BugName &one : kBugs) {
		Campaign campaign(options.jobs, isatty(STDERR_FILENO));
		const Tally tally = campaign.run(options.first_seed, seeds_of(options),
						 [&](u64 seed) { return run_seed(seed, one.bug); });
		missed += tally.ok();
		if (tally.ok()) {
			std::printf("FAIL %s: not caught in %llu seeds\n", one.name,
				    static_cast<Number>(tally.items));
			continue;
		}
		const Trace trace = trace_of_seed(tally.broken_item, one.bug);
		const Findings findings = World(trace.setup).run(trace.script);
		std::printf("ok %s (seed %llu: %s)\n", one.name,
			    static_cast<Number>(tally.broken_item), findings.violation.c_str());
		std::fflush(stdout);
	}
	std::printf("%zu passed, %u failed\n", std::size(kBugs) - missed, missed);
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
