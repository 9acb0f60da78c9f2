// SPDX-License-Identifier: GPL-2.0-or-later
// Writes that failed and land later, upon what was written since. Each history breaks a promise when
// the rule that the model asked for is taken out, which is the deliberate bug of that name.
#include <optional>

#include "core/journal/journal.h"
#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

struct BuggyHost : MemoryHost {
	using MemoryHost::MemoryHost;
	bool bug(Bug which) const { return planted == which; }
	std::optional<Bug> planted;
};

// A set from a load to a power cut.
struct Life {
	explicit Life(BuggyHost &host)
	    : host(host), table(host), bad(host), journal(host, table, bad, debt)
	{
		const SetShape shape = {host.main.sectors(), 512, host.spare.sectors()};
		status = table.create(shape.main_sectors);
		if (status.ok())
			status = bad.create(shape.spares[0]);
		if (status.ok())
			status = journal.create(shape, Terms{});
		if (status.ok())
			status = journal.open(why);
	}
	bool map(Sector main)
	{
		const Record record = record_of(main);
		return table.put(record.extent).ok() && journal.commit(&record, 1).ok();
	}
	bool maps(Sector main) const
	{
		Extent found;
		return table.next(main, &found) && found.main == main;
	}
	static Record record_of(Sector main)
	{
		return {RecordKind::map, {main, 8, main, State::active, true}};
	}

	BuggyHost &host;
	Table<BuggyHost> table;
	Table<BuggyHost> bad; // places
	FlushDebt debt;
	Journal<BuggyHost> journal;
	Refusal why;
	Status status = Error::no_memory;
};

class JournalLate : public ::testing::Test {
protected:
	// The next load.
	Life &restart()
	{
		life.reset();
		host.spare.crash();
		life.emplace(host);
		return *life;
	}
	Life &start()
	{
		Life &first = restart();
		EXPECT_TRUE(first.status.ok()) << first.why.text();
		EXPECT_TRUE(first.map(1000));
		return first;
	}
	const Layout &layout() const { return life->journal.layout(); }
	void lose(const Region &region)
	{
		damage_at(host.spare, region.from, region.count, Damage::garbage);
	}
	// A commit of `main` that no copy takes; returns the block, which may land later.
	JournalBlockDisk in_doubt(Sector main)
	{
		const auto &journal = life->journal;
		const u64 end = journal.journal_end();
		const auto last = read_at<JournalBlockDisk>(host.spare,
							    log_block(layout(), 0, end - 1));
		const Record record = Life::record_of(main);
		JournalBlockDisk block;
		pack(&block, journal.superblock().set, journal.epoch(), end,
		     last.sector[kBlockSectors - 1].crc, &record, 1);
		for (u32 copy = 0; copy < kCopies; ++copy)
			host.spare.mark_unwritable(log_block(layout(), copy, end), kBlockSectors);
		EXPECT_FALSE(life->journal.commit(&record, 1).ok());
		host.spare.unwritable.clear();
		place = log_block(layout(), 0, end);
		return block;
	}
	SuperblockDisk slot(u32 site, u32 number) const
	{
		return read_at<SuperblockDisk>(host.spare, slot_at(layout(), site, number));
	}
	u32 newest_slot(u32 site) const { return life->journal.site(site).newest; }

	// ---- each history: whether it ends as it has to ----

	bool same_place()
	{
		start();
		const JournalBlockDisk late = in_doubt(2000);
		EXPECT_TRUE(restart().map(3000));
		put_at(host.spare, place, late);
		lose(copy_region(layout(), 1));
		lose(site_region(layout(), 2));
		const Life &last = restart();
		return !last.status.ok() || (last.maps(1000) && last.maps(3000));
	}

	bool epoch_unchained()
	{
		start();
		const JournalBlockDisk late = in_doubt(2000);
		EXPECT_TRUE(restart().map(3000));
		put_at(host.spare, place, late);
		EXPECT_TRUE(restart().status.ok()) << life->why.text();
		return life->maps(1000) && !life->maps(2000) && life->maps(3000);
	}

	// A late superblock lands at site 0 upon the one that fences the head copy; site 1 and the
	// tail copy, which has all, are missing then.
	bool trust_slots()
	{
		start();
		const u32 target = 1 - newest_slot(0);
		const SuperblockDisk beside = slot(0, 1 - target);
		host.spare.mark_unwritable(layout().site(0), kSiteSectors);
		EXPECT_TRUE(life->journal.checkpoint().ok());
		host.spare.unwritable.clear();
		SuperblockDisk late = slot(1, newest_slot(1));
		late.site = 0;
		late.other = beside.crc;
		late.crc = crc_of(late);
		EXPECT_TRUE(restart().journal.checkpoint().ok());
		const Region head = journal_region(layout(), 0);
		host.spare.mark_unwritable(head.from, head.count);
		host.spare.mark_unwritable(layout().site(2), kSiteSectors);
		EXPECT_TRUE(life->map(3000));
		host.spare.unwritable.clear();
		EXPECT_EQ(life->journal.superblock().copies, 2u);
		EXPECT_EQ(newest_slot(0), target);
		put_at(host.spare, slot_at(layout(), 0, target), late);
		lose(site_region(layout(), 1));
		lose(copy_region(layout(), 1));
		const Life &last = restart();
		return !last.status.ok() || last.maps(3000);
	}

	BuggyHost host{65536, 16384, MemoryDisk::kBlank};
	std::optional<Life> life;
	Sector place = 0;
};

TEST_F(JournalLate, TheEpochOfALoadLeavesAPlaceFree) { EXPECT_TRUE(same_place()); }
TEST_F(JournalLate, SamePlaceIsCaught)
{
	host.planted = Bug::same_place;
	EXPECT_FALSE(same_place());
}

TEST_F(JournalLate, TheLogBeforeAnEpochIsWhatItsSuperblockNames) { EXPECT_TRUE(epoch_unchained()); }
TEST_F(JournalLate, EpochUnchainedIsCaught)
{
	host.planted = Bug::epoch_unchained;
	EXPECT_FALSE(epoch_unchained());
}

TEST_F(JournalLate, ASiteWhoseSlotsDoNotFitDoesNotCount)
{
	EXPECT_TRUE(trust_slots());
	EXPECT_NE(std::string(life->why.text()).find("only 1 of 3 sites"), std::string::npos)
		<< life->why.text();
	EXPECT_EQ(life->journal.site_state(0), SiteState::late);
}
TEST_F(JournalLate, TrustSlotsIsCaught)
{
	host.planted = Bug::trust_slots;
	EXPECT_FALSE(trust_slots());
}

// What a power cut leaves of a slot that was being written costs nothing, also when one of the other
// sites is gone.
TEST_F(JournalLate, ATornSlotMakesNoSiteUseless)
{
	for (u32 torn = 0; torn < kSites; ++torn)
		for (u32 gone = 0; gone < kSites; ++gone) {
			if (gone == torn)
				continue;
			EXPECT_TRUE(start().journal.checkpoint().ok());
			lose({slot_at(layout(), torn, 1 - newest_slot(torn)), 1});
			lose(site_region(layout(), gone));
			EXPECT_TRUE(restart().status.ok()) << life->why.text();
			EXPECT_TRUE(life->maps(1000));
			EXPECT_FALSE(life->journal.degraded());
		}
}

// Written again, a site that was hit counts again.
TEST_F(JournalLate, ASiteThatWasHitIsWholeAfterTheNextLoad)
{
	start();
	const SuperblockDisk old = slot(0, newest_slot(0));
	EXPECT_TRUE(life->journal.checkpoint().ok());
	EXPECT_TRUE(life->journal.checkpoint().ok());
	EXPECT_TRUE(life->journal.checkpoint().ok());
	put_at(host.spare, slot_at(layout(), 0, newest_slot(0)), old);
	EXPECT_TRUE(restart().status.ok()) << life->why.text();
	EXPECT_EQ(life->journal.site_state(0), SiteState::good);
	lose(site_region(layout(), 1));
	EXPECT_TRUE(restart().status.ok()) << life->why.text();
	EXPECT_TRUE(life->maps(1000));
}

// Hit after hit: free places and late blocks in them, over laps of the ring.
TEST_F(JournalLate, LateBlocksInFreePlacesOverManyLoads)
{
	start();
	for (Sector i = 1; i < 200; ++i) {
		const JournalBlockDisk late = in_doubt(40000);
		EXPECT_TRUE(restart().map(1000 + 8 * i)) << i << ": " << life->why.text();
		put_at(host.spare, place, late);
		EXPECT_TRUE(restart().status.ok()) << i << ": " << life->why.text();
		ASSERT_FALSE(life->maps(40000)) << i;
		for (Sector k = 0; k <= i; ++k)
			ASSERT_TRUE(life->maps(1000 + 8 * k)) << i << ", " << k;
	}
	for (u32 i = 0; i < 300; ++i)
		ASSERT_TRUE(restart().status.ok()) << i << ": " << life->why.text();
	EXPECT_TRUE(life->map(9000));
	ASSERT_TRUE(restart().status.ok()) << life->why.text();
	EXPECT_TRUE(life->maps(9000));
}

// The log goes on behind another block than the one that was found before its end.
TEST_F(JournalLate, ABlockAtTheEndThatDoesNotFollowIsDamage)
{
	start();
	const auto &journal = life->journal;
	const u64 end = journal.journal_end();
	const Record record = Life::record_of(2000);
	JournalBlockDisk block;
	pack(&block, journal.superblock().set, journal.epoch(), end, 0x1234, &record, 1);
	put_at(host.spare, log_block(layout(), 1, end), block);
	EXPECT_EQ(restart().status.error(), Error::damaged);
	EXPECT_NE(std::string(life->why.text()).find("does not follow the one before"),
		  std::string::npos)
		<< life->why.text();
}

TEST_F(JournalLate, TwoDifferentLastBlocksAreDamage)
{
	start();
	const auto &journal = life->journal;
	const u64 last = journal.journal_end() - 1;
	const auto good = read_at<JournalBlockDisk>(host.spare, log_block(layout(), 0, last));
	const Record record = Life::record_of(2000);
	JournalBlockDisk block;
	pack(&block, journal.superblock().set, journal.epoch(), last, good.sector[0].previous + 1,
	     &record, 1);
	put_at(host.spare, log_block(layout(), 1, last), block);
	EXPECT_EQ(restart().status.error(), Error::damaged);
	EXPECT_NE(std::string(life->why.text()).find("in two copies, and not the same"),
		  std::string::npos)
		<< life->why.text();
}

TEST_F(JournalLate, TwoSuperblocksWithOneNumberAreRefused)
{
	start();
	SuperblockDisk other = slot(1, newest_slot(1));
	other.copies = 1;
	other.crc = crc_of(other);
	put_at(host.spare, slot_at(layout(), 1, newest_slot(1)), other);
	EXPECT_EQ(restart().status.error(), Error::damaged);
	EXPECT_NE(std::string(life->why.text()).find("do not say the same"), std::string::npos)
		<< life->why.text();
}

}  // namespace
}  // namespace remap::test
