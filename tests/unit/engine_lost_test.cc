// SPDX-License-Identifier: GPL-2.0-or-later
// Lost sectors: unreadable, exactly those, until each has been written and the write is stable.
#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

// 100 sectors from 1000 at place 5000, of which [1040, 1060) are lost.
void lose_some(RemapSet &set)
{
	set.host.main.mark_unreadable(1040, 20);
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.engine.table().lost_sectors(), 20u);
}

void expect_lost(RemapSet &set, Sector from, u64 count)
{
	for (Sector at = 990; at < 1110; ++at)
		ASSERT_EQ(set.stamp(at) == RemapSet::kFailed, at >= from && at < from + count)
			<< "sector " << at;
	EXPECT_EQ(set.engine.table().lost_sectors(), count);
	set.check_books();
}

TEST(EngineLost, ReadFailsForThoseSectorsAlone)
{
	RemapSet set;
	lose_some(set);
	expect_lost(set, 1040, 20);
	const auto io = set.read(990, 120);
	for (u32 i = 0; i < 120; ++i)
		ASSERT_EQ(io->status[i], i >= 50 && i < 70 ? IoStatus::medium : IoStatus::ok) << i;
	EXPECT_EQ(set.number("stats", "read_errors"), 20u + 1);
}

TEST(EngineLost, WriteOfAPartRevivesThatPart)
{
	RemapSet set;
	lose_some(set);
	EXPECT_EQ(set.write(1045, 5, 400), IoStatus::ok);
	EXPECT_EQ(set.engine.table().lost_sectors(), 15u);
	for (Sector at = 1040; at < 1060; ++at)
		ASSERT_EQ(set.stamp(at),
			  at >= 1045 && at < 1050 ? 400 + at - 1045 : RemapSet::kFailed);
	EXPECT_EQ(set.write(1040, 5, 500), IoStatus::ok);
	expect_lost(set, 1050, 10);
	EXPECT_EQ(set.number("stats", "revived_sectors"), 10u);
	EXPECT_EQ(set.engine.table().extents(), 1u);
	EXPECT_EQ(set.write(1050, 10, 600), IoStatus::ok);
	EXPECT_EQ(set.extents().size(), 1u);
}

TEST(EngineLost, RevivedIsStableWhenAcknowledged)
{
	RemapSet set;
	lose_some(set);
	EXPECT_EQ(set.write(1040, 20, 400), IoStatus::ok);
	for (u32 i = 0; i < 20; ++i)
		EXPECT_EQ(set.host.spare.stable(set.physical(5040 + i)).stamp(), 400u + i);
}

TEST(EngineLost, WriteCrossingAllKinds)
{
	RemapSet set;
	lose_some(set);
	EXPECT_EQ(set.write(990, 120, 3000), IoStatus::ok);
	expect_lost(set, 0, 0);
	for (u32 i = 0; i < 120; ++i)
		ASSERT_EQ(set.stamp(990 + i), 3000u + i);
	EXPECT_EQ(set.host.main.content(1000).stamp(), RemapSet::original(1000));
}

TEST(EngineLost, WriteZeroesRevivesDiscardDoesNot)
{
	RemapSet set;
	lose_some(set);
	EXPECT_EQ(set.discard(1030, 40), IoStatus::ok);
	expect_lost(set, 1040, 20);
	EXPECT_EQ(set.write_zeroes(1050, 10), IoStatus::ok);
	expect_lost(set, 1040, 10);
	EXPECT_EQ(set.stamp(1055), 0u);
	EXPECT_GT(set.number("stats", "deferred"), 0u);
}

TEST(EngineLost, FailedWriteLeavesThemLost)
{
	RemapSet set;
	lose_some(set);
	set.host.spare.mark_unwritable(set.physical(5045), 1, IoStatus::transport);
	EXPECT_EQ(set.write(1040, 20, 400), IoStatus::transport);
	set.host.spare.unwritable.clear();
	expect_lost(set, 1045, 15); // block by block up to there
	set.host.spare.flush_status = IoStatus::io;
	EXPECT_EQ(set.write(1040, 20, 400), IoStatus::io);
	set.host.spare.flush_status = IoStatus::ok;
	expect_lost(set, 1045, 15);
	EXPECT_EQ(set.write(1040, 20, 400), IoStatus::ok);
	expect_lost(set, 0, 0);
}

TEST(EngineLost, NoMemoryToReviveFailsTheWrite)
{
	RemapSet set;
	lose_some(set);
	for (u64 nth = 1;; ++nth) {
		set.host.faults.arm(AllocationFaults::kNever, nth);
		const IoStatus status = set.write(1045, 5, 400);
		const bool hit = set.host.faults.count() >= nth;
		set.host.faults.disarm();
		if (!hit)
			break;
		if (status != IoStatus::ok) {
			EXPECT_EQ(status, IoStatus::resource);
			expect_lost(set, 1040, 20);
		}
	}
	EXPECT_EQ(set.engine.table().lost_sectors(), 15u);
}

TEST(EngineLost, RevivedWhileSuspending)
{
	RemapSet set;
	lose_some(set);
	set.engine.presuspend();
	EXPECT_EQ(set.write(1040, 20, 400), IoStatus::ok);
	expect_lost(set, 0, 0);
	set.engine.postsuspend();
	EXPECT_EQ(set.resume(), Error::ok);
	expect_lost(set, 0, 0);
}

TEST(EnginePending, ReadsTryMainAndWritesRelocate)
{
	RemapSet set;
	set.host.main.mark_unreadable(1000, 10);
	ASSERT_EQ(set.read(1000, 10)->result(), IoStatus::medium);
	set.host.main.unreadable.clear();
	EXPECT_EQ(set.stamp(1003), RemapSet::original(1003));
	EXPECT_EQ(set.write(998, 8, 50), IoStatus::ok);
	EXPECT_EQ(set.stamp(1005), 57u);
	EXPECT_EQ(set.host.main.content(1001).stamp(), RemapSet::original(1001));
	EXPECT_EQ(set.send("pending"), 1);
	EXPECT_EQ(set.reply, "1006 4\n");
	EXPECT_EQ(set.number("status", "pending_sectors"), 4u);
	EXPECT_EQ(set.number("health", "unreadable_sectors"), 4u);
	// Not mapped: remove_remap refuses, add_remap takes it.
	EXPECT_EQ(set.refusal("remove_remap 1006"), 2);
	EXPECT_EQ(set.refusal("remove_remap 1006 4"), 2);
	EXPECT_EQ(set.send("clear_all"), 1);
	EXPECT_EQ(set.number("status", "pending_sectors"), 4u);
	EXPECT_EQ(set.send("add_remap 1004 0 4"), 1);
	EXPECT_EQ(set.number("status", "pending_sectors"), 2u);
	set.check_books();
}

}  // namespace
}  // namespace remap::test
