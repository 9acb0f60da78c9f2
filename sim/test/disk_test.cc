// SPDX-License-Identifier: GPL-2.0-or-later
// The simulator's disk does what it says: an oracle that rests on a disk that is kinder than it
// claims would find nothing.
#include "sim/disk.h"

#include <gtest/gtest.h>

#include <set>

namespace remap::sim {
namespace {

constexpr u32 kTrials = 400;

class SimDisk : public ::testing::Test {
protected:
	Disk make(u32 physical = 1, u32 tear = 1) { return Disk({64, physical, tear}, contents); }
	static std::vector<Content> filled(u32 count, Content first)
	{
		std::vector<Content> data;
		for (u32 i = 0; i < count; ++i)
			data.push_back(first + i);
		return data;
	}
	static IoStatus write(Disk &disk, Sector sector, u32 count, Content first,
			      bool through = false, Fate fate = Fate::stored, Sector elsewhere = 0)
	{
		return disk.write(sector, filled(count, first).data(), count, through, fate,
				  elsewhere);
	}
	static Content read(Disk &disk, Sector sector)
	{
		Content content = 0;
		return disk.read(sector, &content, 1) == IoStatus::ok ? content : ~Content{0};
	}

	Contents contents;
	Random random{7};
};

TEST_F(SimDisk, ReadsWhatIsInTheCacheAndKeepsWhatWasFlushed)
{
	Disk disk = make();
	write(disk, 3, 1, 10);
	EXPECT_EQ(read(disk, 3), 10u);
	EXPECT_EQ(disk.stable(3), 0u);
	EXPECT_EQ(disk.flush(), IoStatus::ok);
	EXPECT_EQ(disk.stable(3), 10u);
	disk.cut(u64{0});
	EXPECT_EQ(read(disk, 3), 10u);
}

TEST_F(SimDisk, ACutLosesWhatWasNotFlushed)
{
	Disk disk = make();
	write(disk, 3, 1, 10);
	disk.cut(u64{0});
	EXPECT_EQ(read(disk, 3), 0u);
}

TEST_F(SimDisk, WritesThroughTheCacheStay)
{
	Disk disk = make();
	write(disk, 3, 1, 10);
	write(disk, 3, 1, 11, true);
	disk.cut(~u64{0}); // the older one must not come back
	EXPECT_EQ(read(disk, 3), 11u);
}

TEST_F(SimDisk, EverySubsetOfUnflushedSectorsCanSurvive)
{
	std::set<std::vector<Content>> seen;
	for (u32 i = 0; i < kTrials; ++i) {
		Disk disk = make();
		write(disk, 0, 2, 10);
		write(disk, 8, 1, 20);
		disk.cut(random);
		seen.insert({read(disk, 0), read(disk, 1), read(disk, 8)});
	}
	EXPECT_EQ(seen.size(), 8u);
}

TEST_F(SimDisk, EitherOfTwoWritesToASectorCanSurvive)
{
	std::set<Content> seen;
	for (u32 i = 0; i < kTrials; ++i) {
		Disk disk = make();
		write(disk, 0, 1, 10);
		write(disk, 0, 1, 11);
		disk.cut(random);
		seen.insert(read(disk, 0));
	}
	EXPECT_EQ(seen, (std::set<Content>{0, 10, 11}));
}

TEST_F(SimDisk, WholeBlocksAreTornBetweenThemAlone)
{
	u64 torn = 0;
	for (u32 i = 0; i < kTrials; ++i) {
		Disk disk = make(8, 8);
		write(disk, 4, 12, 10); // half a block and a whole one
		torn += disk.cut(random).torn;
		EXPECT_EQ(read(disk, 4) != 0, read(disk, 7) != 0);
		EXPECT_EQ(read(disk, 8) != 0, read(disk, 15) != 0);
	}
	EXPECT_GT(torn, 0u);
}

TEST_F(SimDisk, ACutMayLeaveOnePhysicalBlockUnreadable)
{
	Disk disk = make(8);
	write(disk, 9, 1, 10);
	EXPECT_EQ(disk.cut(random, 9).damaged, 8u);
	for (Sector sector = 0; sector < 64; ++sector)
		EXPECT_EQ(disk.is_unreadable(sector), sector >= 8 && sector < 16) << sector;
	write(disk, 12, 1, 20);
	EXPECT_EQ(read(disk, 12), 20u);
	EXPECT_TRUE(disk.is_unreadable(11));
}

TEST_F(SimDisk, BadSectorsHealWhenWrittenOrDoNot)
{
	Disk disk = make();
	disk.make_unreadable(1, true);
	disk.make_unreadable(2, false);
	disk.make_unwritable(3);
	Content content;
	EXPECT_EQ(disk.read(1, &content, 1), IoStatus::medium);
	EXPECT_EQ(write(disk, 1, 2, 10), IoStatus::ok);
	EXPECT_EQ(read(disk, 1), 10u);
	EXPECT_EQ(disk.read(2, &content, 1), IoStatus::medium);
	EXPECT_EQ(write(disk, 3, 1, 10), IoStatus::medium);
	EXPECT_EQ(read(disk, 3), 0u);
}

TEST_F(SimDisk, ARefusedWriteMayBeStoredAtOnceLateOrNever)
{
	Disk disk = make();
	EXPECT_EQ(write(disk, 0, 1, 10, false, Fate::refused), IoStatus::io);
	EXPECT_EQ(write(disk, 1, 1, 11, false, Fate::refused_stored), IoStatus::io);
	EXPECT_EQ(write(disk, 2, 1, 12, false, Fate::refused_late), IoStatus::io);
	disk.flush();
	disk.cut(~u64{0});
	EXPECT_EQ(read(disk, 0), 0u);
	EXPECT_EQ(read(disk, 1), 11u);
	EXPECT_EQ(read(disk, 2), 0u);
	ASSERT_EQ(disk.late(), 1u);
	disk.land(0);
	EXPECT_EQ(disk.stable(2), 12u);
	EXPECT_EQ(disk.late(), 0u);
}

TEST_F(SimDisk, ANewerWriteOvertakesALateOneUnlessItIsStubborn)
{
	Disk disk = make();
	disk.set_stubborn({{8, 8}});
	write(disk, 0, 1, 10, false, Fate::refused_late);
	write(disk, 8, 1, 20, false, Fate::refused_late);
	write(disk, 0, 1, 11);
	write(disk, 8, 1, 21);
	ASSERT_EQ(disk.late(), 1u);
	disk.land(0);
	disk.flush();
	EXPECT_EQ(read(disk, 0), 11u);
	EXPECT_EQ(read(disk, 8), 20u);
}

TEST_F(SimDisk, OnlyStubbornWritesOutliveTheEndOfTheOthers)
{
	std::set<Content> seen;
	for (u32 i = 0; i < kTrials; ++i) {
		Disk disk = make();
		disk.set_stubborn({{8, 8}});
		write(disk, 0, 1, 10, false, Fate::refused_late);
		write(disk, 8, 1, 20, false, Fate::refused_late);
		EXPECT_TRUE(disk.has_stubborn());
		disk.end_late(random, false);
		EXPECT_EQ(disk.late(), 1u);
		EXPECT_EQ(read(disk, 8), 0u);
		seen.insert(read(disk, 0));
		disk.end_late(random, true);
		EXPECT_EQ(disk.late(), 0u);
	}
	EXPECT_EQ(seen, (std::set<Content>{0, 10}));
}

TEST_F(SimDisk, LostAndMisdirectedWritesAreAcknowledged)
{
	Disk disk = make();
	EXPECT_EQ(write(disk, 0, 1, 10, false, Fate::lost), IoStatus::ok);
	EXPECT_EQ(write(disk, 1, 1, 11, false, Fate::misdirected, 9), IoStatus::ok);
	EXPECT_EQ(read(disk, 0), 0u);
	EXPECT_EQ(read(disk, 1), 0u);
	EXPECT_EQ(read(disk, 9), 11u);
}

TEST_F(SimDisk, ADoomedWriteIsReportedByTheNextFlushAndByNoOther)
{
	Disk disk = make();
	write(disk, 1, 1, 11);
	EXPECT_EQ(write(disk, 0, 1, 10, false, Fate::doomed), IoStatus::ok);
	EXPECT_EQ(read(disk, 0), 10u);
	EXPECT_EQ(disk.flush(), IoStatus::io);
	EXPECT_EQ(read(disk, 0), 0u);
	EXPECT_EQ(disk.stable(1), 11u);
	EXPECT_EQ(disk.flush(), IoStatus::ok);
}

TEST_F(SimDisk, AFailingFlushLosesWhatItLikes)
{
	std::set<std::vector<Content>> seen;
	for (u32 i = 0; i < kTrials; ++i) {
		Disk disk = make();
		write(disk, 0, 2, 10);
		EXPECT_EQ(disk.flush_failing(random), IoStatus::io);
		EXPECT_EQ(read(disk, 0), disk.stable(0));
		EXPECT_EQ(disk.unflushed_units(), 0u);
		seen.insert({read(disk, 0), read(disk, 1)});
	}
	EXPECT_EQ(seen.size(), 4u);
}

TEST_F(SimDisk, FlakySectorsComeBackAfterSoManyReadsOrAWrite)
{
	Disk disk = make();
	write(disk, 0, 8, 10);
	disk.make_flaky(2, 2);
	disk.make_flaky(3, 1);
	Content content[8];
	EXPECT_EQ(disk.read(0, content, 2), IoStatus::ok);
	EXPECT_EQ(disk.read(0, content, 8), IoStatus::medium); // one failure less of each
	EXPECT_FALSE(disk.is_unreadable(2));
	EXPECT_EQ(disk.content(2), 12u);
	EXPECT_EQ(read(disk, 3), 13u);
	EXPECT_EQ(disk.read(2, content, 1), IoStatus::medium);
	EXPECT_EQ(read(disk, 2), 12u);
	disk.make_flaky(2, 5);
	EXPECT_EQ(write(disk, 2, 1, 50, false, Fate::refused), IoStatus::io);
	EXPECT_TRUE(disk.is_flaky(2));
	EXPECT_EQ(write(disk, 2, 1, 50), IoStatus::ok);
	EXPECT_EQ(read(disk, 2), 50u);
}

TEST_F(SimDisk, DarkStretchesAndMissingDevicesGiveNothing)
{
	Disk disk = make();
	write(disk, 0, 16, 10);
	disk.set_dark({{4, 4}});
	Content content;
	EXPECT_EQ(disk.read(3, &content, 1), IoStatus::ok);
	EXPECT_EQ(disk.read(4, &content, 1), IoStatus::medium);
	EXPECT_EQ(write(disk, 7, 2, 50), IoStatus::medium);
	disk.set_dark({});
	EXPECT_EQ(read(disk, 4), 14u);
	EXPECT_EQ(read(disk, 8), 18u);
	disk.set_missing(IoStatus::transport);
	EXPECT_EQ(disk.read(3, &content, 1), IoStatus::transport);
	EXPECT_EQ(write(disk, 3, 1, 50), IoStatus::transport);
	EXPECT_EQ(disk.flush(), IoStatus::transport);
}

TEST_F(SimDisk, RotTurnsOneBitOfWhatIsStable)
{
	Disk disk = make();
	u8 bytes[kSectorBytes];
	for (u32 i = 0; i < kSectorBytes; ++i)
		bytes[i] = static_cast<u8>(i);
	const Content raw = contents.learn(bytes);
	disk.put(5, raw);
	disk.rot(5, 4095);
	u8 after[kSectorBytes];
	contents.spell(disk.stable(5), after);
	EXPECT_EQ(after[511], bytes[511] ^ 0x80);
	after[511] ^= 0x80;
	EXPECT_EQ(std::memcmp(after, bytes, kSectorBytes), 0);
	EXPECT_EQ(disk.content(5), disk.stable(5));
}

TEST_F(SimDisk, ContentsAreStampsOrBytes)
{
	u8 bytes[kSectorBytes];
	contents.spell(0x1234, bytes);
	EXPECT_EQ(contents.learn(bytes), 0x1234u);
	std::memset(bytes, 0, sizeof(bytes));
	EXPECT_EQ(contents.learn(bytes), kZeros);
	bytes[100] = 1;
	const Content raw = contents.learn(bytes);
	EXPECT_TRUE(Contents::is_raw(raw));
	EXPECT_TRUE(contents.same(raw, contents.learn(bytes)));
	bytes[100] = 2;
	EXPECT_FALSE(contents.same(raw, contents.learn(bytes)));
	std::memset(bytes, 0xff, sizeof(bytes)); // would be a stamp, were its top bit not ours
	EXPECT_TRUE(Contents::is_raw(contents.learn(bytes)));
}

} // namespace
} // namespace remap::sim
