// SPDX-License-Identifier: GPL-2.0-or-later
// Layout: no data sector is metadata, none is used twice, and what is reserved adds up.
#include "core/format/layout.h"

#include <gtest/gtest.h>

namespace remap::test {
namespace {

TEST(Layout, FiveHundredMegabytesHaveRoomForTheQuickStart)
{
	const Layout layout = Layout::of(500 * kSectorsPerMiB);
	ASSERT_TRUE(layout.valid());
	EXPECT_GT(layout.data_sectors(), 5100u);
	EXPECT_EQ(layout.max_extents(), 128000u);
	EXPECT_EQ(layout.data_sectors() + layout.reserved_sectors(), 500u * kSectorsPerMiB);
}

TEST(Layout, DataAvoidsEverySite)
{
	for (Sector sectors = 1000; sectors < 40000; sectors += 77) {
		const Layout layout = Layout::of(sectors);
		if (!layout.valid()) {
			ASSERT_GE(layout.reserved_sectors(), round_down(sectors, 8));
			ASSERT_EQ(layout.data_sectors(), 0u);
			continue;
		}
		const Sector last = layout.data_sectors() - 1;
		const Sector border = layout.border();
		ASSERT_TRUE(is_aligned(border, 8) && is_aligned(layout.data_sectors(), 8));
		ASSERT_EQ(layout.head_site(), 0u);
		ASSERT_GT(layout.physical(0), layout.head_site() + 16);
		ASSERT_LE(layout.physical(last), layout.tail_site());
		ASSERT_LE(layout.tail_site() + 16, sectors);
		ASSERT_EQ(layout.physical(border - 1) + 1, layout.middle_site());
		ASSERT_EQ(layout.physical(border), layout.middle_site() + 16);
		ASSERT_EQ(layout.reserved_sectors() + layout.data_sectors(), sectors / 8 * 8);
		// The middle site lies in the middle of the data.
		ASSERT_LE(border, layout.data_sectors() - border);
		ASSERT_LE(layout.data_sectors() - border - border, 8u);
	}
}

TEST(Layout, ContiguousStopsAtTheBorder)
{
	const Layout layout = Layout::of(32768);
	const Sector border = layout.border();
	EXPECT_EQ(layout.contiguous(0, 10), 10u);
	EXPECT_EQ(layout.contiguous(border - 3, 10), 3u);
	EXPECT_EQ(layout.contiguous(border, 10), 10u);
	for (Sector data = border - 20; data < border + 20; ++data) {
		const u64 count = layout.contiguous(data, 30);
		EXPECT_EQ(layout.physical(data + count - 1), layout.physical(data) + count - 1);
	}
}

TEST(Layout, SmallestSpare)
{
	Sector smallest = 0;
	while (!Layout::of(smallest).valid())
		smallest += 8;
	const Layout layout = Layout::of(smallest);
	EXPECT_EQ(layout.data_sectors(), 8u);
	EXPECT_EQ(layout.reserved_sectors(), smallest - 8);
	EXPECT_LT(layout.physical(0), layout.tail_site());
	EXPECT_NE(round_down(layout.physical(0), 16), layout.middle_site());
	EXPECT_FALSE(Layout::of(0).valid());
	EXPECT_FALSE(Layout::of(7).valid());
}

TEST(Layout, HugeSparesAreLimitedByTheTable)
{
	const Sector sectors = Sector{1} << 40;
	const Layout layout = Layout::of(sectors);
	ASSERT_TRUE(layout.valid());
	EXPECT_EQ(layout.max_extents(), kMaxExtents);
	EXPECT_EQ(layout.data_sectors() + layout.reserved_sectors(), sectors);
	EXPECT_FALSE(Layout::of((Sector{1} << 42) + 8).valid());
}

TEST(Bits, Arithmetic)
{
	EXPECT_TRUE(range_fits(0, 10, 10));
	EXPECT_FALSE(range_fits(1, 10, 10));
	EXPECT_FALSE(range_fits(~u64{0}, 2, 10));
	EXPECT_FALSE(range_fits(5, ~u64{0}, 10));
	EXPECT_TRUE(ranges_overlap(0, 10, 9, 1));
	EXPECT_FALSE(ranges_overlap(0, 10, 10, 1));
	EXPECT_EQ(low_mask(0), 0u);
	EXPECT_EQ(low_mask(64), ~u64{0});
	EXPECT_EQ(round_up(9, 8), 16u);
	EXPECT_EQ(div_round_up(9, 7), 2u);
}

}  // namespace
}  // namespace remap::test
