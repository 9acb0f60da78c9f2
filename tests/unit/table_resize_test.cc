// SPDX-License-Identifier: GPL-2.0-or-later
// The doublings and halvings that the kernel log shows: buckets that are really there.
#include <vector>

#include "tests/unit/table_check.h"

namespace remap::test {
namespace {

using Resizes = std::vector<std::pair<u64, u64>>;

void note(TestTable &table, Resizes &resizes)
{
	u64 from, to;
	if (table.resized(&from, &to)) {
		ASSERT_TRUE(to >= 2 * from || 2 * to <= from);
		resizes.emplace_back(from, to);
	}
	ASSERT_GE(table.buckets(), 64u);
}

// Each report continues the one before, and the first ones are exact.
void expect_chain(const Resizes &resizes)
{
	for (usize i = 1; i < resizes.size(); i++)
		EXPECT_EQ(resizes[i].first, resizes[i - 1].second);
}

TEST(TableResize, GrowsBySmallPowersOfTwoAndReturnsTo64)
{
	constexpr u64 kExtents = 4000;
	TestPlatform platform;
	TestTable table(platform);
	ASSERT_TRUE(table.create(kExtents * 2048).ok());
	Resizes up, down;
	for (u64 i = 0; i < kExtents; i++) {
		ASSERT_TRUE(table.insert({i * 2048, 8, i * 8, State::active, true}).ok());
		note(table, up);
		// Between 0.5 and 1.5 extents per bucket, as soon as there are more than the least.
		EXPECT_LE(2 * table.extents(), 3 * table.buckets());
		if (table.buckets() > 64) {
			EXPECT_GE(2 * table.extents(), table.buckets());
		}
	}
	ASSERT_GE(up.size(), 5u);
	EXPECT_EQ(up[0], (std::pair<u64, u64>{64, 128}));
	EXPECT_EQ(up[1], (std::pair<u64, u64>{128, 256}));
	EXPECT_EQ(up[2], (std::pair<u64, u64>{256, 512}));
	expect_chain(up);
	check_structure(table, platform);
	for (u64 i = 0; i < kExtents; i++) {
		ASSERT_TRUE(table.remove(i * 2048, 8).ok());
		note(table, down);
	}
	ASSERT_GE(down.size(), 4u);
	EXPECT_EQ(down.back().second, 64u);
	EXPECT_EQ(table.buckets(), 64u);
	expect_chain(down);
	drain_limbo(table);
	check_structure(table, platform);
}

// Many extents in few regions: buckets of leaves grow instead of slots.
TEST(TableResize, CountsBucketsOfLeavesToo)
{
	TestPlatform platform;
	TestTable table(platform);
	ASSERT_TRUE(table.create(1'000'000).ok());
	Resizes resizes;
	for (u64 i = 0; i < 3850; i++) {
		ASSERT_TRUE(table.insert({i * 10, 1, i, State::active, true}).ok());
		note(table, resizes);
		EXPECT_LE(2 * table.extents(), 3 * table.buckets());
	}
	EXPECT_GE(resizes.size(), 3u);
	check_structure(table, platform);
	for (u64 i = 0; i < 3850; i++) {
		ASSERT_TRUE(table.remove(i * 10, 1).ok());
		note(table, resizes);
	}
	EXPECT_EQ(table.buckets(), 64u);
}

} // namespace
} // namespace remap::test
