// SPDX-License-Identifier: GPL-2.0-or-later
// remove_remap and clear_all: the newest data returns to main before the mapping goes.
#include <cerrno>

#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

TEST(EngineRemove, ReturnsTheNewestDataStable)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.write(1000, 100, 7000), IoStatus::ok);
	EXPECT_EQ(set.send("remove_remap 1042"), 1);
	EXPECT_EQ(set.reply, "removed 1000 (length: 100)");
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.host.main.stable(1000 + i).stamp(), 7000u + i);
	EXPECT_EQ(set.engine.table().mapped_sectors(), 0u);
	EXPECT_EQ(set.number("stats", "removed"), 1u);
	EXPECT_EQ(set.number("stats", "returned_sectors"), 100u);
	set.check_books();
	// The place is free again.
	EXPECT_EQ(set.send("add_remap 3000 5000 100"), 1);
}

TEST(EngineRemove, MiddlePartLeavesTwoExtents)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.write(1000, 100, 7000), IoStatus::ok);
	EXPECT_EQ(set.send("remove_remap 1040 20"), 1);
	EXPECT_EQ(set.reply, "removed 1040 (length: 20)");
	EXPECT_EQ(set.engine.table().extents(), 2u);
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.stamp(1000 + i), 7000u + i);
	set.check_books();
	EXPECT_EQ(set.send("remove_remap 1099"), 1);
	EXPECT_EQ(set.reply, "removed 1060 (length: 40)");
	EXPECT_EQ(set.send("remove_remap 1000"), 1);
	EXPECT_EQ(set.reply, "removed 1000 (length: 40)");
	EXPECT_EQ(set.spare_used(), 0u);
}

TEST(EngineRemove, OneOfTwoAdjacentAdds)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.send("add_remap 1100 5100 50"), 1);
	EXPECT_EQ(set.send("remove_remap 1050"), 1);
	EXPECT_EQ(set.reply, "removed 1000 (length: 100)");
	EXPECT_EQ(set.extents().size(), 1u);
	EXPECT_EQ(set.extents()[0].main, 1100u);
	EXPECT_EQ(set.extents()[0].length, 50u);
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	// With LEN both at once, and a part of each.
	EXPECT_EQ(set.send("remove_remap 1090 20"), 1);
	EXPECT_EQ(set.engine.table().extents(), 2u);
	set.check_books();
}

TEST(EngineRemove, LostSectorsKeepTheExtentUntilWritten)
{
	RemapSet set;
	set.host.main.mark_unreadable(1010, 2);
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	const Snapshot before = set.snapshot();
	EXPECT_EQ(set.refusal("remove_remap 1000"), ENODATA);
	EXPECT_NE(set.last_error().find("(sector 1010)"), std::string::npos);
	set.expect_same(before);
	EXPECT_EQ(set.send("remove_remap 1000 10"), 1);
	EXPECT_EQ(set.write(1010, 2, 600), IoStatus::ok);
	EXPECT_EQ(set.send("remove_remap 1010"), 1);
	EXPECT_EQ(set.host.main.stable(1011).stamp(), 601u);
	EXPECT_EQ(set.stamp(1010), 600u);
	EXPECT_EQ(set.spare_used(), 0u);
}

TEST(EngineRemove, MainRefusingTheDataKeepsTheMapping)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.write(1000, 100, 7000), IoStatus::ok);
	Snapshot before = set.snapshot();
	set.host.main.mark_unwritable(1077);
	EXPECT_EQ(set.refusal("remove_remap 1000"), EIO);
	EXPECT_NE(set.last_error().find("the range stays mapped"), std::string::npos);
	before.main = set.host.main.written();
	set.expect_same(before);
	set.host.main.unwritable.clear();
	set.host.main.flush_status = IoStatus::io;
	EXPECT_EQ(set.refusal("remove_remap 1000"), EIO);
	EXPECT_EQ(set.last_error(), "remove_remap: main cannot be flushed (I/O error without a "
				    "reason); the range stays mapped");
	before.main = set.host.main.written();
	set.expect_same(before);
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.stamp(1000 + i), 7000u + i);
	set.host.main.flush_status = IoStatus::ok;
	set.host.spare.mark_unreadable(set.physical(5003));
	EXPECT_EQ(set.refusal("remove_remap 1000"), EIO);
	EXPECT_NE(set.last_error().find("the spare cannot be read"), std::string::npos);
	set.expect_same(before);
}

TEST(EngineRemove, StaleOkUnmapsWithoutTouchingMain)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.send("add_remap 2000 6000 10 nocopy"), 1);
	ASSERT_EQ(set.write(1000, 100, 7000), IoStatus::ok);
	const Snapshot before = set.snapshot();
	EXPECT_EQ(set.refusal("remove_remap 1000 100 stale-ok"), EBUSY);
	set.expect_same(before);
	set.host.open = false;
	EXPECT_EQ(set.send("remove_remap 1000 stale-ok"), 1);
	EXPECT_EQ(set.host.main.writes, 0u);
	EXPECT_EQ(set.stamp(1000), RemapSet::original(1000));
	// Lost sectors too.
	EXPECT_EQ(set.send("remove_remap 2000 stale-ok"), 1);
	EXPECT_EQ(set.spare_used(), 0u);
}

TEST(EngineRemove, OpenedMeanwhileEndsStaleOk)
{
	RemapSet set;
	ASSERT_EQ(set.send("relocate 0 5000"), 1);
	set.host.open = false;
	u32 drains = 0;
	set.host.hook = [&](HostCall call, DeviceIndex, Sector, u64) {
		set.host.open = call == HostCall::drain && ++drains == 2;
	};
	EXPECT_EQ(set.refusal("remove_remap 0 stale-ok"), EBUSY);
	set.host.hook = nullptr;
	EXPECT_EQ(set.engine.table().mapped_sectors() % Engine<MemoryHost>::kStepSectors, 0u);
	set.check_books();
}

TEST(EngineRemove, ContinuesWhereItWasInterrupted)
{
	for (const char *length : {"", " 10007"}) {
		RemapSet set;
		ASSERT_EQ(set.send("relocate 100 10007"), 1);
		ASSERT_EQ(set.write(100, 10007, 50000), IoStatus::ok);
		u32 drains = 0;
		set.host.hook = [&](HostCall call, DeviceIndex, Sector, u64) {
			drains += call == HostCall::drain;
			set.host.stop = drains == 3;
		};
		const std::string message = std::string("remove_remap 100") + length;
		EXPECT_EQ(set.refusal(message), EINTR);
		set.host.hook = nullptr;
		set.host.stop = false;
		set.check_books();
		const u64 left = set.engine.table().mapped_sectors();
		EXPECT_GT(left, 0u);
		EXPECT_LT(left, 10007u);
		EXPECT_EQ(set.engine.table().extents(), 1u);
		EXPECT_EQ(set.send(message), 1) << set.last_error();
		EXPECT_EQ(set.spare_used(), 0u);
		for (u32 i = 0; i < 10007; ++i)
			ASSERT_EQ(set.host.main.stable(100 + i).stamp(), 50000u + i);
		EXPECT_EQ(set.refusal(message), ENOENT);
	}
}

TEST(EngineClear, RemovesAllButWhatHasToStay)
{
	RemapSet set;
	ASSERT_EQ(set.send("relocate 0 5000"), 1);
	ASSERT_EQ(set.send("relocate 6000 8"), 1);
	ASSERT_EQ(set.send("add_remap 7000 20000 8 nocopy"), 1);
	ASSERT_EQ(set.send("relocate 8000 8"), 1);
	ASSERT_EQ(set.write(6000, 8, 800), IoStatus::ok);
	EXPECT_EQ(set.refusal("clear_all"), ENODATA);
	EXPECT_EQ(set.last_error(),
		  "clear_all: 5016 sectors were unmapped, 8 stay: the range has lost sectors; it "
		  "stays mapped until they are written");
	EXPECT_EQ(set.extents().size(), 1u);
	EXPECT_EQ(set.host.main.stable(6007).stamp(), 807u);
	set.check_books();
	EXPECT_EQ(set.write_zeroes(7000, 8), IoStatus::ok);
	EXPECT_EQ(set.send("clear_all"), 1);
	EXPECT_EQ(set.reply, "removed 8 sectors");
	EXPECT_EQ(set.send("clear_all"), 1);
	EXPECT_EQ(set.reply, "removed 0 sectors");
	EXPECT_EQ(set.spare_used(), 0u);
}

TEST(EngineClear, CountsWhatWentOfALongExtent)
{
	RemapSet set;
	ASSERT_EQ(set.send("relocate 0 5000"), 1);
	set.host.main.mark_unwritable(2500);
	EXPECT_EQ(set.refusal("clear_all"), EIO);
	EXPECT_EQ(set.last_error(), "clear_all: 2952 sectors were unmapped, 2048 stay: main "
				    "refused the I/O");
	EXPECT_EQ(set.engine.table().mapped_sectors(), 2048u);
	set.check_books();
}

TEST(EngineClear, InterruptedSaysSo)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 0 0 8 nocopy"), 1);
	ASSERT_EQ(set.send("relocate 10000 8"), 1);
	ASSERT_EQ(set.send("relocate 20000 8"), 1);
	set.host.hook = [&](HostCall call, DeviceIndex, Sector sector, u64) {
		set.host.stop = call == HostCall::drain && sector == 10000;
	};
	EXPECT_EQ(set.refusal("clear_all"), EINTR);
	EXPECT_EQ(set.last_error(), "clear_all: interrupted; what was finished before is kept");
	set.host.hook = nullptr;
}

TEST(EngineClear, SmallExtentsShareAFenceAndAFlush)
{
	RemapSet set;
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(i * 16) + " 4"), 1);
	const u64 fences = set.number("stats", "fences");
	const u64 flushes = set.host.main.flushes;
	set.host.main.mark_unwritable(160);
	EXPECT_EQ(set.refusal("clear_all"), EIO);
	EXPECT_EQ(set.number("stats", "fences"), fences + 1);
	EXPECT_EQ(set.host.main.flushes, flushes + 1);
	EXPECT_EQ(set.engine.table().mapped_sectors(), 4u) << "the one that main refuses";
	set.check_books();
}

TEST(EngineClear, NothingIsUnmappedWhenMainCannotBeFlushed)
{
	RemapSet set;
	ASSERT_EQ(set.send("relocate 0 4"), 1);
	set.host.main.flush_status = IoStatus::io;
	EXPECT_EQ(set.refusal("clear_all"), EIO);
	EXPECT_EQ(set.engine.table().mapped_sectors(), 4u);
}

TEST(EngineClear, StaleOkOnlyWhileClosed)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 7000 20000 8 nocopy"), 1);
	EXPECT_EQ(set.refusal("clear_all stale-ok"), EBUSY);
	set.host.open = false;
	EXPECT_EQ(set.send("clear_all stale-ok"), 1);
	EXPECT_EQ(set.spare_used(), 0u);
}

}  // namespace
}  // namespace remap::test
