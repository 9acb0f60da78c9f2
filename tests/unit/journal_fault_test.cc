// SPDX-License-Identifier: GPL-2.0-or-later
// A spare that fails while the set serves: a copy is left out, or the set is read-only, and what is
// mapped goes on being served.
#include <cerrno>

#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

TEST(JournalFence, ACopyThatFailsIsOutAndComesBackAtTheNextLoad)
{
	for (u32 copy = 0; copy < kCopies; ++copy) {
		RemapSet set({.blank = true});
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
		const u64 epoch = set.number("status", "epoch");
		const Region gone = copy_region(set.engine.layout(), copy);
		set.host.spare.mark_unwritable(gone.from, gone.count);
		EXPECT_EQ(set.send("relocate 3000 8"), 1) << set.last_error();
		EXPECT_EQ(set.value("status", "mode"), "degraded");
		EXPECT_EQ(set.status_line().find("degraded "), 0u);
		EXPECT_EQ(set.number("status", "epoch"), epoch + 1) << "no epoch without it";
		EXPECT_EQ(set.engine.journal().superblock().copies, 1u << (1 - copy));
		EXPECT_TRUE(set.host.logged("a copy of the metadata cannot be written"));
		EXPECT_EQ(set.send("sync"), 1);
		EXPECT_EQ(set.write(3000, 8, 700), IoStatus::ok);
		const Remembered before(set);
		set.flush();
		// Readable again, with an old log: it must not be believed.
		set.host.spare.unwritable.clear();
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		before.expect_in(set);
		expect_copies_equal(set);
		EXPECT_EQ(set.value("status", "mode"), "ok");
		EXPECT_EQ(set.stamp(3001), 701u);
	}
}

TEST(JournalFence, ASiteThatFailsDegradesAndTheOthersGoOn)
{
	for (u32 site = 0; site < kSites; ++site) {
		RemapSet set({.blank = true});
		const Sector at = set.engine.layout().site(site);
		set.host.spare.mark_unwritable(at, kSiteSectors);
		ASSERT_EQ(set.send("relocate 3000 8"), 1);
		ASSERT_EQ(set.send("sync"), 1) << set.last_error();
		EXPECT_EQ(set.value("status", "mode"), "degraded");
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		EXPECT_EQ(set.value("status", "mode"), "degraded");
		EXPECT_EQ(set.added(), (std::vector<Added>{{3000, 8}}));
		set.host.spare.unwritable.clear();
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		EXPECT_EQ(set.value("status", "mode"), "ok");
	}
}

// No copy can be written: what is in doubt is closed to writes, all else serves.
class JournalReadonly : public ::testing::Test {
protected:
	void SetUp() override
	{
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
		ASSERT_EQ(set.write(1000, 100, 7000), IoStatus::ok);
		set.flush();
		for (u32 copy = 0; copy < kCopies; ++copy) {
			const Region gone = journal_region(set.engine.layout(), copy);
			set.host.spare.mark_unwritable(gone.from, gone.count);
		}
	}
	RemapSet set{{.blank = true}};
};

TEST_F(JournalReadonly, MessagesAreRefusedAndIoIsServed)
{
	EXPECT_EQ(set.refusal("relocate 3000 8"), EROFS);
	EXPECT_NE(set.last_error().find("the metadata can no longer be written; nothing can be "
					"changed"),
		  std::string::npos)
		<< set.last_error();
	EXPECT_EQ(set.value("status", "mode"), "readonly");
	for (const char *message : {"relocate 9000 8", "add_remap 9000 9000 8", "sync",
				    "remove_remap 1000", "clear_all"}) {
		EXPECT_EQ(set.refusal(message), EROFS) << message;
		EXPECT_NE(set.last_error().find("can no longer be written"), std::string::npos);
	}
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.stamp(1000 + i), 7000u + i);
	EXPECT_EQ(set.write(1000, 100, 8000), IoStatus::ok);
	EXPECT_EQ(set.write(100, 8, 1), IoStatus::ok);
	EXPECT_EQ(set.stamp(1050), 8050u);
	EXPECT_EQ(set.send("list"), 1);
}

// Of a step with more records than a block holds, the first are written before it joins a group.
TEST(JournalFault, WhatWaitedForALongStepThatFailsIsSentOn)
{
	RemapSet set{{.blank = true}};
	for (Sector main = 1000; main < 2000; main += 2)
		ASSERT_EQ(set.send("relocate " + std::to_string(main) + " 1"), 1);
	for (u32 copy = 0; copy < kCopies; ++copy) {
		const Region gone = journal_region(set.engine.layout(), copy);
		set.host.spare.mark_unwritable(gone.from, gone.count);
	}
	set.host.main.flush_status = IoStatus::io; // all stay, and are recorded one by one
	std::shared_ptr<UserIo> held;
	set.host.hook = [&](HostCall call, DeviceIndex, Sector, u64) {
		if (call == HostCall::drain && !held)
			held = set.start(Op::write, 1000, 1, {Block::stamped(1)});
	};
	EXPECT_EQ(set.refusal("clear_all"), EROFS);
	ASSERT_TRUE(held);
	ASSERT_TRUE(held->ended());
	EXPECT_EQ(held->result(), IoStatus::io) << "in doubt";
}

TEST_F(JournalReadonly, TheRangeInDoubtIsClosedToWritesUntilALoad)
{
	EXPECT_EQ(set.refusal("relocate 3000 8"), EROFS);
	EXPECT_EQ(set.write(3000, 8, 1), IoStatus::io);
	EXPECT_EQ(set.write_zeroes(3007, 1), IoStatus::io);
	EXPECT_EQ(set.discard(3000, 1), IoStatus::io);
	for (u32 i = 0; i < 8; ++i)
		EXPECT_EQ(set.stamp(3000 + i), RemapSet::original(3000 + i));
	const auto across = set.start(Op::write, 2998, 12, std::vector<Block>(12));
	for (u32 i = 0; i < 12; ++i)
		EXPECT_EQ(across->status[i], i >= 2 && i < 10 ? IoStatus::io : IoStatus::ok) << i;
	// A suspend changes nothing of that.
	set.suspend();
	EXPECT_EQ(set.resume(), Error::ok);
	EXPECT_EQ(set.write(3000, 8, 1), IoStatus::io);
	EXPECT_EQ(set.value("status", "mode"), "readonly");
	set.host.spare.unwritable.clear();
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.write(3000, 8, 1), IoStatus::ok);
	EXPECT_EQ(set.value("status", "mode"), "ok");
	set.check_books();
}

TEST_F(JournalReadonly, ARemovalInDoubtIsClosedToo)
{
	EXPECT_EQ(set.refusal("remove_remap 1000"), EROFS);
	EXPECT_EQ(set.write(1000, 8, 1), IoStatus::io);
	EXPECT_EQ(set.stamp(1003), 7003u);
	EXPECT_EQ(set.write(990, 8, 1), IoStatus::ok);
	set.host.spare.unwritable.clear();
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.stamp(1003), 7003u);
	set.check_books();
}

TEST_F(JournalReadonly, AWriteThatWouldChangeTheTableFails)
{
	set.host.spare.unwritable.clear();
	ASSERT_EQ(set.send("add_remap 2000 8000 8 nocopy"), 1);
	for (u32 copy = 0; copy < kCopies; ++copy) {
		const Region gone = journal_region(set.engine.layout(), copy);
		set.host.spare.mark_unwritable(gone.from, gone.count);
	}
	EXPECT_EQ(set.write(2000, 8, 1), IoStatus::io);
	EXPECT_EQ(set.value("status", "mode"), "readonly");
	EXPECT_EQ(set.write(2000, 8, 1), IoStatus::io);
	set.host.spare.unwritable.clear();
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.engine.table().lost_sectors(), 8u);
}

TEST(JournalFlush, AFailedFlushOfOursIsOwedToTheUser)
{
	RemapSet set({.blank = true});
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	EXPECT_FALSE(set.engine.flush_owed(kFirstSpare));
	set.host.spare.flush_status = IoStatus::io;
	EXPECT_EQ(set.refusal("remove_remap 1000"), EROFS);
	set.host.spare.flush_status = IoStatus::ok;
	EXPECT_TRUE(set.engine.flush_owed(kFirstSpare));
	EXPECT_FALSE(set.engine.flush_owed(kFirstSpare)) << "told once";
	EXPECT_FALSE(set.engine.flush_owed(kMainDevice));
}

TEST(JournalFlush, SoIsOneOfMain)
{
	RemapSet set({.blank = true});
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	set.host.main.flush_status = IoStatus::io;
	EXPECT_EQ(set.refusal("remove_remap 1000"), EIO);
	EXPECT_TRUE(set.engine.flush_owed(kMainDevice));
	EXPECT_FALSE(set.engine.flush_owed(kFirstSpare));
}

}  // namespace
}  // namespace remap::test
