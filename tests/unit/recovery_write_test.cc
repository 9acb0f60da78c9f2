// SPDX-License-Identifier: GPL-2.0-or-later
// Writes that fail on main: exactly what is bad moves to the spare, durable when acknowledged.
#include "tests/unit/failing_set.h"

namespace remap::test {
namespace {

// What a read from above gives, and that a reload gives the same.
void expect_stamps(RemapSet &set, Sector from, u32 count, u64 stamp)
{
	for (u32 i = 0; i < count; ++i)
		ASSERT_EQ(set.stamp(from + i), stamp + i) << "sector " << from + i;
}

// The sectors that are mapped.

TEST(RecoveryWrite, ThreeBadBlocksOfAMegabyte)
{
	RemapSet set(k512e);
	for (const Sector bad : {2048u, 2808u, 4088u})
		set.host.main.mark_unwritable(bad, 8);
	ASSERT_EQ(set.write(2048, 2048, 7000), IoStatus::ok);
	EXPECT_EQ(mapped(set), 24u);
	EXPECT_EQ(set.engine.table().extents(), 3u);
	EXPECT_EQ(set.value("health", "verdict"), "sector");
	EXPECT_EQ(set.number("health", "remaps_by_write"), 3u);
	EXPECT_EQ(set.number("stats", "recovered"), 1u);
	EXPECT_EQ(set.number("stats", "write_errors"), 0u);
	expect_stamps(set, 2048, 2048, 7000);
	set.check_books();
	// What went to the spare survives a power failure at once; the rest is a plain write.
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	for (const Sector bad : {2048u, 2808u, 4088u})
		expect_stamps(set, bad, 8, 7000 + bad - 2048);
	EXPECT_EQ(mapped(set), 24u);
	set.check_books();
}

// One step has room for fewer changes than a bad track needs on a spare whose free places lie apart.
TEST(RecoveryWrite, ManyStepsMoveNoMoreThanOne)
{
	RemapSet set(k512e);
	for (Sector at = 0; at < 300; ++at)
		ASSERT_EQ(set.send("add_remap " + std::to_string(30000 + at * 16) + " " +
				   std::to_string(at * 16) + " 8 nocopy"),
			  1);
	set.host.main.mark_unwritable(0, 800);
	ASSERT_EQ(set.write(0, 1024, 7000), IoStatus::ok);
	EXPECT_EQ(mapped(set), 300 * 8 + 800u) << "what is good stays where it is";
	EXPECT_EQ(set.number("health", "remaps_by_write"), 100u);
	expect_stamps(set, 0, 1024, 7000);
	set.check_books();
}

TEST(RecoveryWrite, RestIsRescuedAlsoIfTheWriteFailsLater)
{
	RemapSet set(k512e);
	allow_remaps(set, 1);
	set.host.main.mark_unwritable(1000, 24);
	EXPECT_EQ(set.write(1004, 16, 7000), IoStatus::medium);
	EXPECT_EQ(mapped(set), 8u);
	expect_stamps(set, 1004, 4, 7000);
	EXPECT_EQ(set.stamp(1001), RemapSet::original(1001));
	EXPECT_EQ(set.stamp(1020), RemapSet::original(1020)) << "nothing of its block was placed";
	set.check_books();
}

TEST(RecoveryWrite, MisalignedPhysicalBlocksAreNotReckonedWith)
{
	EXPECT_EQ(physical_sectors(4096, 0), 8u);
	RemapSet set({.physical_sectors = physical_sectors(4096, 3584)});
	set.host.main.mark_unwritable(1000, 8);
	ASSERT_EQ(set.write(1002, 1, 7000), IoStatus::ok);
	EXPECT_EQ(mapped(set), 1u) << "nobody knows who its neighbours are";
	EXPECT_EQ(pending(set), 0u);
}

TEST(RecoveryWrite, RestOfAFailedBlockIsRescued)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	ASSERT_EQ(set.write(1002, 1, 7000), IoStatus::ok);
	EXPECT_EQ(mapped(set), 8u);
	for (Sector at = 1000; at < 1008; ++at)
		EXPECT_EQ(set.stamp(at), at == 1002 ? 7000 : RemapSet::original(at));
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.stamp(1007), RemapSet::original(1007));
	EXPECT_EQ(set.stamp(1002), 7000u);
	set.check_books();
}

TEST(RecoveryWrite, RestThatCannotBeReadBecomesPending)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	set.host.main.mark_unreadable(1000, 8);
	ASSERT_EQ(set.write(1003, 2, 7000), IoStatus::ok);
	EXPECT_EQ(mapped(set), 2u);
	EXPECT_EQ(set.engine.table().pending_sectors(), 6u);
	EXPECT_EQ(set.stamp(1000), RemapSet::kFailed);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.engine.table().pending_sectors(), 6u);
	expect_stamps(set, 1003, 2, 7000);
	ASSERT_EQ(set.write(1000, 3, 8000), IoStatus::ok) << "pending: goes to the spare";
	expect_stamps(set, 1000, 3, 8000);
	set.check_books();
}

TEST(RecoveryWrite, SucceededInSmallerBlocksIsAPlainWrite)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(2048, 8);
	bool first = true;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		if (call == HostCall::forward && device == kMainDevice && std::exchange(first, false))
			set.host.main.unwritable.clear();
	};
	ASSERT_EQ(set.write(2048, 64, 7000), IoStatus::ok);
	EXPECT_EQ(mapped(set), 0u);
	EXPECT_FALSE(set.host.main.is_stable(2050));
	expect_stamps(set, 2048, 64, 7000);
}

TEST(RecoveryWrite, DeviceTurnedReadOnlyCostsOneBlock)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.write(0, 8, 1), IoStatus::ok);
	for (const IoStatus status : {IoStatus::medium, IoStatus::io, IoStatus::target}) {
		set.host.main.write_status = status;
		const u64 before = mapped(set);
		u32 good = 0;
		for (Sector at = 8; at < 4096; at += 8)
			good += set.write(at + 4096 * static_cast<Sector>(status), 8, at) ==
				IoStatus::ok;
		EXPECT_EQ(good, 1u);
		EXPECT_EQ(mapped(set), before + 8);
		EXPECT_EQ(set.value("health", "verdict"), "read_only");
		set.host.main.write_status = IoStatus::ok;
		ASSERT_EQ(set.write(60000, 8, 1), IoStatus::ok);
	}
	set.check_books();
}

TEST(RecoveryWrite, ABadTrackAmongGoodWritesIsRemappedWhole)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(8192, 2048);
	for (Sector at = 0; at < 2048; at += 8) {
		ASSERT_EQ(set.write(8192 + at, 8, 7000 + at), IoStatus::ok) << at;
		ASSERT_EQ(set.write(20000 + at, 8, 90000 + at), IoStatus::ok);
	}
	EXPECT_EQ(mapped(set), 2048u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	expect_stamps(set, 8192, 2048, 7000);
	set.check_books();
}

// Every class on which nobody acts: as if nothing had happened.
TEST(RecoveryWrite, PathErrorsChangeNothing)
{
	for (const IoStatus status :
	     {IoStatus::protection, IoStatus::transport, IoStatus::timeout, IoStatus::resource,
	      IoStatus::not_supported, IoStatus::no_space, IoStatus::interrupted}) {
		RemapSet set(k512e);
		const Snapshot before = set.snapshot();
		set.host.main.write_status = status;
		EXPECT_EQ(set.write(1000, 8, 7000), status);
		EXPECT_EQ(set.value("health", "verdict"), "path");
		EXPECT_EQ(set.number("stats", "fences"), 0u);
		set.expect_same(before);
	}
}

TEST(RecoveryWrite, DeviceThatAnswersNowhereIsNoBadSector)
{
	for (const IoStatus status : {IoStatus::io, IoStatus::target}) {
		RemapSet set(k512e);
		const Snapshot before = set.snapshot();
		set.host.main.fail_all(status);
		EXPECT_EQ(set.write(1000, 8, 7000), status);
		EXPECT_EQ(set.value("health", "verdict"), "device");
		set.expect_same(before);
		set.host.main.fail_all(IoStatus::ok);
		set.host.main.mark_unwritable(1000, 8, status);
		EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::ok) << "it answers elsewhere";
		EXPECT_EQ(mapped(set), 8u);
	}
}

// Its first failure is one of a sector; then it answers no more, and that is no fault of the others.
TEST(RecoveryWrite, DeviceThatGoesMeanwhileIsNoBadSector)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8, IoStatus::io);
	u32 sent = 0;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		if (call == HostCall::forward && device == kMainDevice && ++sent == 4)
			set.host.main.fail_all(IoStatus::io);
	};
	EXPECT_NE(set.write(1000, 256, 7000), IoStatus::ok);
	set.host.hook = nullptr;
	EXPECT_EQ(set.value("health", "verdict"), "device");
	EXPECT_LE(mapped(set), 8u);
	EXPECT_EQ(pending(set), 0u);
	set.check_books();
}

TEST(RecoveryWrite, OthersComeInBetween)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(2000, 64);
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		set.host.now += call == HostCall::forward && device == kMainDevice;
	};
	ASSERT_EQ(set.write(1964, 128, 7000), IoStatus::ok);
	set.host.hook = nullptr;
	EXPECT_EQ(mapped(set), 64u);
	EXPECT_EQ(set.number("health", "remaps_by_write"), 8u);
	EXPECT_GE(set.number("stats", "fences"), 8u);
	expect_stamps(set, 1964, 128, 7000);
	set.check_books();
}

TEST(RecoveryWrite, BudgetEndsAndBeginsAnew)
{
	RemapSet set(k512e);
	Policy policy;
	policy.budget_remaps = 3;
	policy.budget_seconds = 60;
	set.engine.set_policy(policy);
	set.host.main.mark_unwritable(8000, 80);
	const auto fails = [&](Sector at) {
		EXPECT_EQ(set.write(100, 8, 1), IoStatus::ok);
		return set.write(at, 8, 1) != IoStatus::ok;
	};
	const u64 told = set.host.notified;
	EXPECT_FALSE(fails(8000) || fails(8008) || fails(8016));
	EXPECT_EQ(set.host.notified, told + 1) << "the first remap in a window is told";
	EXPECT_TRUE(fails(8024));
	EXPECT_EQ(set.value("health", "verdict"), "budget");
	set.host.now += 59;
	EXPECT_TRUE(fails(8024));
	set.host.now += 1;
	EXPECT_FALSE(fails(8024) || fails(8032) || fails(8040));
	EXPECT_TRUE(fails(8048));
	set.check_books();
}

TEST(RecoveryWrite, BudgetThatEndsMidwayKeepsWhatWasRemapped)
{
	RemapSet set(k512e);
	allow_remaps(set, 2);
	set.host.main.mark_unwritable(2048, 8);
	set.host.main.mark_unwritable(2080, 8);
	set.host.main.mark_unwritable(2160, 8);
	EXPECT_EQ(set.write(2048, 128, 7000), IoStatus::medium);
	EXPECT_EQ(mapped(set), 16u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(mapped(set), 16u);
	expect_stamps(set, 2080, 8, 7032);
	set.check_books();
}

// What found no place has moved nothing, and costs nothing.
TEST(RecoveryWrite, AFullSpareCostsNoBudget)
{
	RemapSet set({.spare_sectors = 4096, .physical_sectors = 8});
	allow_remaps(set, 2);
	ASSERT_EQ(set.send("relocate 20000 " + set.value("status", "spare_total")), 1);
	set.host.main.mark_unwritable(1000, 80);
	const u64 told = set.host.notified;
	for (Sector at = 1000; at < 1040; at += 8) {
		EXPECT_EQ(set.write(100, 8, 1), IoStatus::ok);
		EXPECT_EQ(set.write(at, 8, 7000), IoStatus::medium);
		EXPECT_EQ(set.value("health", "verdict"), "spare_full");
	}
	EXPECT_EQ(set.host.notified, told + 1) << "that it is full, and no remap";
	EXPECT_EQ(set.number("health", "budget_used"), 0u);
	ASSERT_EQ(set.send("remove_remap 20000"), 1);
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::ok);
	EXPECT_EQ(set.number("health", "budget_used"), 1u);
	set.check_books();
}

TEST(RecoveryWrite, OnWriteErrorFailLeavesItToTheUser)
{
	RemapSet set(k512e);
	Policy policy;
	policy.remap_writes = false;
	set.engine.set_policy(policy);
	const Snapshot before = set.snapshot();
	set.host.main.mark_unwritable(1000, 8);
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::medium);
	set.expect_same(before);
}

TEST(RecoveryWrite, ZeroesAreRemappedDiscardsAreNot)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	EXPECT_EQ(set.discard(1000, 8), IoStatus::medium);
	EXPECT_EQ(mapped(set), 0u);
	EXPECT_EQ(set.write_zeroes(1000, 16), IoStatus::ok);
	EXPECT_EQ(mapped(set), 8u);
	for (Sector at = 1000; at < 1016; ++at)
		EXPECT_EQ(set.stamp(at), 0u);
}

// Zeros that are sent again go as ordinary writes, and are a user's all the same.
TEST(RecoveryWrite, ZeroesThatMainTakesShowThatItTakesWrites)
{
	RemapSet set;
	for (const Sector at : {1000u, 2000u, 3000u}) {
		set.host.main.mark_unwritable(at + 8, 16);
		EXPECT_EQ(set.write_zeroes(at, 24), IoStatus::ok) << at;
		EXPECT_EQ(set.write_zeroes(at + 8, 8), IoStatus::ok) << at;
	}
	EXPECT_EQ(mapped(set), 48u);
	set.host.main.write_status = IoStatus::medium;
	EXPECT_EQ(set.write(5000, 8, 1), IoStatus::ok);
	EXPECT_NE(set.write(6000, 8, 1), IoStatus::ok) << "it is no proof for ever";
	set.check_books();
}

TEST(RecoveryWrite, MainIsWrittenByTheUserAlone)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8, IoStatus::io);
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		EXPECT_FALSE(call == HostCall::write && device == kMainDevice);
	};
	EXPECT_EQ(set.write(1001, 3, 7000), IoStatus::ok);
	EXPECT_EQ(set.write(998, 20, 7000), IoStatus::ok);
}

TEST(RecoveryWrite, WritesThatComeMeanwhileAreLater)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	bool once = true;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		if (call == HostCall::forward && device == kFirstSpare && std::exchange(once, false)) {
			set.write(1000, 8, 9000);
			EXPECT_TRUE(set.was_held);
			set.write(1016, 8, 9500);
			EXPECT_FALSE(set.was_held) << "outside the fence";
		}
	};
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::ok);
	EXPECT_FALSE(once);
	expect_stamps(set, 1000, 8, 9000);
}

TEST(RecoveryWrite, NothingIsAcknowledgedBeforeItIsStable)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	ASSERT_EQ(set.write(1000, 8, 7000), IoStatus::ok);
	for (u32 i = 0; i < 8; ++i) {
		const Answer answer = set.engine.table().lookup(1000 + i, 1);
		ASSERT_EQ(answer.state, State::active);
		EXPECT_EQ(set.host.spare.stable(set.physical(answer.place)).stamp(),
			  7000u + i);
	}
	EXPECT_EQ(set.number("stats", "commits"), 1u);
}

TEST(RecoveryWrite, GoesOnWhileSuspending)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	set.engine.presuspend();
	EXPECT_EQ(set.write(1000, 8, 7000), IoStatus::ok);
	set.engine.postsuspend();
	EXPECT_EQ(set.resume(), Error::ok);
	expect_stamps(set, 1000, 8, 7000);
}

// A device tells once of what it lost. That the next flush succeeds means nothing then.
TEST(RecoveryWrite, FirstFlushThatFailsIsBelieved)
{
	RemapSet set(k512e);
	set.host.main.mark_unwritable(1000, 8);
	u32 flushes = 0;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		if (call == HostCall::flush && device == kFirstSpare)
			set.host.spare.flush_status = flushes++ ? IoStatus::ok : IoStatus::io;
	};
	EXPECT_NE(set.write_zeroes(1000, 8), IoStatus::ok);
	set.host.hook = nullptr;
	EXPECT_GE(flushes, 1u);
	EXPECT_EQ(mapped(set), 0u);
	EXPECT_EQ(set.stamp(1000), RemapSet::original(1000));
	set.check_books();
}

TEST(RecoveryWrite, NoMemoryFailsUpwardAndLeaksNothing)
{
	for (u64 nth = 1;; ++nth) {
		RemapSet set(k512e);
		for (const Sector bad : {2048u, 2064u, 2808u})
			set.host.main.mark_unwritable(bad, 8);
		set.host.faults.arm(AllocationFaults::kNever, nth);
		const IoStatus status = set.write(2048, 1024, 7000);
		const bool hit = set.host.faults.count() >= nth;
		set.host.faults.disarm();
		set.check_books();
		if (!hit) {
			EXPECT_EQ(status, IoStatus::ok);
			break;
		}
		EXPECT_EQ(set.write(2048, 1024, 7000), IoStatus::ok);
		expect_stamps(set, 2048, 1024, 7000);
	}
}

}  // namespace
}  // namespace remap::test
