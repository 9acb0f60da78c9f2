// SPDX-License-Identifier: GPL-2.0-or-later
// Reads that fail on main: retried, rescued, or pending; never a content that nobody wrote.
#include "tests/unit/failing_set.h"

namespace remap::test {
namespace {

// Makes the sectors readable when the core reads them by itself for the n-th time.
void comes_back_at(RemapSet &set, Sector sector, u32 nth)
{
	set.host.hook = [&set, sector, nth, reads = 0u](HostCall call, DeviceIndex device, Sector at,
							u64 count) mutable {
		if (call == HostCall::read && device == kMainDevice && at == sector && count == 1 &&
		    ++reads == nth)
			set.host.main.unreadable.erase(sector);
	};
}

TEST(RecoveryRead, ExactlyTheUnreadableSectorsFail)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(2053, 1);
	set.host.main.mark_unreadable(3000, 2);
	EXPECT_EQ(set.read(2048, 2048)->result(), IoStatus::medium);
	EXPECT_EQ(pending(set), 3u);
	EXPECT_EQ(mapped(set), 0u);
	for (Sector at = 2048; at < 4096; ++at)
		ASSERT_EQ(set.stamp(at), at == 2053 || at == 3000 || at == 3001
						 ? RemapSet::kFailed
						 : RemapSet::original(at));
	EXPECT_EQ(set.send("pending"), 1);
	EXPECT_EQ(set.reply, "2053 1\n3000 2\n");
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(pending(set), 3u) << "pending is durable before the read fails";
}

TEST(RecoveryRead, ReadsOfPendingGoOnTryingMain)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(1000);
	EXPECT_EQ(set.stamp(1000), RemapSet::kFailed);
	const u64 commits = set.number("stats", "commits");
	EXPECT_EQ(set.stamp(1000), RemapSet::kFailed);
	EXPECT_EQ(set.number("stats", "commits"), commits) << "it is known already";
	set.host.main.unreadable.clear();
	EXPECT_EQ(set.stamp(1000), RemapSet::original(1000));
	EXPECT_EQ(pending(set), 1u);
}

TEST(RecoveryRead, NextWriteRelocates)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(1000, 4);
	EXPECT_EQ(set.read(1000, 4)->result(), IoStatus::medium);
	const u64 writes = set.host.main.writes;
	ASSERT_EQ(set.write(1001, 2, 7000), IoStatus::ok);
	EXPECT_EQ(set.host.main.writes, writes) << "main is not asked";
	EXPECT_EQ(pending(set), 2u);
	EXPECT_EQ(mapped(set), 2u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.stamp(1001), 7000u);
	EXPECT_EQ(set.stamp(1002), 7001u);
	EXPECT_EQ(set.stamp(1000), RemapSet::kFailed);
	ASSERT_EQ(set.write(990, 20, 8000), IoStatus::ok);
	EXPECT_EQ(pending(set), 0u);
	for (u32 i = 0; i < 20; ++i)
		EXPECT_EQ(set.stamp(990 + i), 8000u + i);
	set.check_books();
}

TEST(RecoveryRead, WhatComesBackIsRescued)
{
	for (u32 nth = 1; nth <= 3; ++nth) {
		RemapSet set(k512e);
		set.host.main.mark_unreadable(1003);
		comes_back_at(set, 1003, nth);
		const auto io = set.read(1000, 16);
		ASSERT_EQ(io->result(), IoStatus::ok);
		for (u32 i = 0; i < 16; ++i)
			EXPECT_EQ(io->data[i].stamp(), RemapSet::original(1000 + i));
		EXPECT_EQ(mapped(set), 1u);
		EXPECT_EQ(pending(set), 0u);
		EXPECT_EQ(set.number("health", "remaps_by_read"), 1u);
		set.host.hook = nullptr;
		set.host.main.mark_unreadable(1003);
		ASSERT_EQ(set.crash_and_reload(), Error::ok);
		EXPECT_EQ(set.stamp(1003), RemapSet::original(1003));
		set.check_books();
	}
}

// The spare takes it and does not give it back: that is no place for what is in hand.
TEST(RecoveryRead, APlaceThatGivesNothingBackIsNone)
{
	RemapSet set(k512e);
	const Sector first = set.engine.layout().physical(0);
	set.host.main.mark_unreadable(1003);
	bool refused = false;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector sector, u64) {
		if (call == HostCall::read && device == kMainDevice && sector == 1003)
			set.host.main.unreadable.erase(1003);
		if (call == HostCall::forward && device == kFirstSpare && sector == first) {
			set.host.spare.mark_unreadable(first);
			refused = true;
		}
	};
	const auto io = set.read(1003, 1);
	set.host.hook = nullptr;
	EXPECT_TRUE(refused);
	ASSERT_EQ(io->result(), IoStatus::ok);
	EXPECT_EQ(io->data[0].stamp(), RemapSet::original(1003));
	EXPECT_EQ(set.bad_places(), 1u);
	EXPECT_EQ(set.stamp(1003), RemapSet::original(1003));
	set.check_books();
}

// A message that moves tries as often as a reader would.
TEST(RecoveryRead, WhatIsRelocatedIsTriedAgainToo)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(1003);
	comes_back_at(set, 1003, 2);
	ASSERT_EQ(set.send("relocate 1000 8"), 1);
	set.host.hook = nullptr;
	EXPECT_EQ(set.engine.table().lost_sectors(), 0u);
	EXPECT_EQ(set.stamp(1003), RemapSet::original(1003));
}

// A controller that has no name for it.
TEST(RecoveryRead, WhatIsRelocatedIsTriedAgainWhateverTheError)
{
	for (const IoStatus status : {IoStatus::io, IoStatus::target}) {
		RemapSet set(k512e);
		set.host.main.mark_unreadable(1003, 1, status);
		comes_back_at(set, 1003, 2);
		ASSERT_EQ(set.send("relocate 1000 8"), 1);
		set.host.hook = nullptr;
		EXPECT_EQ(set.engine.table().lost_sectors(), 0u);
		EXPECT_EQ(set.stamp(1003), RemapSet::original(1003));
	}
}

// The disk answers when it is asked, and goes while one sector of it is tried.
TEST(RecoveryRead, DeviceThatGoesMeanwhileLeavesNothing)
{
	for (const IoStatus status : {IoStatus::io, IoStatus::target})
		for (const Sector first : {2000u, 2010u}) {
			RemapSet set(k512e);
			const Snapshot before = set.snapshot();
			set.host.main.mark_unreadable(2010, 1, status);
			bool asked = false;
			set.host.hook = [&](HostCall call, DeviceIndex device, Sector at, u64) {
				if (call != HostCall::read || device != kMainDevice)
					return;
				if (asked)
					set.host.main.fail_all(status);
				asked |= at < 1000 || at > 10000;
			};
			EXPECT_NE(set.read(first, 64)->result(), IoStatus::ok);
			set.host.hook = nullptr;
			EXPECT_EQ(set.value("health", "verdict"), "device");
			set.expect_same(before);
		}
}

// Its reader has it from the new place; a flush that failed may have emptied that before.
TEST(RecoveryRead, RescueThatCannotBeMadeStableIsNoAnswer)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(1003);
	comes_back_at(set, 1003, 1);
	set.host.spare.flush_status = IoStatus::io;
	EXPECT_NE(set.read(1000, 8)->result(), IoStatus::ok);
	set.host.hook = nullptr;
	EXPECT_EQ(mapped(set), 0u);
	EXPECT_EQ(set.stamp(1003), RemapSet::original(1003)) << "main has it";
}

// On a disk that takes its time for each bad sector, others who need the lock do not wait for all of them.
TEST(RecoveryRead, OthersComeInBetween)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(2000, 64);
	u32 reads = 0;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		set.host.now += call == HostCall::read && device == kMainDevice && ++reads;
	};
	EXPECT_EQ(set.read(1960, 128)->result(), IoStatus::medium);
	set.host.hook = nullptr;
	EXPECT_EQ(pending(set), 64u);
	EXPECT_GE(set.number("stats", "fences"), 9u) << "a physical block in each step";
	EXPECT_LE(set.number("stats", "fences"), 11u);
	set.check_books();
}

TEST(RecoveryRead, RetriesAreCounted)
{
	for (const u32 retries : {0u, 1u, 7u}) {
		RemapSet set;
		Policy policy;
		policy.retries = retries;
		set.engine.set_policy(policy);
		set.host.main.mark_unreadable(1003);
		const u64 before = set.host.main.reads;
		EXPECT_EQ(set.read(1003, 1)->result(), IoStatus::medium);
		// The user's, the one that tells which block it is, and the retries.
		EXPECT_EQ(set.host.main.reads - before, 2 + retries);
	}
}

TEST(RecoveryRead, RescueWithoutRoomStillAnswers)
{
	RemapSet set({.spare_sectors = 4096, .physical_sectors = 8});
	const u64 total = set.number("status", "spare_total");
	ASSERT_EQ(set.send("relocate 20000 " + std::to_string(total)), 1);
	set.host.main.mark_unreadable(1003);
	comes_back_at(set, 1003, 1);
	const auto io = set.read(1003, 1);
	EXPECT_EQ(io->result(), IoStatus::ok);
	EXPECT_EQ(io->data[0].stamp(), RemapSet::original(1003));
	set.host.main.mark_unreadable(1004);
	EXPECT_EQ(set.stamp(1004), RemapSet::kFailed);
	EXPECT_EQ(pending(set), 1u) << "that needs no place";
	set.check_books();
}

TEST(RecoveryRead, OnReadErrorFailRecordsNothing)
{
	RemapSet set;
	Policy policy;
	policy.retry_reads = false;
	set.engine.set_policy(policy);
	const Snapshot before = set.snapshot();
	set.host.main.mark_unreadable(1000);
	EXPECT_EQ(set.read(1000, 1)->result(), IoStatus::medium);
	set.expect_same(before);
}

TEST(RecoveryRead, OtherErrorsChangeNothing)
{
	for (const IoStatus status :
	     {IoStatus::protection, IoStatus::transport, IoStatus::timeout, IoStatus::resource}) {
		RemapSet set;
		const Snapshot before = set.snapshot();
		set.host.main.read_status = status;
		EXPECT_EQ(set.read(1000, 8)->result(), status);
		EXPECT_EQ(set.value("health", "verdict"), "path");
		set.expect_same(before);
	}
	for (const IoStatus status : {IoStatus::io, IoStatus::target}) {
		RemapSet set;
		const Snapshot before = set.snapshot();
		set.host.main.read_status = status;
		EXPECT_EQ(set.read(1000, 8)->result(), status);
		EXPECT_EQ(set.value("health", "verdict"), "device");
		set.expect_same(before);
	}
}

TEST(RecoveryRead, PathThatBreaksDuringTheRetriesIsNoBadSector)
{
	RemapSet set;
	const Snapshot before = set.snapshot();
	set.host.main.mark_unreadable(1000);
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		if (call == HostCall::read && device == kMainDevice)
			set.host.main.read_status = IoStatus::transport;
	};
	EXPECT_EQ(set.read(1000, 8)->result(), IoStatus::transport);
	set.expect_same(before);
}

TEST(RecoveryRead, FullTableLeavesTheError)
{
	RemapSet set({.max_extents = 64, .physical_sectors = 8});
	for (u64 i = 0; i < 63; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(20000 + 16 * i) + " 1"), 1);
	set.host.main.mark_unreadable(1000, 1);
	EXPECT_EQ(set.read(1000, 8)->result(), IoStatus::medium);
	EXPECT_EQ(set.stamp(1001), RemapSet::original(1001));
	set.check_books();
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
}

TEST(RecoveryRead, HealTriesMainFirstAndComparesWhatComesBack)
{
	RemapSet set(k512e);
	Policy policy;
	policy.heal = true;
	set.engine.set_policy(policy);
	set.host.main.mark_unreadable(1000, 2);
	EXPECT_EQ(set.read(1000, 2)->result(), IoStatus::medium);
	ASSERT_EQ(set.write(1000, 1, 7000), IoStatus::ok) << "a write heals this disk";
	EXPECT_EQ(pending(set), 1u);
	EXPECT_EQ(mapped(set), 0u);
	EXPECT_EQ(set.host.main.stable(1000).stamp(), 7000u);
	EXPECT_EQ(set.number("stats", "healed_sectors"), 1u);
	// It takes the write, and the read still fails.
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector sector, u64) {
		if (call == HostCall::read && device == kMainDevice && sector == 1001)
			set.host.main.mark_unreadable(1001);
	};
	ASSERT_EQ(set.write(1001, 1, 8000), IoStatus::ok);
	EXPECT_EQ(mapped(set), 1u);
	EXPECT_EQ(set.stamp(1001), 8000u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(pending(set), 0u);
	EXPECT_EQ(set.stamp(1000), 7000u);
	EXPECT_EQ(set.stamp(1001), 8000u);
	set.check_books();
}

TEST(RecoveryRead, ReadOnlyTableRetriesAndRecordsNothing)
{
	RemapSet set;
	set.host.writes = false;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	set.host.main.mark_unreadable(1000);
	const u64 writes = set.host.spare.writes;
	EXPECT_EQ(set.read(1000, 1)->result(), IoStatus::medium);
	EXPECT_EQ(set.stamp(1001), RemapSet::original(1001));
	EXPECT_EQ(pending(set), 0u);
	EXPECT_EQ(set.host.spare.writes, writes);
}

}  // namespace
}  // namespace remap::test
