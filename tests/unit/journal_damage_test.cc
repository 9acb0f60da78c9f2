// SPDX-License-Identifier: GPL-2.0-or-later
// Damage to the metadata: what another copy has is mended, what none has is refused, and nothing is
// taken for the newest state that is not.
#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

// 60 extents, of which the first are in a checkpoint and the rest in the log.
class JournalDamage : public ::testing::Test {
protected:
	void SetUp() override { fill(set); }

	static void fill(RemapSet &set)
	{
		for (u32 i = 0; i < 60; ++i) {
			ASSERT_EQ(set.send("relocate " + std::to_string(300 * i) + " 3"), 1);
			if (i == 40) {
				ASSERT_EQ(set.send("sync"), 1);
			}
		}
	}
	const Layout &layout() const { return set.engine.layout(); }
	MemoryDisk &spare() { return set.host.spare; }
	void damage(const Region &region, Damage how)
	{
		damage_at(spare(), region.from, region.count, how);
	}
	void expect_mended(const Remembered &before)
	{
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		before.expect_in(set);
		set.check_books();
		expect_copies_equal(set);
		EXPECT_EQ(set.value("status", "mode"), "ok");
		EXPECT_EQ(set.number("status", "copies"), 2u);
	}
	void expect_refused(const std::string &part)
	{
		const u64 writes = spare().writes;
		EXPECT_EQ(set.crash_and_reload(), Error::damaged) << set.sentence;
		EXPECT_NE(set.sentence.find(part), std::string::npos) << set.sentence;
		EXPECT_EQ(spare().writes, writes) << "a refused set was written to";
		EXPECT_EQ(set.engine.table().extents(), 0u);
	}

	RemapSet set{{.blank = true}};
};

TEST_F(JournalDamage, ACopyWithItsSiteCostsNothing)
{
	for (u32 copy = 0; copy < kCopies; ++copy)
		for (const Damage how : kDamages) {
			SCOPED_TRACE(std::string(copy ? "tail " : "head ") + name_of(how));
			const Remembered before(set);
			damage(copy_region(layout(), copy), how);
			damage(site_region(layout(), copy ? 2 : 0), how);
			expect_mended(before);
			// And the other one alone would do now.
			damage(copy_region(layout(), 1 - copy), how);
			damage(site_region(layout(), copy ? 0 : 2), how);
			expect_mended(before);
			ASSERT_EQ(set.send("remove_remap 300"), 1);
			ASSERT_EQ(set.send("relocate 300 3"), 1);
		}
}

TEST_F(JournalDamage, EveryRegionOfACopy)
{
	for (u32 copy = 0; copy < kCopies; ++copy)
		for (const Damage how : kDamages)
			for (const Region &region :
			     {journal_region(layout(), copy), area_region(layout(), copy, 0),
			      area_region(layout(), copy, 1), site_region(layout(), 1)}) {
				const Remembered before(set);
				damage(region, how);
				expect_mended(before);
			}
}

TEST_F(JournalDamage, DifferentPartsOfBothCopies)
{
	const Superblock now = set.engine.journal().superblock();
	const Remembered before(set);
	for (const Damage how : kDamages) {
		const u64 last = set.engine.journal().journal_end() - 1;
		for (u64 sequence = now.journal_start; sequence <= last; ++sequence)
			damage_at(spare(), log_block(layout(), sequence % 2, sequence) + sequence % 8,
				  1, how);
		damage_at(spare(), layout().area(1, now.root.area), 1, how);
		expect_mended(before);
	}
}

TEST_F(JournalDamage, OneSectorOfTheLogGoneInBothCopies)
{
	const Superblock now = set.engine.journal().superblock();
	for (const Damage how : kDamages) {
		RemapSet fresh({.blank = true});
		fill(fresh);
		const u64 sequence = now.journal_start + 5;
		for (u32 copy = 0; copy < kCopies; ++copy)
			damage_at(fresh.host.spare,
				  log_block(fresh.engine.layout(), copy, sequence) + 3, 1, how);
		EXPECT_EQ(fresh.crash_and_reload(), Error::damaged) << name_of(how);
		EXPECT_NE(fresh.sentence.find("'dmremap repair' explains"), std::string::npos)
			<< fresh.sentence;
	}
}

TEST_F(JournalDamage, TheCheckpointGoneInBothCopies)
{
	for (u32 copy = 0; copy < kCopies; ++copy)
		damage(area_region(layout(), copy, set.engine.journal().superblock().root.area),
		       Damage::garbage);
	expect_refused("block 0 of the checkpoint cannot be read in any copy");
}

// The last block, acknowledged, cannot be read in the only copy that is left.
TEST_F(JournalDamage, OneCopyWhoseLogEndsInDamage)
{
	for (u32 copy = 0; copy < kCopies; ++copy)
		for (const Damage how : {Damage::unreadable, Damage::garbage, Damage::flipped}) {
			RemapSet fresh({.blank = true});
			fill(fresh);
			const Layout &places = fresh.engine.layout();
			const u64 last = fresh.engine.journal().journal_end() - 1;
			const Region gone = journal_region(places, 1 - copy);
			damage_at(fresh.host.spare, gone.from, gone.count, Damage::garbage);
			damage_at(fresh.host.spare, log_block(places, copy, last), kBlockSectors,
				  how);
			EXPECT_EQ(fresh.crash_and_reload(), Error::damaged) << name_of(how);
			EXPECT_NE(fresh.sentence.find("only one copy of the log can be read, and it "
						      "ends in damage at block"),
				  std::string::npos)
				<< fresh.sentence;
		}
}

// The other copy wiped with zeros does not vouch for the end either.
TEST_F(JournalDamage, AWipedCopyIsNoWitness)
{
	const u64 last = set.engine.journal().journal_end() - 1;
	damage(journal_region(layout(), 1), Damage::zeros);
	damage_at(spare(), log_block(layout(), 0, last), kBlockSectors, Damage::garbage);
	expect_refused("only one copy of the log can be read");
}

// Of the last block, which was never acknowledged, a power cut left one copy; behind it that copy is
// damaged. The other one, whole until then, shows that nothing followed.
TEST_F(JournalDamage, ABlockThatOneCopyNeverHad)
{
	for (u32 copy = 0; copy < kCopies; ++copy)
		for (const Damage how : {Damage::unreadable, Damage::garbage}) {
			SCOPED_TRACE(std::string(copy ? "tail " : "head ") + name_of(how));
			const Remembered before(set);
			const u64 end = set.engine.journal().journal_end();
			damage_at(spare(), log_block(layout(), 1 - copy, end - 1), kBlockSectors,
				  Damage::zeros);
			damage_at(spare(), log_block(layout(), copy, end), 1, how);
			expect_mended(before);
			ASSERT_EQ(set.send("remove_remap 300"), 1);
			ASSERT_EQ(set.send("relocate 300 3"), 1);
		}
}

// It shows that only while it has the block before.
TEST_F(JournalDamage, ACopyThatLacksTwoBlocksIsNoWitness)
{
	const u64 end = set.engine.journal().journal_end();
	for (u64 sequence = end - 2; sequence < end; ++sequence)
		damage_at(spare(), log_block(layout(), 1, sequence), kBlockSectors, Damage::zeros);
	damage_at(spare(), log_block(layout(), 0, end), 1, Damage::garbage);
	expect_refused("only one copy of the log can be read");
}

TEST_F(JournalDamage, AClosedSetWhoseEndIsMissing)
{
	set.suspend();
	const u64 last = set.engine.journal().journal_end() - 1;
	for (u32 copy = 0; copy < kCopies; ++copy)
		damage_at(spare(), log_block(layout(), copy, last), kBlockSectors, Damage::zeros);
	expect_refused("but the set was closed at " + std::to_string(last + 1));
}

TEST_F(JournalDamage, RecordsBehindABreak)
{
	const u64 last = set.engine.journal().journal_end() - 1;
	for (u32 copy = 0; copy < kCopies; ++copy)
		damage_at(spare(), log_block(layout(), copy, last - 3), kBlockSectors,
			  Damage::zeros);
	expect_refused("there are records behind");
}

// A write that went astray and was never acknowledged, or the other copy would know of it.
TEST_F(JournalDamage, ABlockAtAnothersPlaceIsNoLaterOne)
{
	const Remembered before(set);
	const Superblock now = set.engine.journal().superblock();
	const u64 end = set.engine.journal().journal_end();
	JournalBlockDisk block;
	pack(&block, now.set, now.epoch, end, 0x1234, nullptr, 0);
	put_at(spare(), log_block(layout(), 0, end + 2), block);
	expect_mended(before);
}

// Nor when its copy has lost the site too, since the other one would know. Behind an empty log the
// site says which copy can tell; one that alone can would hide what it lost itself.
TEST_F(JournalDamage, ABlockAtAnothersPlaceInACopyWithoutSite)
{
	for (u32 copy = 0; copy < kCopies; ++copy) {
		SCOPED_TRACE(copy ? "tail" : "head");
		ASSERT_EQ(set.send("sync"), 1);
		const Remembered before(set);
		const Superblock now = set.engine.journal().superblock();
		const u64 end = set.engine.journal().journal_end();
		JournalBlockDisk block;
		pack(&block, now.set, now.epoch, end, 0x1234, nullptr, 0);
		damage(site_region(layout(), copy ? 2 : 0), Damage::garbage);
		put_at(spare(), log_block(layout(), copy, end + 2), block);
		expect_mended(before);
	}
}

TEST_F(JournalDamage, ABlockAtAnothersPlaceInTheOnlyCopyWithASite)
{
	ASSERT_EQ(set.send("sync"), 1);
	const Superblock now = set.engine.journal().superblock();
	const u64 end = set.engine.journal().journal_end();
	JournalBlockDisk block;
	pack(&block, now.set, now.epoch, end, 0x1234, nullptr, 0);
	damage(site_region(layout(), 0), Damage::garbage);
	put_at(spare(), log_block(layout(), 1, end + 2), block);
	expect_refused("there are records behind");
}

TEST_F(JournalDamage, ARecordOfALaterEpoch)
{
	const Superblock now = set.engine.journal().superblock();
	const u64 end = set.engine.journal().journal_end();
	JournalBlockDisk block;
	pack(&block, now.set, now.epoch + 1, end, 0x1234, nullptr, 0);
	for (u32 copy = 0; copy < kCopies; ++copy)
		put_at(spare(), log_block(layout(), copy, end), block);
	expect_refused("a record of epoch " + std::to_string(now.epoch + 1) + " was found");
}

// Valid by its CRC, and nonsense: never applied, never skipped.
TEST_F(JournalDamage, RecordsThatCannotBe)
{
	const Superblock now = set.engine.journal().superblock();
	const u64 last = set.engine.journal().journal_end() - 1;
	const auto before = read_at<JournalSectorDisk>(spare(), log_block(layout(), 0, last - 1) + 7);
	const Record records[] = {
		{RecordKind::map, {65530, 10, 0, State::active, false}},
		{RecordKind::map, {0, 10, layout().data_sectors() - 5, State::active, false}},
		{RecordKind::map, {0, 0, 0, State::active, false}},
		{RecordKind::unmap, {65530, 10, 0, State::none, false}},
	};
	for (const Record &record : records) {
		JournalBlockDisk block;
		pack(&block, now.set, now.epoch, last, before.crc, &record, 1);
		for (u32 copy = 0; copy < kCopies; ++copy)
			put_at(spare(), log_block(layout(), copy, last), block);
		expect_refused("is valid by its CRC, but not by its content");
	}
}

TEST_F(JournalDamage, TwoExtentsOnOnePlace)
{
	const Superblock now = set.engine.journal().superblock();
	const u64 end = set.engine.journal().journal_end();
	const auto before = read_at<JournalSectorDisk>(spare(), log_block(layout(), 0, end - 1) + 7);
	const Record record = {RecordKind::map, {50000, 4, 0, State::active, true}};
	JournalBlockDisk block;
	pack(&block, now.set, now.epoch, end, before.crc, &record, 1);
	for (u32 copy = 0; copy < kCopies; ++copy)
		put_at(spare(), log_block(layout(), copy, end), block);
	EXPECT_EQ(set.crash_and_reload(), Error::damaged);
	EXPECT_EQ(set.sentence, "the place of the extent at sector 50000 belongs to another extent "
				"too");
	EXPECT_EQ(set.engine.table().extents(), 0u);
}

// A copy that is out of use holds an old state; it is rebuilt and not read.
TEST_F(JournalDamage, ACopyOutOfUseIsRebuilt)
{
	for (u32 copy = 0; copy < kCopies; ++copy) {
		const Region region = journal_region(layout(), copy);
		spare().mark_unwritable(region.from, region.count);
		ASSERT_EQ(set.send("remove_remap 600"), 1) << set.last_error();
		EXPECT_EQ(set.value("status", "mode"), "degraded");
		EXPECT_EQ(set.number("status", "copies"), 1u);
		for (u32 i = 0; i < 10; ++i)
			ASSERT_EQ(set.send("relocate " + std::to_string(30000 + 50 * i) + " 3"), 1);
		const Remembered before(set);
		// Still refused: it stays out, and the other serves alone.
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		before.expect_in(set);
		EXPECT_EQ(set.number("status", "copies"), 1u);
		EXPECT_EQ(set.value("status", "mode"), "degraded");
		spare().unwritable.clear();
		expect_mended(before);
		ASSERT_EQ(set.send("clear_all"), 1);
		fill(set);
	}
}

}  // namespace
}  // namespace remap::test
