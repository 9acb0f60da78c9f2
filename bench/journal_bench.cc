// SPDX-License-Identifier: GPL-2.0-or-later
// What the metadata costs: how long a load of 10^6 extents takes, and what is written for each commit
// in the long run, at 10^3 and at 10^7 extents. 4-KiB extents at uniformly random places of a main of
// 16 TiB; the spare is in memory, so what is measured is the core.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "bench/metadata_host.h"
#include "bench/report.h"
#include "core/engine/engine.h"

namespace remap::bench {
namespace {

constexpr Sector kMain = u64{16} << 31;
constexpr Sector kLength = 8;

void require(bool condition, const char *what, const Refusal &why)
{
	if (condition)
		return;
	std::fprintf(stderr, "journal-bench: %s: %s\n", what, why.text());
	std::exit(1);
}

// The i-th of a fixed sequence of distinct blocks, scattered over main.
Sector block(u64 i)
{
	constexpr u64 kBlocks = kMain / kLength;
	u64 x = i * 0x9e3779b97f4a7c15 & (kBlocks - 1);
	x = (x ^ x >> 16) * 0xd6e8feb86659fd93 & (kBlocks - 1);
	return (x ^ x >> 16) * kLength;
}

Extent extent(u64 i) { return {block(i), kLength, i * kLength, State::active, true}; }

double seconds_since(std::chrono::steady_clock::time_point start)
{
	return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Room for `count` extents, and a hundredth more.
struct Spare {
	explicit Spare(u64 count)
	    : terms(), sectors((count + count / 4) * kLength + 65536), host(sectors)
	{
		terms.max_extents = std::max<u64>(kMinExtents, count + count / 100);
	}
	Terms terms;
	Sector sectors;
	MetadataHost host;
};

using Set = Engine<MetadataHost>;

std::unique_ptr<Set> made(Spare &spare)
{
	Refusal why;
	auto set = std::make_unique<Set>(spare.host);
	require(set->create({kMain, spare.sectors, 1}, spare.terms, why).ok(), "create", why);
	return set;
}

// A set of `count` extents, all of them in a checkpoint, as a restore makes it.
void fill(Spare &spare, u64 count)
{
	Refusal why;
	const auto set = made(spare);
	for (u64 i = 0; i < count; ++i)
		require(set->stage(extent(i), why).ok(), "stage", why);
	require(set->format(why).ok(), "format", why);
}

// The places that extents move between: what a commit records of one is that it is where it was.
void commit(Set &set, u64 i, u32 records)
{
	auto &journal = const_cast<Journal<MetadataHost> &>(set.journal());
	Record all[kRecordsPerBlock];
	for (u32 k = 0; k < records; ++k)
		all[k] = {RecordKind::map, extent(i + k)};
	require(journal.commit(all, records).ok(), "commit", Refusal());
}

// ---- load ----

void measure_load(Report &report, u64 count, const std::string &name, bool with_log)
{
	Spare spare(count);
	fill(spare, count);
	if (with_log) {
		Refusal why;
		const auto set = made(spare);
		require(set->start(why).ok(), "start", why);
		// As long as a log gets without a checkpoint, with full blocks.
		const u64 blocks = set->layout().journal_blocks() / 2 - 2;
		for (u64 i = 0; i < blocks; ++i)
			commit(*set, i * kRecordsPerBlock % (count - kRecordsPerBlock),
			       kRecordsPerBlock);
	}
	double best = 1e9, worst = 0;
	u64 reads = 0, sectors = 0;
	for (u32 round = 0; round < 5; ++round) {
		Refusal why;
		spare.host.reads = spare.host.sectors_read = 0;
		const auto start = std::chrono::steady_clock::now();
		const auto set = made(spare);
		require(set->start(why).ok(), "start", why);
		const double took = seconds_since(start);
		best = std::min(best, took);
		worst = std::max(worst, took);
		reads = spare.host.reads;
		sectors = spare.host.sectors_read;
		if (set->table().extents() != count)
			std::exit(1);
	}
	char measured[64], beside[64];
	std::snprintf(measured, sizeof(measured), "%.3f to %.3f s", best, worst);
	std::snprintf(beside, sizeof(beside), "%llu reads, %.1f MiB",
		      static_cast<unsigned long long>(reads),
		      static_cast<double>(sectors) / 2048);
	const bool bound = count == 1000000 && !with_log;
	report.add({"load, " + name, measured, beside, best, bound ? 0.5 : 0, bound ? 0.1 : 0, "s"});
}

// ---- commits ----

void measure_commits(Report &report, u64 count, const std::string &name)
{
	Spare spare(count);
	fill(spare, count);
	Refusal why;
	const auto set = made(spare);
	require(set->start(why).ok(), "start", why);
	const Journal<MetadataHost> &journal = set->journal();
	// From checkpoint to checkpoint, so that whole ones are counted.
	u64 commits = 0, written = 0, most = 0;
	const auto step = [&](u64 i) {
		const u64 before = spare.host.sectors_written;
		commit(*set, i % count, 1);
		return spare.host.sectors_written - before;
	};
	u64 i = 0;
	// The first lap of the ring, half of it for each checkpoint, writes zeros ahead of itself.
	for (const u64 first = journal.checkpoints(); journal.checkpoints() < first + 3; ++i)
		step(i);
	for (const u64 first = journal.checkpoints(); journal.checkpoints() < first + 3; ++i) {
		const u64 sectors = step(i);
		++commits;
		written += sectors;
		most = std::max(most, sectors);
	}
	char measured[64];
	std::snprintf(measured, sizeof(measured), "%llu commits, 3 checkpoints",
		      static_cast<unsigned long long>(commits));
	const double blocks = static_cast<double>(written) / kBlockSectors;
	report.add({"metadata written per block of journal, " + name, measured, "",
		    blocks / static_cast<double>(commits * kCopies), 3, 0, "x"});
	report.add({"metadata blocks of the largest commit, " + name, "", "",
		    static_cast<double>(most) / kBlockSectors, 0, 0, "blocks"});
}

int run()
{
	Report report;
	measure_load(report, 1000000, "10^6 in the checkpoint", false);
	measure_load(report, 1000000, "10^6, and half a ring of full blocks", true);
	measure_load(report, 10000000, "10^7 in the checkpoint", false);
	measure_commits(report, 1000, "10^3");
	measure_commits(report, 10000000, "10^7");
	return report.print(stdout) ? 0 : 1;
}

} // namespace
} // namespace remap::bench

int main()
{
	return remap::bench::run();
}
