// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <unordered_set>

#include "tools/dm-remap-loopback-setup/table.h"
#include "tools/common/failure.h"

namespace dmremap::loopback {
namespace {

// So many at random leave more than kMaxSegments segments in any table, whatever the seed: half of
// them at least have a good sector behind them, and each of these is two segments.
constexpr uint64_t kMostChosen = 2 * kMaxSegments;

// SplitMix64: small, and written down, unlike the distributions of the standard library.
class Random {
public:
	explicit Random(uint64_t seed) : state_(seed) {}

	// 0 to bound - 1, all equally likely: what would favour the first few is drawn again.
	uint64_t below(uint64_t bound)
	{
		const uint64_t uneven = (0 - bound) % bound;
		uint64_t drawn = next();
		while (drawn < uneven)
			drawn = next();
		return drawn % bound;
	}

private:
	uint64_t next()
	{
		uint64_t z = state_ += 0x9e3779b97f4a7c15;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		return z ^ z >> 31;
	}

	uint64_t state_;
};

// `count` different numbers below `total`, in order: Floyd's algorithm, which needs no memory for
// those that are not chosen.
std::vector<uint64_t> choose_numbers(uint64_t count, uint64_t total, uint64_t seed)
{
	Random random(seed);
	std::unordered_set<uint64_t> chosen;
	chosen.reserve(count);
	for (uint64_t last = total - count; last < total; ++last)
		if (!chosen.insert(random.below(last + 1)).second)
			chosen.insert(last);
	std::vector<uint64_t> numbers(chosen.begin(), chosen.end());
	std::sort(numbers.begin(), numbers.end());
	return numbers;
}

// The sectors that are not bad, counted from 0, as sectors.
std::vector<Range> to_sectors(const std::vector<uint64_t> &numbers, const BadSectors &bad)
{
	std::vector<Range> sectors;
	sectors.reserve(numbers.size());
	auto next = bad.ranges().begin();
	uint64_t passed = 0;
	for (const uint64_t number : numbers) {
		while (next != bad.ranges().end() && next->first <= number + passed)
			passed += (next++)->count;
		sectors.push_back({number + passed, 1});
	}
	return sectors;
}

// What is neither in `bad` nor in `kept`.
BadSectors all_but(const BadSectors &kept, const BadSectors &bad, uint64_t total)
{
	std::vector<Range> rest;
	uint64_t at = 0;
	const BadSectors not_these = kept.united_with(bad);
	for (const Range &range : not_these.ranges()) {
		rest.push_back({at, range.first - at});
		at = range.end();
	}
	rest.push_back({at, total - at});
	return BadSectors(std::move(rest));
}

}  // namespace

BadSectors choose_sectors(uint64_t count, uint64_t total, const BadSectors &bad, uint64_t seed)
{
	const uint64_t good = total - bad.count();
	if (count > good)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("{} bad sectors were asked for; of the {} sectors of main {} "
					  "are not bad",
					  count, total, good));
	// Of many, it is the few that stay good that are chosen.
	const bool few = count <= good / 2;
	const uint64_t chosen = few ? count : good - count;
	if (chosen > kMostChosen)
		throw too_many_segments(fmt::format("{} sectors at random", count));
	const BadSectors picked(to_sectors(choose_numbers(chosen, good, seed), bad));
	return few ? picked : all_but(picked, bad, total);
}

uint64_t new_seed() { return std::random_device()(); }

}  // namespace dmremap::loopback
