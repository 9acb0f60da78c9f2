// SPDX-License-Identifier: GPL-2.0-or-later
// Mixed operations in named patterns on a table and on its model at once.
//
// DMREMAP_OPS: operations in all (default 6,000,000; 600,000 with sanitizers).
// DMREMAP_SEED: the seed; printed, so that a failure can be run again.
#include <cstdio>
#include <cstdlib>

#include "tests/unit/table_check.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DMREMAP_DEFAULT_OPS 600'000
#else
#define DMREMAP_DEFAULT_OPS 6'000'000
#endif

namespace remap::test {
namespace {

u64 env(const char *name, u64 otherwise)
{
	const char *text = std::getenv(name);
	return text && *text ? std::strtoull(text, nullptr, 0) : otherwise;
}

using Random = std::mt19937_64;
constexpr u64 kTiB = u64{1} << 31;

struct Range {
	Sector main;
	u64 length;
};

// How a pattern chooses its ranges and how often it does what.
struct Pattern {
	const char *name;
	Sector main_sectors;
	Range (*range)(Random &random, u64 step);
	// Per mille; what is left is insert.
	u32 assign, remove, set_state;
	// Steps of one direction: the first half of each such period adds, the other removes.
	u64 period;
	u64 places; // places are chosen below this; small: dense use of the spare
	bool hold;  // readers are parked most of the time
};

Range single(Random &random, u64) { return {random() % (1 << 18), 1}; }
Range alternate(Random &random, u64) { return {2 * (random() % (1 << 15)), 1}; }
Range block(Random &random, u64) { return {8 * (random() % (2 * kTiB)), 8}; }
Range near_blocks(Random &random, u64) { return {8 * (random() % (1 << 17)), 8}; }

// 1 MiB steps that follow each other through 64 MiB, so that coarse words come about, with small
// ranges anywhere in it in between.
Range huge(Random &random, u64 step)
{
	if (random() % 64)
		return {(step / 2 % 64) * 2048 + (step >> 12) % 7 * (u64{1} << 23), 2048};
	return {random() % (1 << 17) + random() % 7 * (u64{1} << 23), 1 + random() % 600};
}

Range at_borders(Random &random, u64)
{
	static constexpr u32 kBits[] = {8, 14, 17, 20, 23, 29};
	const Sector border = (1 + random() % 12) << kBits[random() % 6];
	const u64 before = random() % (random() % 4 ? 4 : 1100);
	const u64 after = random() % (random() % 4 ? 4 : 900);
	return {border - before, before + after + 1};
}

// Contiguous adds on both sides: the boundary alone keeps them apart.
Range adjacent(Random &random, u64)
{
	const u64 unit = 10 * (random() % 3000);
	return {unit, 10 * (1 + random() % 3)};
}

Range isolated(Random &, u64 step) { return {(step * 0x9e3779b1 % (1 << 25)) * 512, 8}; }
Range mixed(Random &random, u64)
{
	return {random() % (1 << 20), 1 + random() % (u64{1} << (random() % 12))};
}
Range end_of_main(Random &random, u64)
{
	const Sector size = 1'000'003;
	const u64 length = 1 + random() % (random() % 8 ? 40 : 2048);
	return {size - length - random() % 3000, length};
}

constexpr Pattern kPatterns[] = {
	{"single sectors", 1 << 18, single, 150, 350, 50, 0, u64{1} << 40, false},
	{"alternate sectors", 1 << 16, alternate, 50, 300, 50, 50'000, u64{1} << 40, false},
	{"random blocks", 16 * kTiB, block, 50, 400, 50, 60'000, u64{1} << 40, false},
	{"blocks that cluster", 1 << 20, near_blocks, 100, 350, 100, 0, u64{1} << 40, false},
	{"huge ranges", u64{7} << 23, huge, 600, 40, 20, 16384, 0, false},
	{"ranges over internal borders", kTiB * 8, at_borders, 250, 350, 100, 0, 2048, false},
	{"adjacent adds, one removed", 40'000, adjacent, 50, 350, 20, 0, 0, false},
	{"grow, then empty", u64{1} << 34, isolated, 0, 0, 0, 40'000, u64{1} << 40, false},
	{"nearly full spare", 1 << 15, mixed, 500, 250, 100, 0, 64, false},
	{"every kind of range", 1 << 21, mixed, 300, 300, 200, 0, u64{1} << 44, false},
	{"end of main", 1'000'003, end_of_main, 300, 300, 100, 0, 4096, false},
	{"huge ranges, readers parked", u64{7} << 23, huge, 600, 40, 20, 4096, 0, true},
	{"every kind of range, readers parked", 1 << 21, mixed, 300, 300, 100, 0, 4096, true},
};

class PatternRun {
public:
	PatternRun(const Pattern &pattern, u64 seed)
	    : pattern_(pattern), random_(seed), table_(platform_), model_(pattern.main_sectors)
	{
	}

	void run(u64 ops)
	{
		ASSERT_TRUE(table_.create(pattern_.main_sectors).ok());
		const u64 check_every = std::max<u64>(ops / 24, 1);
		for (u64 step = 0; step < ops; step++) {
			if (pattern_.hold && step % 5000 == 0)
				platform_.hold_grace(step % 20000 != 0);
			this->step(step);
			if (step % check_every == check_every - 1)
				check_all(table_, model_, platform_, random_, 400);
			if (step % 512 == 0)
				note_peaks();
			if (testing::Test::HasFailure()) {
				std::printf("  failed at operation %llu\n",
					    (unsigned long long)step);
				return;
			}
		}
		empty();
		using ull = unsigned long long;
		std::printf(
			"  %-36s %8llu operations, %llu refused; up to %llu extents, %llu leaves, "
			"%llu coarse words\n",
			pattern_.name, ull{ops}, ull{refused_}, ull{peak_}, ull{peak_leaves_},
			ull{peak_coarse_});
		ASSERT_TRUE(pattern_.range != huge || peak_coarse_ > 1);
	}

	const TestPlatform &platform() const { return platform_; }

private:
	enum class Op { insert, assign, remove, set_state };

	// A look at the structure, for the report.
	void note_peaks()
	{
		u64 leaves = 0, coarse = 0;
		if (table_.pieces() < 4000) {
			table_.walk([&](const Structure &part) {
				leaves += part.kind == Structure::Kind::leaf;
				coarse += part.kind == Structure::Kind::coarse;
			});
		}
		peak_leaves_ = std::max(peak_leaves_, leaves);
		peak_coarse_ = std::max(peak_coarse_, coarse);
	}

	Op choose(u64 step)
	{
		if (pattern_.period) {
			const bool removing = step % pattern_.period >= pattern_.period / 2;
			if (random_() % 2 || !(pattern_.assign + pattern_.remove))
				return removing ? Op::remove : Op::insert;
		}
		const u64 draw = random_() % 1000;
		if (draw < pattern_.assign)
			return Op::assign;
		if (draw < pattern_.assign + pattern_.remove)
			return Op::remove;
		if (draw < pattern_.assign + pattern_.remove + pattern_.set_state)
			return Op::set_state;
		return Op::insert;
	}

	Extent extent_for(const Range &range)
	{
		const bool long_ones = pattern_.range == huge;
		Extent extent{range.main, range.length, 0, State::active,
			      random_() % 64 < (long_ones ? 1 : 56)};
		// Places that follow main's sectors make neighbours contiguous.
		if (pattern_.places == 0 || random_() % 4 == 0)
			extent.place =
				range.main + 1000 * (random_() % (long_ones ? 512 : 16) == 0);
		else
			extent.place = random_() % pattern_.places;
		extent.place = std::min(extent.place, (u64{1} << kPlaceBits) - range.length);
		const u64 draw = random_() % (long_ones ? 512 : 32);
		if (draw == 0)
			extent.state = State::lost;
		else if (draw == 1)
			extent.state = State::pending;
		// An insert without a boundary continues what is mapped on its left.
		const Answer left = model_left(range.main);
		if (left.state != State::active && left.state != State::lost)
			extent.boundary = true;
		return extent;
	}

	Answer model_left(Sector at) { return at ? model_.lookup(at - 1) : Answer{}; }

	void step(u64 step)
	{
		u64 place_in_period = step;
		if (pattern_.range == isolated)
			place_in_period = step % (pattern_.period / 2);
		Range range = pattern_.range(random_, place_in_period);
		range.main = std::min(range.main, pattern_.main_sectors - 1);
		range.length = std::min({range.length, pattern_.main_sectors - range.main,
					 TestTable::kMaxCallSectors});
		const Op op = choose(step);
		const Extent extent = extent_for(range);
		const State state = random_() % 2 ? State::lost : State::active;
		Status status;
		Error expected = Error::ok;
		switch (op) {
		case Op::insert:
			status = table_.insert(extent);
			expected = model_.insert(extent);
			break;
		case Op::assign:
			status = table_.assign(extent);
			expected = model_.assign(extent);
			break;
		case Op::remove:
			status = table_.remove(range.main, range.length);
			expected = model_.remove(range.main, range.length);
			break;
		case Op::set_state:
			status = table_.set_state(range.main, range.length, state);
			expected = model_.set_state(range.main, range.length, state);
			break;
		}
		ASSERT_STREQ(text_of(status.error()), text_of(expected)) << show(extent);
		refused_ += expected != Error::ok;
		peak_ = std::max(peak_, table_.extents());
		u64 from, to;
		if (table_.resized(&from, &to)) {
			ASSERT_TRUE(to >= 2 * from || 2 * to <= from);
		}
		check_near(range);
	}

	void check_near(const Range &range)
	{
		const Sector at = range.main + random_() % range.length;
		check_lookup(table_, model_, at,
			     1 + random_() % 2048 % (pattern_.main_sectors - at));
		const Sector end = range.main + range.length;
		if (end < pattern_.main_sectors)
			check_lookup(table_, model_, end, 1);
	}

	void empty()
	{
		platform_.hold_grace(false);
		check_all(table_, model_, platform_, random_, 400);
		Extent extent;
		while (table_.next(0, &extent, TestTable::kMaxCallSectors))
			ASSERT_TRUE(table_.remove(extent.main, extent.length).ok());
		drain_limbo(table_);
		ASSERT_EQ(table_.buckets(), 64u);
		ASSERT_EQ(table_.extents() + table_.mapped_sectors() + table_.pending_sectors() +
				  table_.pieces(),
			  0u);
		check_structure(table_, platform_);
	}

	const Pattern &pattern_;
	Random random_;
	TestPlatform platform_;
	TestTable table_;
	TableModel model_;
	u64 peak_ = 0;
	u64 peak_leaves_ = 0;
	u64 peak_coarse_ = 0;
	u64 refused_ = 0;
};

class TableProperty : public testing::TestWithParam<Pattern> {};

TEST_P(TableProperty, AgreesWithTheModel)
{
	const u64 seed = env("DMREMAP_SEED", std::random_device{}());
	std::printf("  DMREMAP_SEED=%llu\n", (unsigned long long)seed);
	const u64 ops = env("DMREMAP_OPS", DMREMAP_DEFAULT_OPS) / std::size(kPatterns);
	auto run = std::make_unique<PatternRun>(GetParam(), seed);
	run->run(ops);
}

std::string test_name(const testing::TestParamInfo<Pattern> &info)
{
	std::string name;
	for (const char *c = info.param.name; *c; c++)
		name += std::isalnum(*c) ? *c : '_';
	return name;
}

INSTANTIATE_TEST_SUITE_P(Patterns, TableProperty, testing::ValuesIn(kPatterns), test_name);

} // namespace
} // namespace remap::test
