// SPDX-License-Identifier: GPL-2.0-or-later
// What was acknowledged is there again, however the set ended.
#include <cerrno>
#include <random>

#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

enum class End { clean, destroyed, cut, half_cut };
constexpr End kEnds[] = {End::clean, End::destroyed, End::cut, End::half_cut};

Error end_and_reload(RemapSet &set, End end)
{
	std::mt19937_64 random(13);
	const auto half = [&](Sector) { return random() % 2 != 0; };
	switch (end) {
	case End::clean:
		set.suspend();
		return set.crash_and_reload(); // what is clean is stable
	case End::destroyed:
		return set.reload();
	case End::cut:
		return set.crash_and_reload();
	case End::half_cut:
		set.host.main.crash(half);
		set.host.spare.crash(half);
		return set.reload();
	}
	return Error::ok;
}

const char *const kMessages[] = {
	"add_remap 1000 5000 100",
	"add_remap 1100 5100 50",
	"relocate 7000 3000",
	"add_remap 2000 6000 16 nocopy",
	"remove_remap 1040 20",
	"remove_remap 1100",
	"relocate 1045 3",
	"remove_remap 7000 10",
	"sync",
	"remove_remap 8000",
	"add_remap 20000 15000 2049",
	"clear_all",
	"relocate 5 1",
};

TEST(JournalLoad, EachMessageSurvivesEachEnd)
{
	for (const End end : kEnds) {
		RemapSet set;
		set.host.main.mark_unreadable(1010, 3);
		for (const char *message : kMessages) {
			SCOPED_TRACE(std::string(message) + ", end " +
				     std::to_string(static_cast<int>(end)));
			(void)set.refusal(message); // clear_all keeps what is lost
			const Remembered before(set);
			const u64 epoch = set.number("status", "epoch");
			const u64 used = set.number("status", "metadata_used");
			ASSERT_EQ(end_and_reload(set, end), Error::ok) << set.sentence;
			before.expect_in(set);
			set.check_books();
			expect_copies_equal(set);
			EXPECT_GT(set.number("status", "epoch"), epoch);
			EXPECT_EQ(set.number("status", "metadata_used"), used);
		}
	}
}

TEST(JournalLoad, DataOfTheOperatorsRangesSurvives)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.write(1000, 100, 7000), IoStatus::ok);
	set.flush();
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.stamp(1000 + i), 7000u + i);
}

TEST(JournalLoad, LostStaysLostAndWhatWasWrittenDoesNot)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100 nocopy"), 1);
	ASSERT_EQ(set.write(1010, 5, 7000), IoStatus::ok);
	ASSERT_EQ(set.write_zeroes(1030, 2), IoStatus::ok);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.engine.table().lost_sectors(), 93u);
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.stamp(1000 + i), i >= 10 && i < 15    ? 7000 + i - 10
					       : i == 30 || i == 31 ? 0
								    : RemapSet::kFailed)
			<< i;
}

TEST(JournalLoad, PendingSurvives)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 10"), 1);
	const Record records[] = {{RecordKind::map, {2000, 8, 0, State::pending, false}},
				  {RecordKind::map, {2020, 8, 0, State::pending, false}},
				  {RecordKind::unmap, {2004, 2, 0, State::none, false}},
				  {RecordKind::restate, {1002, 3, 0, State::lost, false}}};
	auto &journal = const_cast<Journal<MemoryHost> &>(set.engine.journal());
	ASSERT_TRUE(journal.commit(records, 4).ok());
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.engine.table().pending_sectors(), 14u);
	EXPECT_EQ(set.engine.table().lost_sectors(), 3u);
	ASSERT_EQ(set.send("sync"), 1);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.engine.table().pending_sectors(), 14u);
	EXPECT_EQ(set.send("pending"), 1);
	EXPECT_EQ(set.reply, "2000 4\n2006 2\n2020 8\n");
}

// Neighbours that are contiguous on both sides share a stretch, and still are ranges of their own.
TEST(JournalLoad, BoundariesSurviveMergingAndCheckpoints)
{
	for (const bool checkpoint : {false, true}) {
		RemapSet set;
		for (u32 i = 0; i < 20; ++i)
			ASSERT_EQ(set.send("add_remap " + std::to_string(1000 + 10 * i) + " " +
					   std::to_string(5000 + 10 * i) + " 10"),
				  1);
		ASSERT_EQ(set.send("remove_remap 1055 10"), 1);
		ASSERT_EQ(set.send("add_remap 1055 5055 10"), 1);
		if (checkpoint) {
			ASSERT_EQ(set.send("sync"), 1);
		}
		const Remembered before(set);
		EXPECT_EQ(before.added.size(), 21u);
		ASSERT_EQ(set.crash_and_reload(), Error::ok);
		before.expect_in(set);
		EXPECT_EQ(set.send("remove_remap 1072"), 1);
		EXPECT_EQ(set.reply, "removed 1070 (length: 10)");
		EXPECT_EQ(set.send("remove_remap 1059"), 1);
		EXPECT_EQ(set.reply, "removed 1055 (length: 10)");
		EXPECT_EQ(set.send("remove_remap 1069"), 1);
		EXPECT_EQ(set.reply, "removed 1065 (length: 5)");
	}
}

TEST(JournalLoad, AnInterruptedMessageGoesOnAfterwards)
{
	RemapSet set;
	u32 drains = 0;
	set.host.hook = [&](HostCall call, DeviceIndex, Sector, u64) {
		drains += call == HostCall::drain;
		set.host.stop = drains == 3;
	};
	EXPECT_EQ(set.refusal("relocate 100 10000"), EINTR);
	set.host.hook = nullptr;
	set.host.stop = false;
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.engine.table().mapped_sectors(), 2 * 2048u);
	EXPECT_EQ(set.send("relocate 100 10000"), 1) << set.last_error();
	EXPECT_EQ(set.added(), (std::vector<Added>{{100, 10000}}));
}

TEST(JournalLoad, SuspendMarksCleanAndResumeBeginsAnEpoch)
{
	RemapSet set;
	ASSERT_EQ(set.send("relocate 100 8"), 1);
	for (u64 epoch = 1; epoch < 6; ++epoch) {
		EXPECT_EQ(set.number("status", "epoch"), epoch);
		EXPECT_EQ(set.value("status", "flags"), "main_unverified");
		set.suspend();
		EXPECT_EQ(set.value("status", "flags"), "main_unverified not_recording");
		for (u32 site = 0; site < kSites; ++site) {
			const SuperblockDisk disk = superblock_of(set, site);
			EXPECT_EQ(disk.state, static_cast<u8>(SetState::clean));
			EXPECT_EQ(disk.journal_end, set.engine.journal().journal_end());
			EXPECT_EQ(disk.epoch, epoch);
		}
		ASSERT_EQ(set.resume(), Error::ok) << set.sentence;
		EXPECT_EQ(superblock_of(set, 1).state, static_cast<u8>(SetState::opened));
	}
	EXPECT_EQ(set.send("relocate 200 8"), 1);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.added().size(), 2u);
}

TEST(JournalLoad, EpochsNeverRepeat)
{
	RemapSet set;
	u64 last = 0;
	for (u32 i = 0; i < 10; ++i) {
		const u64 epoch = set.number("status", "epoch");
		EXPECT_GT(epoch, last);
		last = epoch;
		ASSERT_EQ(set.crash_and_reload(), Error::ok);
	}
}

TEST(JournalLoad, AReadOnlyTableLoadsAndWritesNothing)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.write(1000, 100, 7000), IoStatus::ok);
	const Remembered before(set);
	set.host.writes = false;
	const MemoryDisk::Content spare = set.host.spare.written();
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	before.expect_in(set);
	EXPECT_EQ(set.stamp(1050), 7050u);
	EXPECT_EQ(set.refusal("relocate 5 1"), EROFS);
	EXPECT_EQ(set.value("status", "flags"), "main_unverified not_recording");
	set.suspend();
	EXPECT_EQ(set.resume(), Error::ok);
	EXPECT_TRUE(spare == set.host.spare.written());
	// Made writable while it is suspended.
	set.suspend();
	set.host.writes = true;
	EXPECT_EQ(set.resume(), Error::ok) << set.sentence;
	EXPECT_EQ(set.send("relocate 5 1"), 1) << set.last_error();
	EXPECT_EQ(set.added().size(), 2u);
}

TEST(JournalLoad, NoMemoryToLoadIsAnErrorAndNotAnEmptyTable)
{
	RemapSet set;
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(300 * i) + " 3"), 1);
	const Remembered before(set);
	for (u64 nth = 1;; ++nth) {
		set.host.faults.arm(nth, AllocationFaults::kNever);
		const Error error = set.crash_and_reload();
		const bool hit = set.host.faults.count() >= nth;
		set.host.faults.disarm();
		if (!hit)
			break;
		if (error == Error::ok)
			before.expect_in(set);
		else
			EXPECT_EQ(error, Error::no_memory) << nth;
	}
	before.expect_in(set);
}

TEST(JournalLoad, ASignalEndsItAndTheNextLoads)
{
	RemapSet set;
	ASSERT_EQ(set.send("relocate 100 8"), 1);
	set.host.stop = true;
	EXPECT_EQ(set.crash_and_reload(), Error::interrupted);
	set.host.stop = false;
	Refusal why;
	EXPECT_TRUE(set.engine.start(why).ok()) << why.text();
	EXPECT_EQ(set.added(), (std::vector<Added>{{100, 8}}));
}

// Power cuts before each write and flush of the spare, in the middle of each message.
TEST(JournalLoad, ACutAnywhereLeavesAllOrNothingOfAStep)
{
	std::mt19937_64 random(14);
	const std::function<bool(Sector)> fates[] = {
		[](Sector) { return false; },
		[](Sector) { return true; },
		[&](Sector) { return random() % 2 != 0; },
	};
	for (const char *message : {"add_remap 1050 8000 100", "remove_remap 2010 10",
				    "remove_remap 3000", "sync", "clear_all"})
		for (const auto &survives : fates)
			for (u64 at = 0;; ++at) {
				SCOPED_TRACE(std::string(message) + ", cut " + std::to_string(at));
				RemapSet set({.spare_sectors = 16384});
				ASSERT_EQ(set.send("add_remap 2000 5000 100"), 1);
				ASSERT_EQ(set.send("add_remap 3000 6000 7"), 1);
				const Remembered before(set);
				u64 seen = 0;
				set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
					if (device != kFirstSpare || call == HostCall::read ||
					    seen++ != at)
						return;
					set.host.spare.crash(survives);
					set.host.main.crash(survives);
					set.host.spare.fail_all(IoStatus::transport);
					set.host.main.fail_all(IoStatus::transport);
				};
				const bool done = set.refusal(message) == 0;
				const Remembered after(set);
				set.host.hook = nullptr;
				set.host.spare.fail_all(IoStatus::ok);
				set.host.main.fail_all(IoStatus::ok);
				ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
				const bool unchanged = set.added() == before.added;
				EXPECT_TRUE(unchanged || set.added() == after.added);
				EXPECT_TRUE(!done || set.added() == after.added);
				set.check_books();
				expect_copies_equal(set);
				if (seen <= at)
					break;
			}
}

}  // namespace
}  // namespace remap::test
