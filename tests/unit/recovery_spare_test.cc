// SPDX-License-Identifier: GPL-2.0-or-later
// The spare's own failures: the next place, places that are bad for good, and a spare that is full.
#include "tests/unit/failing_set.h"

namespace remap::test {
namespace {

TEST(RecoverySpare, FailedPlaceIsBadAndTheNextOneTakesTheWrite)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("add_remap 1000 0 8"), 1);
	set.host.spare.mark_unwritable(set.physical(0), 8);
	ASSERT_EQ(set.write(1000, 8, 7000), IoStatus::ok);
	EXPECT_EQ(set.bad_places(), 8u);
	EXPECT_EQ(mapped(set), 8u);
	EXPECT_NE(set.extents()[0].place, 0u);
	EXPECT_EQ(set.refusal("add_remap 2000 0 8"), 17) << "a bad place is not given again";
	set.check_books();
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.bad_places(), 8u);
	EXPECT_EQ(set.stamp(1003), 7003u);
	EXPECT_EQ(set.engine.table().extents(), 1u);
	set.check_books();
}

TEST(RecoverySpare, PartOfAnExtentMoves)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("add_remap 1000 0 64"), 1);
	set.host.spare.mark_unwritable(set.physical(20));
	ASSERT_EQ(set.write(1000, 64, 7000), IoStatus::ok);
	EXPECT_EQ(set.added(), (std::vector<Added>{{1000, 64}})) << "still one as it was added";
	for (u32 i = 0; i < 64; ++i)
		EXPECT_EQ(set.stamp(1000 + i), 7000u + i);
	set.check_books();
	ASSERT_EQ(set.send("remove_remap 1000"), 1);
	EXPECT_EQ(mapped(set), 0u);
	for (u32 i = 0; i < 64; ++i)
		EXPECT_EQ(set.stamp(1000 + i), 7000u + i);
	set.check_books();
}

TEST(RecoverySpare, ManyPlacesFailAtOnce)
{
	RemapSet set;
	for (Sector at = 0; at < 200; ++at) {
		ASSERT_EQ(set.send("add_remap " + std::to_string(1000 + at) + " " +
				   std::to_string(2 * at) + " 1"),
			  1);
		set.host.spare.mark_unwritable(set.physical(2 * at));
	}
	ASSERT_EQ(set.write(1000, 200, 7000), IoStatus::ok);
	for (u32 i = 0; i < 200; ++i)
		ASSERT_EQ(set.stamp(1000 + i), 7000u + i);
	EXPECT_EQ(set.bad_places(), 200u);
	EXPECT_EQ(set.engine.table().extents(), 200u);
	set.check_books();
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	set.check_books();
}

// Places that join, on either side of what is known and between two of them, are one stretch.
// A few KiB of the spare are bad, and its places are sectors.
TEST(RecoverySpare, ABadAreaIsLeftBehind)
{
	RemapSet set;
	set.host.spare.mark_unwritable(set.engine.layout().physical(0), 64);
	set.host.main.mark_unwritable(1000, 8);
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::ok);
	EXPECT_EQ(mapped(set), 8u);
	EXPECT_LE(set.bad_places(), 4u);
	set.check_books();
}

TEST(RecoverySpare, BadPlacesThatJoinAreCountedOnce)
{
	RemapSet set(k512e);
	for (const Sector place : {0u, 16u, 8u, 24u}) {
		const Sector main = 1000 + 10 * place;
		ASSERT_EQ(set.send("add_remap " + std::to_string(main) + " " +
				   std::to_string(place) + " 8"),
			  1);
		set.host.spare.mark_unwritable(set.physical(place), 8);
	}
	for (const Sector place : {0u, 16u, 8u, 24u}) {
		ASSERT_EQ(set.write(1000 + 10 * place, 8, 7000), IoStatus::ok);
		set.check_books();
	}
	EXPECT_EQ(set.bad_places(), 32u);
	EXPECT_EQ(set.number("status", "metadata_used"), 5u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.number("status", "metadata_used"), 5u);
}

// What comes back and what has to move, more of both than one step can plan.
TEST(RecoverySpare, LostAndFailedOnesInTurns)
{
	RemapSet set;
	for (Sector at = 0; at < 300; ++at) {
		ASSERT_EQ(set.send("add_remap " + std::to_string(1000 + at) + " " +
				   std::to_string(2 * at) + " 1" + (at % 2 ? " nocopy" : "")),
			  1);
		if (at % 2 == 0)
			set.host.spare.mark_unwritable(set.physical(2 * at));
	}
	ASSERT_EQ(set.write(1000, 300, 7000), IoStatus::ok);
	for (u32 i = 0; i < 300; ++i)
		ASSERT_EQ(set.stamp(1000 + i), 7000u + i);
	EXPECT_EQ(set.bad_places(), 150u);
	EXPECT_EQ(set.engine.table().lost_sectors(), 0u);
	set.check_books();
}

TEST(RecoverySpare, BadPlacesSurviveCheckpointsAndTheLog)
{
	RemapSet set({.spare_sectors = 16384, .physical_sectors = 8});
	for (u32 i = 0; i < 40; ++i) {
		const Sector main = 1000 + 100 * i;
		ASSERT_EQ(set.send("add_remap " + std::to_string(main) + " " +
				   std::to_string(200 * i) + " 8"),
			  1);
		set.host.spare.mark_unwritable(set.physical(200 * i), 8);
		ASSERT_EQ(set.write(main, 8, 7000), IoStatus::ok);
		if (i == 20) {
			ASSERT_EQ(set.send("sync"), 1);
		}
	}
	ASSERT_EQ(set.bad_places(), 320u);
	for (const bool sync : {false, true, true}) {
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		ASSERT_EQ(set.bad_places(), 320u);
		set.check_books();
		for (u32 i = 0; i < 40; ++i)
			ASSERT_EQ(set.refusal("add_remap 60000 " + std::to_string(200 * i) + " 1"),
				  17);
		if (sync) {
			ASSERT_EQ(set.send("sync"), 1);
		}
	}
}

TEST(RecoverySpare, LostAndPendingSectorsTakeTheNextPlaceToo)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("add_remap 1000 0 8 nocopy"), 1);
	set.host.spare.mark_unwritable(set.physical(0), 16);
	ASSERT_EQ(set.write(1000, 4, 7000), IoStatus::ok);
	EXPECT_EQ(set.engine.table().lost_sectors(), 4u);
	set.host.main.mark_unreadable(2000, 8);
	EXPECT_EQ(set.read(2000, 8)->result(), IoStatus::medium);
	ASSERT_EQ(set.write(2000, 8, 8000), IoStatus::ok);
	EXPECT_EQ(set.stamp(1003), 7003u);
	EXPECT_EQ(set.stamp(1004), RemapSet::kFailed);
	EXPECT_EQ(set.stamp(2007), 8007u);
	set.check_books();
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	set.check_books();
}

TEST(RecoverySpare, DeadSpareTakesAFewPlacesAndNoMore)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	for (Sector at = 0; at < set.data_sectors(); ++at)
		set.host.spare.unwritable[set.physical(at)] = IoStatus::medium;
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::medium);
	EXPECT_EQ(mapped(set), 0u);
	EXPECT_LE(set.bad_places(), 64u);
	EXPECT_EQ(set.value("health", "verdict"), "spare");
	set.check_books();
}

TEST(RecoverySpare, PathErrorOfTheSpareMakesNoPlaceBad)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	const Snapshot before = set.snapshot();
	for (Sector at = 0; at < set.data_sectors(); ++at)
		set.host.spare.unwritable[set.physical(at)] = IoStatus::transport;
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::medium);
	set.host.spare.unwritable.clear();
	set.expect_same(before);
	EXPECT_EQ(set.bad_places(), 0u);
}

TEST(RecoverySpare, FailedReadOfThePlaceIsAnErrorUpward)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("add_remap 1000 0 8"), 1);
	const Snapshot before = set.snapshot();
	set.host.spare.mark_unreadable(set.physical(3));
	EXPECT_EQ(set.read(1003, 1)->result(), IoStatus::medium);
	EXPECT_EQ(set.stamp(1004), RemapSet::original(1004));
	set.expect_same(before);
}

TEST(RecoverySpare, ExhaustedFailsUpwardAndNothingElseSuffers)
{
	RemapSet set({.spare_sectors = 4096, .physical_sectors = 8});
	const u64 total = set.number("status", "spare_total");
	ASSERT_EQ(set.send("relocate 20000 " + std::to_string(total)), 1);
	set.host.main.mark_unwritable(1000, 8);
	const u64 told = set.host.notified;
	EXPECT_EQ(set.value("status", "mode"), "ok");
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::medium);
	EXPECT_EQ(set.value("status", "mode"), "degraded");
	EXPECT_GT(set.host.notified, told);
	EXPECT_EQ(set.value("health", "verdict"), "spare_full");
	EXPECT_EQ(set.number("health", "score"), 49u) << "50, and an error was seen; see monitoring.md";
	EXPECT_TRUE(set.host.logged("no place on the spare is left"));
	EXPECT_EQ(set.write(3000, 8, 7000), IoStatus::ok);
	EXPECT_EQ(set.write(20000, 8, 7000), IoStatus::ok);
	set.check_books();
	ASSERT_EQ(set.send("remove_remap 20000"), 1);
	EXPECT_EQ(set.value("status", "mode"), "ok");
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::ok);
	set.check_books();
}

TEST(RecoverySpare, FailedFlushOfTheSpareLeavesNothing)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	set.host.spare.flush_status = IoStatus::io;
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::medium) << "its own error";
	set.host.spare.flush_status = IoStatus::ok;
	EXPECT_EQ(mapped(set), 0u);
	set.check_books();
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::ok);
	set.check_books();
}

TEST(RecoverySpare, MetadataThatCannotBeWrittenFailsUpwardAndCloses)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector sector, u64) {
		if (call == HostCall::write && device == kFirstSpare && !set.is_data(sector))
			set.host.spare.write_status = IoStatus::medium;
	};
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::medium) << "its own error";
	EXPECT_EQ(set.value("status", "mode"), "readonly");
	EXPECT_EQ(set.value("health", "verdict"), "metadata");
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::io) << "in doubt: closed to writes";
	set.host.hook = nullptr;
	set.host.spare.write_status = IoStatus::ok;
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.write(1000, 8, 8000), IoStatus::ok);
	set.check_books();
}

}  // namespace
}  // namespace remap::test
