// SPDX-License-Identifier: GPL-2.0-or-later
// Events: the spare filling up and sectors becoming lost, each told once.
#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

u64 relocate_until(RemapSet &set, Sector from, u64 percent)
{
	const u64 total = set.number("status", "spare_total");
	while (set.number("status", "spare_used") * 100 < total * percent) {
		EXPECT_EQ(set.send("relocate " + std::to_string(from) + " 8"), 1);
		from += 16;
	}
	return from;
}

TEST(EngineEvent, SpareMarksAreToldOnceEach)
{
	RemapSet set({.main_sectors = 65536, .spare_sectors = 4096});
	u64 at = relocate_until(set, 0, 79);
	EXPECT_EQ(set.host.notified, 0u);
	at = relocate_until(set, at, 80);
	EXPECT_EQ(set.host.notified, 1u);
	at = relocate_until(set, at, 89);
	EXPECT_EQ(set.host.notified, 1u);
	at = relocate_until(set, at, 100);
	EXPECT_EQ(set.host.notified, 3u);
	ASSERT_EQ(set.send("clear_all"), 1);
	relocate_until(set, 0, 81);
	EXPECT_EQ(set.host.notified, 4u) << "a spare that was emptied may fill again";
}

TEST(EngineEvent, NewLostSectorsAreTold)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 0 0 8"), 1);
	EXPECT_EQ(set.host.notified, 0u);
	ASSERT_EQ(set.send("add_remap 100 100 8 nocopy"), 1);
	EXPECT_EQ(set.host.notified, 1u);
	ASSERT_EQ(set.write(100, 8, 1), IoStatus::ok);
	ASSERT_EQ(set.send("add_remap 200 200 8 nocopy"), 1);
	EXPECT_EQ(set.host.notified, 2u) << "the first were alive again, so these are new";
}

}  // namespace
}  // namespace remap::test
