// SPDX-License-Identifier: GPL-2.0-or-later
// What a CRC does not prove, and what a load that failed must not leave behind.
#include <cerrno>

#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

void add_some(RemapSet &set)
{
	for (u32 i = 0; i < 20; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(300 * i) + " 3"), 1);
}

// Each allocation of the load fails once; whenever the load failed, the next one has everything.
TEST(JournalTrust, AFailedLoadIsTriedAgainFromTheBeginning)
{
	RemapSet set;
	add_some(set);
	const auto before = set.extents();
	for (u64 nth = 1, failed = 0;; ++nth) {
		Refusal why;
		std::destroy_at(&set.engine);
		std::construct_at(&set.engine, set.host);
		ASSERT_TRUE(set.engine.create({set.shape.main_sectors, set.shape.spare_sectors, 1},
					      Terms{}, why)
				    .ok());
		set.host.faults.arm(nth, AllocationFaults::kNever);
		const Status first = set.engine.start(why);
		const bool hit = set.host.faults.count() >= nth;
		set.host.faults.disarm();
		if (!hit) {
			EXPECT_GT(failed, 3u);
			break;
		}
		if (first.ok())
			continue;
		++failed;
		EXPECT_FALSE(set.engine.journal().opened()) << nth;
		EXPECT_TRUE(set.engine.start(why).ok()) << why.text();
		EXPECT_TRUE(same_extents(before, set.extents())) << "allocation " << nth;
		EXPECT_EQ(set.send("sync"), 1);
	}
}

// The spare takes no writes; then the table is loaded read-only.
TEST(JournalTrust, ALoadThatCouldNotWriteServesAllOfItReadOnly)
{
	RemapSet set;
	add_some(set);
	const auto before = set.extents();
	set.host.spare.write_status = IoStatus::io;
	EXPECT_EQ(set.crash_and_reload(), Error::unwritable);
	set.host.writes = false;
	Refusal why;
	EXPECT_TRUE(set.engine.start(why, false).ok()) << why.text();
	EXPECT_TRUE(same_extents(before, set.extents()));
	set.host.spare.write_status = IoStatus::ok;
	set.host.writes = true;
}

// The table before, which may write, still exists when a read-only one is resumed.
TEST(JournalTrust, AReadOnlyTableBeginsNoEpochAndCanBeLeftAgain)
{
	RemapSet set;
	add_some(set);
	set.suspend();
	const u64 writes = set.host.spare.writes;
	Refusal why;
	EXPECT_TRUE(set.engine.start(why, false).ok());
	set.engine.resume();
	EXPECT_EQ(set.host.spare.writes, writes);
	set.host.writes = false;
	set.suspend();
	set.host.writes = true;
	EXPECT_TRUE(set.engine.start(why, true).ok());
	set.engine.resume();
	EXPECT_EQ(set.send("relocate 60000 8"), 1) << set.last_error();
}

TEST(JournalTrust, LongWritesToLostSectorsSucceed)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 0 8192 nocopy"), 1);
	EXPECT_EQ(set.write(1000, 8192, 70000), IoStatus::ok);
	EXPECT_EQ(set.stamp(1000 + 8191), 70000u + 8191);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.engine.table().lost_sectors(), 0u);
	EXPECT_EQ(set.stamp(1000 + 4000), 74000u);
}

// A table of several checkpoint blocks changes while the walk is on its way, a little earlier or later;
// then the checkpoint counts.
TEST(JournalTrust, AWalkThatCatchesAChangeLateInventsNoBoundary)
{
	constexpr Sector kLast = 1000000;
	const std::string last = std::to_string(kLast);
	for (u64 early = 0; early < 6; ++early) {
		RemapSet set({.main_sectors = 1 << 20, .spare_sectors = 1 << 18});
		const auto change = [&](u64 i) {
			const std::string at = std::to_string(20000 + 8 * (i / 2 % 64));
			ASSERT_EQ(set.send((i % 2 ? "remove_remap " : "relocate ") + at +
					   (i % 2 ? "" : " 1")),
				  1);
		};
		for (u32 i = 0; i < 1200; ++i)
			ASSERT_EQ(set.send("relocate " + std::to_string(8 * i) + " 3"), 1);
		ASSERT_EQ(set.send("add_remap " + last + " 100000 16 nocopy"), 1);
		ASSERT_EQ(set.send("sync"), 1);
		const u64 done = set.number("stats", "checkpoints");
		const u64 half = set.number("status", "journal_total") / 2;
		u64 i = 0;
		while (set.number("status", "journal_used") + early < half)
			change(i++);
		EXPECT_EQ(set.write(kLast, 8, 1), IoStatus::ok);
		EXPECT_EQ(set.send("remove_remap " + last + " 4"), 1);
		ASSERT_EQ(set.number("stats", "checkpoints"), done) << "the walk is not on its way";
		while (set.number("stats", "checkpoints") == done)
			change(i++);
		const auto before = set.extents();
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		EXPECT_TRUE(same_extents(before, set.extents())) << early;
	}
}

TEST(JournalTrust, SitesThatCannotBeReadAreNotFormattedOver)
{
	RemapSet set;
	add_some(set);
	for (u32 site = 0; site < kSites; ++site)
		set.host.spare.mark_unreadable(set.engine.layout().site(site), kSiteSectors);
	EXPECT_EQ(set.crash_and_reload(), Error::spare_io); // RemapSet permits to format
	EXPECT_NE(set.sentence.find("cannot be read, so nobody can tell"), std::string::npos);
}

TEST(JournalTrust, SuperblocksThatMakeNoSenseAreRefused)
{
	const std::function<void(SuperblockDisk &)> changes[] = {
		[](SuperblockDisk &disk) { disk.max_extents = ~u64{0} - 5; },
		[](SuperblockDisk &disk) { disk.journal_blocks = 4711; },
		[](SuperblockDisk &disk) { disk.area_blocks = disk.area_blocks + 1; },
		[](SuperblockDisk &disk) { disk.state = 77; },
		[](SuperblockDisk &disk) { disk.members[1] = disk.members[0]; },
		[](SuperblockDisk &disk) { disk.epoch = ~u64{0}; },
		[](SuperblockDisk &disk) { disk.announced = ~u64{0}; },
		[](SuperblockDisk &disk) { disk.journal_start = ~u64{0} - 63; },
		[](SuperblockDisk &disk) { disk.checkpoint_blocks = 1 << 20; },
		[](SuperblockDisk &disk) { disk.checkpoint_area = 2; },
		[](SuperblockDisk &disk) { disk.copies = 0; },
		[](SuperblockDisk &disk) { disk.copies = 7; },
	};
	for (usize i = 0; i < std::size(changes); ++i) {
		RemapSet set;
		add_some(set);
		edit_sites(set, changes[i]);
		EXPECT_EQ(set.reload(), Error::damaged) << "change " << i << ": " << set.sentence;
	}
}

// A place on a spare that the set does not have.
TEST(JournalTrust, AnExtentOnAMemberThatIsNotThereIsRefused)
{
	RemapSet set;
	ASSERT_EQ(set.send("relocate 100 8"), 1);
	const Layout &layout = set.engine.layout();
	const Superblock &now = set.engine.journal().superblock();
	const Record record{RecordKind::map, {300, 8, Sector{3} << 42, State::active, true}};
	const u64 end = set.engine.journal().journal_end();
	const auto last = read_at<JournalBlockDisk>(
		set.host.spare, layout.journal(0) + (end - 1) * kBlockSectors);
	JournalBlockDisk block;
	pack(&block, now.set, now.epoch, end, last.sector[kBlockSectors - 1].crc, &record, 1);
	for (u32 copy = 0; copy < kCopies; ++copy)
		put_at(set.host.spare, layout.journal(copy) + end * kBlockSectors, block);
	EXPECT_EQ(set.reload(), Error::damaged);
	EXPECT_NE(set.sentence.find("not by its content"), std::string::npos) << set.sentence;
}

}  // namespace
}  // namespace remap::test
