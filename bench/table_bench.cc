// SPDX-License-Identifier: GPL-2.0-or-later
// The table's lookups and bytes beside boost::unordered_flat_map, absl::flat_hash_map (both keyed
// by 4-KiB block) and absl::btree_map, all in one process.
//
// Google Benchmark runs each candidate in many short batches, in random order among the others
// (random interleaving), so that noise of the machine meets all alike; a candidate's figure is the
// 25th percentile of its batches. The next key depends on the last answer, so each lookup is
// waited for. What the loop and the call cost, measured by a candidate that does nothing, is taken
// off each figure ("net") before ratios are formed.
#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "bench/lookup.h"
#include "bench/report.h"

namespace remap::bench {
namespace {

constexpr Sector kMain = u64{16} << 31; // 16 TiB
constexpr u64 kBlocks = kMain / 8;
constexpr int kBatchLookups = 2048; // 0.1 to 0.5 ms
constexpr int kWarmUps = 8;	    // batches, not timed, so that the others' lines are gone
constexpr int kBatches = 100;
constexpr usize kKeys = 1 << 20;

volatile u64 opaque_zero = 0;
u64 sectors; // the other half of the last answer

template <class K, class V> using Pair = CountingAllocator<std::pair<const K, V>>;
using BoostMap =
	boost::unordered_flat_map<u64, u64, boost::hash<u64>, std::equal_to<u64>, Pair<u64, u64>>;
using AbslMap = absl::flat_hash_map<u64, u64, absl::Hash<u64>, std::equal_to<u64>, Pair<u64, u64>>;
struct Run {
	u32 length;
	u64 place;
};
using BtreeMap = absl::btree_map<u64, Run, std::less<u64>, Pair<u64, Run>>;

// Times of the batches of each candidate.
class Collector : public benchmark::BenchmarkReporter {
public:
	bool ReportContext(const Context &) override { return true; }
	void ReportRuns(const std::vector<Run> &runs) override
	{
		for (const Run &run : runs)
			if (run.run_type == Run::RT_Iteration)
				times_[run.run_name.function_name].push_back(
					1e9 * run.real_accumulated_time /
					(static_cast<double>(run.iterations) * kBatchLookups));
	}
	double quartile(const std::string &name)
	{
		std::vector<double> &times = times_.at(name);
		std::sort(times.begin(), times.end());
		return times[times.size() / 4];
	}

private:
	std::map<std::string, std::vector<double>> times_;
};

// One batch a repetition; keys in turn, each computed from the answer before it.
template <class Lookup>
void add_candidate(const char *name, const std::vector<Sector> &keys, Lookup lookup)
{
	auto position = std::make_shared<usize>(0);
	benchmark::RegisterBenchmark(
		name,
		[=, &keys](benchmark::State &state) {
			const u64 zero = opaque_zero;
			auto batch = [&] {
				u64 answer = 0;
				usize at = *position;
				for (int i = 0; i < kBatchLookups; i++)
					answer = lookup(keys[at++ & (kKeys - 1)] + (answer & zero));
				*position = at;
				benchmark::DoNotOptimize(answer);
			};
			for (int i = 0; i < kWarmUps; i++)
				batch();
			for (auto _ : state)
				batch();
		})
		->Iterations(1)
		->Repetitions(kBatches);
}

struct Net {
	double table, boost, absl, btree;
};

std::string ns(double value)
{
	char text[32];
	std::snprintf(text, sizeof(text), "%.1f ns", value);
	return text;
}

// Random distinct blocks, each mapped to a place.
struct Blocks {
	std::vector<u64> block;
	HeapPlatform platform;
	std::unique_ptr<HeapTable> table;
	BoostMap boost;
	AbslMap absl;
	BtreeMap btree;
	u64 table_bytes = 0, boost_bytes = 0, absl_bytes = 0, btree_bytes = 0;

	Blocks(u64 count, u64 seed)
	{
		std::mt19937_64 random(seed);
		while (boost.size() < count)
			if (boost.emplace(random() % kBlocks, boost.size() * 8 + 8).second)
				continue;
		for (const auto &entry : boost)
			block.push_back(entry.first);
		std::shuffle(block.begin(), block.end(), random);
		rebuild();
	}

	// In the same order for all, none of them told the size beforehand.
	void rebuild()
	{
		boost = BoostMap();
		const u64 start = peer_heap.bytes();
		u64 place = 8;
		for (const u64 b : block)
			boost.emplace(b, place += 8);
		boost_bytes = peer_heap.bytes() - start;
		for (const u64 b : block)
			absl.emplace(b, boost.at(b));
		absl_bytes = peer_heap.bytes() - start - boost_bytes;
		for (const u64 b : block)
			btree.emplace(b * 8, bench::Run{8, boost.at(b)});
		btree_bytes = peer_heap.bytes() - start - boost_bytes - absl_bytes;
		const u64 table_start = table_heap.bytes();
		table = std::make_unique<HeapTable>(platform);
		if (!table->create(kMain).ok())
			std::abort();
		for (const u64 b : block)
			if (!table->insert({b * 8, 8, boost.at(b) * 3, State::active, true}).ok())
				std::abort();
		while (table->tidy()) {
		}
		table_bytes = table_heap.bytes() - table_start;
	}
};

u64 btree_place(const BtreeMap &map, Sector at)
{
	auto it = map.upper_bound(at);
	if (it == map.begin())
		return 0;
	--it;
	const u64 skipped = at - it->first;
	return skipped < it->second.length ? it->second.place + skipped : 0;
}

Net measure(const Blocks &set, const std::vector<Sector> &keys)
{
	const HeapTable &table = *set.table;
	add_candidate("null", keys, [&](Sector at) { return null_place(table, at, 8, &sectors); });
	add_candidate("table", keys,
		      [&](Sector at) { return table_place(table, at, 8, &sectors); });
	add_candidate("boost", keys, [&](Sector at) {
		const auto it = set.boost.find(at / 8);
		return it == set.boost.end() ? 0 : it->second;
	});
	add_candidate("absl", keys, [&](Sector at) {
		const auto it = set.absl.find(at / 8);
		return it == set.absl.end() ? 0 : it->second;
	});
	add_candidate("btree", keys, [&](Sector at) { return btree_place(set.btree, at); });
	Collector collector;
	benchmark::RunSpecifiedBenchmarks(&collector);
	benchmark::ClearRegisteredBenchmarks();
	const double null = collector.quartile("null");
	return {collector.quartile("table") - null, collector.quartile("boost") - null,
		collector.quartile("absl") - null, collector.quartile("btree") - null};
}

std::string peers(const Net &net)
{
	return "boost " + ns(net.boost) + ", absl " + ns(net.absl) + ", btree " + ns(net.btree);
}

std::string power(u64 count) { return "10^" + std::to_string(std::to_string(count).size() - 1); }

void hits_and_misses(Report &report, u64 count)
{
	std::mt19937_64 random(5);
	Blocks set(count, 1);
	std::vector<Sector> hits(kKeys), misses(kKeys);
	for (usize i = 0; i < kKeys; i++) {
		hits[i] = set.block[random() % count] * 8;
		do
			misses[i] = random() % kBlocks * 8;
		while (set.boost.contains(misses[i] / 8));
	}
	const bool judged = count >= 1'000'000;
	const Net hit = measure(set, hits);
	report.add({"hit, " + power(count) + ", over boost", ns(hit.table), peers(hit),
		    hit.table / hit.boost, judged ? 1.25 : 0, judged ? 1.0 : 0, "x"});
	report.add({"hit, " + power(count) + ", over absl", ns(hit.table), peers(hit),
		    hit.table / hit.absl, judged ? 1.0 : 0, judged ? 0.7 : 0, "x"});
	const Net miss = measure(set, misses);
	report.add({"miss, uniform, " + power(count) + ", over boost", ns(miss.table), peers(miss),
		    miss.table / miss.boost, judged ? 2.0 : 0, judged ? 1.0 : 0, "x"});
	const auto per = [count](u64 bytes) { return static_cast<double>(bytes) / count; };
	char text[96];
	std::snprintf(text, sizeof(text), "boost %.1f, absl %.1f, btree %.1f", per(set.boost_bytes),
		      per(set.absl_bytes), per(set.btree_bytes));
	report.add({"bytes per isolated extent, " + power(count), "", text, per(set.table_bytes),
		    count == 10'000'000 ? 28.0 : 0, count == 10'000'000 ? 20.0 : 0, "bytes"});
}

// Lookups far from all extents: 10^6 of them side by side at the beginning of main.
void clean_neighbours(Report &report)
{
	constexpr u64 kCount = 1'000'000;
	HeapPlatform platform;
	HeapTable table(platform);
	if (!table.create(kMain).ok())
		std::abort();
	for (u64 i = 0; i < kCount; i++)
		if (!table.insert({i * 128, 8, i * 8, State::active, true}).ok())
			std::abort();
	std::mt19937_64 random(6);
	const Sector from = kCount * 128;
	std::vector<Sector> keys(kKeys);
	for (Sector &key : keys)
		key = from + random() % (kMain - from - 8);
	add_candidate("null", keys, [&](Sector at) { return null_place(table, at, 8, &sectors); });
	add_candidate("table", keys,
		      [&](Sector at) { return table_place(table, at, 8, &sectors); });
	Collector collector;
	benchmark::RunSpecifiedBenchmarks(&collector);
	benchmark::ClearRegisteredBenchmarks();
	const double net = collector.quartile("table") - collector.quartile("null");
	report.add({"miss, neighbours clean, 10^6 clustered", ns(net), "", net, 5, 2, "ns"});
}

// Extents of 1 to 256 sectors, asked somewhere inside.
void ranges(Report &report, u64 count)
{
	std::mt19937_64 random(7);
	HeapPlatform platform;
	HeapTable table(platform);
	BtreeMap btree;
	std::vector<std::pair<Sector, u32>> runs;
	if (!table.create(kMain).ok())
		std::abort();
	Place place = 8;
	while (btree.size() < count) {
		const Sector main = random() % (kMain / 512) * 512 + random() % 256;
		const u32 length = 1 + random() % 256;
		if (!table.insert({main, length, place, State::active, true}).ok())
			continue;
		btree.emplace(main, bench::Run{length, place});
		runs.emplace_back(main, length);
		place += length + 1;
	}
	std::vector<Sector> keys(kKeys);
	for (Sector &key : keys) {
		const auto &[main, length] = runs[random() % count];
		key = main + random() % length;
	}
	add_candidate("null", keys, [&](Sector at) { return null_place(table, at, 8, &sectors); });
	add_candidate("table", keys,
		      [&](Sector at) { return table_place(table, at, 8, &sectors); });
	add_candidate("btree", keys, [&](Sector at) { return btree_place(btree, at); });
	Collector collector;
	benchmark::RunSpecifiedBenchmarks(&collector);
	benchmark::ClearRegisteredBenchmarks();
	const double null = collector.quartile("null");
	const double ours = collector.quartile("table") - null;
	const double theirs = collector.quartile("btree") - null;
	report.add({"ranges of 1-256 sectors, " + power(count), ns(ours), "btree " + ns(theirs),
		    ours / theirs, count >= 1000000 ? 0.6 : 0, count >= 1000000 ? 0.4 : 0, "x"});
}

int run(int argc, char **argv)
{
	u64 most = 10'000'000;
	for (int i = 1; i < argc; i++)
		if (!std::strncmp(argv[i], "--most=", 7))
			most = std::strtoull(argv[i] + 7, nullptr, 0);
	char interleave[] = "--benchmark_enable_random_interleaving=true";
	char *args[] = {argv[0], interleave};
	int count = 2;
	benchmark::Initialize(&count, args);
	Report report;
	for (u64 size = 1000; size <= most; size *= 10)
		hits_and_misses(report, size);
	clean_neighbours(report);
	for (u64 size = 100'000; size <= most; size *= 10)
		ranges(report, size);
	return report.print(stdout) ? 0 : 1;
}

} // namespace
} // namespace remap::bench

int main(int argc, char **argv) { return remap::bench::run(argc, argv); }
