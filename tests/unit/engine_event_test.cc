// SPDX-License-Identifier: GPL-2.0-or-later
// Events: the spare filling up, sectors becoming lost and another mode, each told once.
#include "tests/unit/metadata.h"

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

TEST(EngineEvent, ModesAreToldOnceEach)
{
	RemapSet set({.blank = true});
	const Layout &layout = set.engine.layout();
	ASSERT_EQ(set.send("sync"), 1);
	EXPECT_EQ(set.host.notified, 0u);
	set.host.spare.mark_unwritable(layout.site(2), kSiteSectors);
	ASSERT_EQ(set.send("sync"), 1);
	EXPECT_EQ(set.value("status", "mode"), "degraded");
	EXPECT_EQ(set.host.notified, 1u);
	EXPECT_TRUE(set.host.logged("the set is degraded"));
	ASSERT_EQ(set.send("sync"), 1);
	EXPECT_EQ(set.host.notified, 1u);
	set.host.spare.mark_unwritable(layout.site(0), kSiteSectors);
	EXPECT_LT(set.send("sync"), 0);
	EXPECT_EQ(set.value("status", "mode"), "readonly");
	EXPECT_EQ(set.host.notified, 2u);
	EXPECT_TRUE(set.host.logged("the metadata can no longer be written"));
	EXPECT_LT(set.send("sync"), 0);
	EXPECT_EQ(set.host.notified, 2u);
}

// The mode changes where no message is under way.
TEST(EngineEvent, AModeThatASuspendChangesIsTold)
{
	RemapSet set({.blank = true});
	set.host.spare.mark_unwritable(set.engine.layout().site(2), kSiteSectors);
	set.suspend();
	EXPECT_EQ(set.host.notified, 1u);
	set.host.spare.mark_unwritable(set.engine.layout().site(1), kSiteSectors);
	EXPECT_EQ(set.resume(), Error::ok);
	EXPECT_EQ(set.host.notified, 2u);
	EXPECT_EQ(set.value("status", "mode"), "readonly");
}

}  // namespace
}  // namespace remap::test
