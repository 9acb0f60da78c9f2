// SPDX-License-Identifier: GPL-2.0-or-later
// The worst insertion and the worst removal in instructions, while a table grows from nothing to
// 10^k scattered 4-KiB extents and shrinks to nothing again; 10^3 to 10^7, 10^8 with --most.
//
// The platform is a free list per size, as slab caches are, with memory zeroed; its instructions
// count. Where the processor's counter cannot be had, the run is done twice: the
// first time each operation's allocated bytes are noted, the second time the operations that
// allocated most are run in single steps.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/bench_platform.h"
#include "bench/instructions.h"
#include "bench/report.h"

namespace remap::bench {
namespace {

using PoolTable = Table<PoolPlatform>;
constexpr Sector kMain = u64{16} << 31;
constexpr usize kStepped = 24;

// The i-th of a fixed sequence of distinct blocks, scattered over main: an odd multiplication is a
// permutation of the blocks.
Sector block(u64 i)
{
	constexpr u64 kBlocks = kMain / 8;
	u64 x = i * 0x9e3779b97f4a7c15 & (kBlocks - 1);
	x = (x ^ x >> 16) * 0xd6e8feb86659fd93 & (kBlocks - 1);
	return (x ^ x >> 16) * 8;
}

struct Worst {
	u64 insert = 0;
	u64 remove = 0;
};

class Run {
public:
	explicit Run(u64 count) : count_(count) {}

	Worst run(const InstructionCounter &counter)
	{
		if (counter.has_counter()) {
			pass([&](u64, auto work) { return counter.count(work); });
			return worst_;
		}
		std::vector<std::pair<u64, u64>> cost;
		pass([&](u64 operation, auto work) {
			const u64 before = platform_->allocated();
			work();
			if (platform_->allocated() - before >= 2048)
				cost.emplace_back(platform_->allocated() - before, operation);
			return u64{0};
		});
		std::sort(cost.rbegin(), cost.rend());
		std::vector<u64> chosen;
		for (bool removals : {false, true})
			choose(cost, removals, &chosen);
		std::sort(chosen.begin(), chosen.end());
		usize next = 0;
		pass([&](u64 operation, auto work) {
			if (next < chosen.size() && chosen[next] == operation) {
				next++;
				return InstructionCounter::count_steps(work);
			}
			work();
			return u64{0};
		});
		return worst_;
	}

private:
	void choose(const std::vector<std::pair<u64, u64>> &cost, bool removals,
		    std::vector<u64> *chosen) const
	{
		usize taken = 0;
		for (const auto &[bytes, operation] : cost) {
			if ((operation >= count_) != removals)
				continue;
			chosen->push_back(operation);
			if (++taken == kStepped)
				return;
		}
	}

	// Every insertion and removal through `measure(number, work)`.
	template <class Measure> void pass(Measure measure)
	{
		worst_ = Worst{};
		platform_ = std::make_unique<PoolPlatform>();
		auto table = std::make_unique<PoolTable>(*platform_);
		if (!table->create(kMain).ok())
			std::abort();
		bool ok = true;
		for (u64 i = 0; i < count_; i++) {
			const Extent extent{block(i), 8, i * 24, State::active, true};
			const u64 taken =
				measure(i, [&] { ok = table->insert(extent).ok() && ok; });
			worst_.insert = std::max(worst_.insert, taken);
		}
		for (u64 i = 0; i < count_; i++) {
			const u64 taken = measure(
				count_ + i, [&] { ok = table->remove(block(i), 8).ok() && ok; });
			worst_.remove = std::max(worst_.remove, taken);
		}
		if (!ok || table->extents())
			std::abort();
	}

	u64 count_;
	std::unique_ptr<PoolPlatform> platform_;
	Worst worst_;
};

int run(int argc, char **argv)
{
	u64 most = 10'000'000;
	for (int i = 1; i < argc; i++)
		if (!std::strncmp(argv[i], "--most=", 7))
			most = std::strtoull(argv[i] + 7, nullptr, 0);
	const InstructionCounter counter;
	std::printf("Counted by %s.\n\n",
		    counter.has_counter() ? "the processor's counter" : "single steps");
	Report report;
	u64 least = ~u64{0}, greatest = 0;
	for (u64 count = 1000; count <= most; count *= 10) {
		const Worst worst = Run(count).run(counter);
		const std::string power = "10^" + std::to_string(std::to_string(count).size() - 1);
		const u64 both = std::max(worst.insert, worst.remove);
		report.add({"worst insertion or removal, " + power,
			    std::to_string(worst.insert) + ", " + std::to_string(worst.remove), "",
			    static_cast<double>(both), 40'000, 20'000, "instructions"});
		least = std::min(least, both);
		greatest = std::max(greatest, both);
	}
	report.add({"the same, greatest over least", "", "", static_cast<double>(greatest) / least,
		    1.3, 0, "x"});
	return report.print(stdout) ? 0 : 1;
}

} // namespace
} // namespace remap::bench

int main(int argc, char **argv) { return remap::bench::run(argc, argv); }
