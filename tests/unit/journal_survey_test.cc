// SPDX-License-Identifier: GPL-2.0-or-later
// What is on a spare, judged before anything is written: each reason to keep off has its sentence,
// and none of them changes a sector.
#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

// A set on a spare that was blank, closed.
class JournalSurvey : public ::testing::Test {
protected:
	void SetUp() override
	{
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
		ASSERT_EQ(set.send("relocate 3000 8"), 1);
		set.suspend();
	}
	const Layout &layout() const { return set.engine.layout(); }
	MemoryDisk &spare() { return set.host.spare; }
	Uuid uuid() const { return set.engine.journal().superblock().set; }

	void expect_refused(Error error, const std::string &part)
	{
		const MemoryDisk::Content before = spare().written();
		const u64 writes = spare().writes;
		EXPECT_EQ(set.reload(), error) << set.sentence;
		EXPECT_NE(set.sentence.find(part), std::string::npos) << set.sentence;
		EXPECT_EQ(spare().writes, writes);
		EXPECT_TRUE(before == spare().written());
		EXPECT_EQ(set.host.main.writes, 0u);
	}
	void expect_loads()
	{
		EXPECT_EQ(set.reload(), Error::ok) << set.sentence;
		EXPECT_EQ(set.added(), (std::vector<Added>{{1000, 100}, {3000, 8}}));
	}
	void wipe(const Region &region) { damage_at(spare(), region.from, region.count, Damage::zeros); }

	RemapSet set{{.blank = true}};
};

TEST_F(JournalSurvey, LoadsWhatItMade) { expect_loads(); }

TEST_F(JournalSurvey, AnotherMain)
{
	set.shape.main_sectors = 65544;
	expect_refused(Error::wrong_set, "main has 65544 sectors, set ");
	EXPECT_NE(set.sentence.find("was made for one of 65536"), std::string::npos);
	set.shape.main_sectors = 65536;
	set.shape.block_sectors = 8;
	expect_refused(Error::wrong_set,
		       "main has logical blocks of 4096 bytes, set ");
	set.shape.block_sectors = 1;
	expect_loads();
}

// The spare has two names, and another host took the set by the first.
TEST_F(JournalSurvey, ASetThatAnotherHostServes)
{
	const Uuid name = uuid();
	std::memcpy(set.host.taken.data(), name.bytes, sizeof(name.bytes));
	expect_refused(Error::set_in_use, "another mapped device uses set ");
	set.host.taken = {};
	expect_loads();
}

// Blank when both tables were made, and formatted by the other host before this one started.
TEST(JournalClaim, ASetThatAnotherHostMadeSinceTheSpareWasBlank)
{
	RemapSet set({.blank = true}, RemapSet::Begin::unopened);
	Refusal why;
	ASSERT_TRUE(set.engine
			    .create({set.shape.main_sectors, set.shape.spare_sectors,
				     set.shape.block_sectors},
				    set.terms, why)
			    .ok());
	ASSERT_EQ(set.engine.journal().found(), Found::blank);
	RemapSet other({.blank = true});
	const Uuid name = other.engine.journal().superblock().set;
	for (const auto &[sector, content] : other.host.spare.written())
		set.host.spare.write(sector, &content, 1);
	set.host.spare.flush();
	std::memcpy(set.host.taken.data(), name.bytes, sizeof(name.bytes));
	const MemoryDisk::Content before = set.host.spare.written();
	const Status started = set.engine.start(why);
	EXPECT_EQ(started.error(), Error::set_in_use);
	EXPECT_TRUE(before == set.host.spare.written());
	EXPECT_FALSE(set.engine.journal().served());
	set.host.taken = {};
	EXPECT_TRUE(set.engine.start(why).ok()) << why.text();
	EXPECT_EQ(std::memcmp(set.host.claimed.data(), name.bytes, sizeof(name.bytes)), 0);
}

TEST_F(JournalSurvey, AnotherMainById)
{
	RemapSet other({.blank = true}, RemapSet::Begin::unopened);
	std::strcpy(other.terms.main_id, "WDC-1");
	ASSERT_EQ(other.open(), Error::ok);
	std::strcpy(other.terms.main_id, "WDC-2");
	EXPECT_EQ(other.reload(), Error::wrong_set);
	EXPECT_EQ(other.sentence, "main is 'WDC-2', the set was made for 'WDC-1'");
	// Without one, size alone is compared; the set goes on being named after its main.
	other.terms.main_id[0] = '\0';
	EXPECT_EQ(other.reload(), Error::ok);
	std::strcpy(other.terms.main_id, "WDC-1");
	EXPECT_EQ(other.reload(), Error::ok);
	EXPECT_EQ(other.value("status", "flags"), "");
}

// The spare given as main has another size than main, and the other way round.
TEST_F(JournalSurvey, MainAndSpareSwapped)
{
	edit_sites(set, [](SuperblockDisk &disk) { disk.main_sectors = 32768; });
	expect_refused(Error::wrong_set, "; are main and spare swapped?");
}

TEST_F(JournalSurvey, SpareResized)
{
	edit_sites(set, [](SuperblockDisk &disk) { disk.members[0].sectors = 40000; });
	expect_refused(Error::wrong_set, "the spare has 32768 sectors, set ");
	EXPECT_NE(set.sentence.find("was made on one of 40000"), std::string::npos);
}

// A larger spare has its middle and tail elsewhere: only the head is found.
TEST_F(JournalSurvey, SpareGrown)
{
	MemoryHost larger(65536, 65536, MemoryDisk::kBlank);
	for (const auto &[sector, block] : spare().written())
		larger.spare.put(sector, block);
	Engine<MemoryHost> engine(larger);
	Refusal why;
	EXPECT_EQ(engine.create({65536, 65536, 1}, Terms{}, why).error(), Error::wrong_set);
	EXPECT_STRNE(why.text(), "");
	EXPECT_EQ(larger.spare.writes, 0u);
}

TEST_F(JournalSurvey, SpareTooSmall)
{
	set.shape.spare_sectors = 800;
	expect_refused(Error::spare_full, "the spare has 800 sectors, its metadata alone would take");
}

TEST_F(JournalSurvey, OtherFormatVersions)
{
	for (const u32 version : {0u, 2u, 77u}) {
		edit_sites(set, [&](SuperblockDisk &disk) { disk.version = version; });
		expect_refused(Error::unknown_format,
			       "the metadata has format version " + std::to_string(version) +
				       ", this version knows 1");
		set.terms.format = true; // permits foreign data, not ours
		expect_refused(Error::unknown_format, "the metadata has format version ");
		set.terms.format = false;
	}
}

TEST_F(JournalSurvey, OtherFormatVersionOnOneSite)
{
	edit_site(set, 1, [](SuperblockDisk &disk) { disk.version = 2; });
	expect_refused(Error::unknown_format, "the metadata has format version 2");
}

TEST_F(JournalSurvey, IncompatibleFeatures)
{
	edit_sites(set, [](SuperblockDisk &disk) { disk.incompat = 4; });
	expect_refused(Error::unknown_format,
		       "features that this version does not know (incompat 4)");
	set.host.writes = false;
	expect_refused(Error::unknown_format, "(incompat 4)");
}

TEST_F(JournalSurvey, FeaturesThatPermitReading)
{
	edit_sites(set, [](SuperblockDisk &disk) { disk.ro_compat = 8; });
	expect_refused(Error::unknown_format,
		       "features that this version can only read (ro_compat 8); make the table "
		       "read-only");
	set.host.writes = false;
	const u64 writes = spare().writes;
	expect_loads();
	EXPECT_EQ(spare().writes, writes);
}

TEST_F(JournalSurvey, CompatibleFeaturesAreKept)
{
	edit_sites(set, [](SuperblockDisk &disk) { disk.compat = 16; });
	expect_loads();
	for (u32 site = 0; site < kSites; ++site)
		EXPECT_EQ(superblock_of(set, site).compat, 16u);
}

TEST_F(JournalSurvey, OneSiteLostCostsNothing)
{
	for (u32 site = 0; site < kSites; ++site)
		for (const Damage damage : kDamages) {
			SCOPED_TRACE(std::string("site ") + std::to_string(site) + " " + name_of(damage));
			const Region region = site_region(layout(), site);
			damage_at(spare(), region.from, region.count, damage);
			expect_loads();
			EXPECT_TRUE(is_whole(superblock_of(set, site))) << "not repaired";
			EXPECT_EQ(set.value("status", "mode"), "ok");
		}
}

TEST_F(JournalSurvey, TooFewSites)
{
	for (u32 kept = 0; kept < kSites; ++kept)
		for (const Damage damage : kDamages) {
			RemapSet copy({.blank = true}, RemapSet::Begin::unopened);
			for (const auto &[sector, block] : spare().written())
				copy.host.spare.put(sector, block);
			for (u32 site = 0; site < kSites; ++site)
				if (site != kept)
					damage_at(copy.host.spare, layout().site(site),
						  kSiteSectors, damage);
			for (const bool format : {false, true}) {
				copy.terms.format = format;
				EXPECT_EQ(copy.reload(), Error::damaged)
					<< "only site " << kept << ", others " << name_of(damage);
				EXPECT_EQ(copy.sentence.find("only 1 of 3 sites of the spare hold a "
							     "superblock, 2 are needed"),
					  0u)
					<< copy.sentence;
			}
			EXPECT_EQ(copy.host.spare.writes, 0u);
		}
}

TEST_F(JournalSurvey, HeadAndTailWipedWhileTheMiddleNamesUs)
{
	wipe({0, layout().middle_site()});
	wipe({layout().middle_site() + kSiteSectors,
	      32768 - layout().middle_site() - kSiteSectors});
	expect_refused(Error::damaged, "only 1 of 3 sites");
	set.terms.format = true;
	expect_refused(Error::damaged, "only 1 of 3 sites");
}

TEST_F(JournalSurvey, OnlyDamagedSuperblocks)
{
	for (u32 site = 0; site < kSites; ++site)
		for (u32 slot = 0; slot < Site::kSlots; ++slot) {
			const Sector at = slot_at(layout(), site, slot);
			auto disk = read_at<SuperblockDisk>(spare(), at);
			disk.epoch = disk.epoch + 1;
			put_at(spare(), at, disk);
		}
	expect_refused(Error::damaged, "the spare has a damaged superblock of ours and no valid one");
	set.terms.format = true;
	expect_refused(Error::damaged, "the spare has a damaged superblock of ours");
}

TEST_F(JournalSurvey, OneMagicAloneIsATrace)
{
	for (u32 site = 0; site < kSites; ++site) {
		RemapSet blank({.blank = true}, RemapSet::Begin::unopened);
		SuperblockDisk disk{};
		std::memcpy(disk.magic, SuperblockDisk::kMagic, sizeof(disk.magic));
		put_at(blank.host.spare, slot_at(layout(), site, 1), disk);
		blank.terms.format = true;
		EXPECT_EQ(blank.open(), Error::damaged);
		EXPECT_EQ(blank.sentence.find("the spare has a damaged superblock of ours"), 0u);
		EXPECT_EQ(blank.host.spare.writes, 0u);
	}
}

TEST_F(JournalSurvey, SitesOfTwoSets)
{
	RemapSet other({.blank = true});
	ASSERT_EQ(other.send("relocate 50 8"), 1);
	// Two hosts of the tests draw the same random numbers.
	edit_sites(other, [](SuperblockDisk &disk) { disk.set.bytes[0] ^= 1; });
	for (u32 site = 0; site < kSites; ++site) {
		RemapSet mixed({.blank = true}, RemapSet::Begin::unopened);
		for (const auto &[sector, block] : spare().written())
			mixed.host.spare.put(sector, block);
		for (Sector at = 0; at < kSiteSectors; ++at)
			mixed.host.spare.put(layout().site(site) + at,
					     other.host.spare.content(layout().site(site) + at));
		EXPECT_EQ(mixed.open(), Error::damaged);
		EXPECT_EQ(mixed.sentence.find("the sites of the spare belong to different sets, "), 0u)
			<< mixed.sentence;
		EXPECT_EQ(mixed.host.spare.writes, 0u);
	}
}

TEST_F(JournalSurvey, SitesOfTwoMembers)
{
	edit_site(set, 2, [](SuperblockDisk &disk) { disk.members[0].uuid.bytes[3] ^= 1; });
	expect_refused(Error::damaged, "the sites of the spare belong to different sets, ");
}

TEST_F(JournalSurvey, SiteAtTheWrongPlace)
{
	for (u32 slot = 0; slot < Site::kSlots; ++slot)
		put_at(spare(), slot_at(layout(), 2, slot),
		       read_at<SlotDisk>(spare(), slot_at(layout(), 1, slot)));
	expect_refused(Error::damaged, "the superblock of site 1 was found at site 2");
}

TEST_F(JournalSurvey, WhatCannotBe)
{
	const std::function<void(SuperblockDisk &)> changes[] = {
		[](SuperblockDisk &disk) { disk.checkpoint_blocks = 1000; },
		[](SuperblockDisk &disk) { disk.checkpoint_area = 2; },
		[](SuperblockDisk &disk) { disk.copies = 0; },
		[](SuperblockDisk &disk) { disk.copies = 4; },
		[](SuperblockDisk &disk) { disk.max_extents = 0xffffffff; },
	};
	const MemoryDisk::Content good = spare().written();
	for (const auto &change : changes) {
		edit_sites(set, change);
		expect_refused(Error::damaged, "the superblock is valid, but what it says cannot be");
		for (const auto &[sector, block] : good)
			spare().put(sector, block);
		expect_loads();
		set.suspend();
	}
}

TEST_F(JournalSurvey, AnotherSetIsDemanded)
{
	set.terms.set = uuid();
	expect_loads();
	set.terms.set.bytes[5] ^= 1;
	expect_refused(Error::wrong_set, "the spare belongs to set ");
	EXPECT_NE(set.sentence.find(", but set "), std::string::npos);
	set.terms.format = true;
	expect_refused(Error::wrong_set, "the spare belongs to set ");
}

TEST_F(JournalSurvey, ASetIsDemandedOfABlankSpare)
{
	RemapSet blank({.blank = true}, RemapSet::Begin::unopened);
	blank.terms.set = uuid();
	for (const bool format : {false, true}) {
		blank.terms.format = format;
		EXPECT_EQ(blank.reload(), Error::wrong_set);
		EXPECT_EQ(blank.sentence.find("the spare holds no set, but set "), 0u);
	}
	EXPECT_EQ(blank.host.spare.writes, 0u);
}

TEST_F(JournalSurvey, SpareThatDoesNotAnswer)
{
	for (const IoStatus status : {IoStatus::transport, IoStatus::timeout, IoStatus::resource}) {
		spare().read_status = status;
		expect_refused(Error::spare_io, std::string("the spare cannot be read (") +
							text_of(status) + ")");
		spare().read_status = IoStatus::ok;
	}
	expect_loads();
}

TEST_F(JournalSurvey, ATableThatJoinsMayDemandTheSet)
{
	Refusal why;
	Terms terms;
	EXPECT_TRUE(set.engine.check_terms(terms, why).ok());
	terms.set = uuid();
	EXPECT_TRUE(set.engine.check_terms(terms, why).ok());
	terms.set.bytes[0] ^= 1;
	EXPECT_EQ(set.engine.check_terms(terms, why).error(), Error::wrong_set);
	EXPECT_NE(std::string(why.text()).find("is demanded"), std::string::npos);
}

}  // namespace
}  // namespace remap::test
