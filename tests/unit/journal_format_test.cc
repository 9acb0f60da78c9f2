// SPDX-License-Identifier: GPL-2.0-or-later
// Making a set: only where nothing is, and whatever interrupts it leaves nothing that could be
// taken for a set, or all of one.
#include <random>

#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

constexpr RemapSet::Begin kUnopened = RemapSet::Begin::unopened;

void expect_kept_off(RemapSet &set, const std::string &part)
{
	const MemoryDisk::Content before = set.host.spare.written();
	EXPECT_EQ(set.open(), Error::not_blank) << set.sentence;
	EXPECT_NE(set.sentence.find(part), std::string::npos) << set.sentence;
	EXPECT_EQ(set.host.spare.writes, 0u);
	EXPECT_TRUE(before == set.host.spare.written());
}

// Every sector that a format writes, and those that it promises to look at.
TEST(JournalBlank, OneByteInEachPlaceThatFormatWrites)
{
	RemapSet made({.blank = true});
	u32 places = 0;
	for (const auto &[sector, block] : made.host.spare.written()) {
		if (sector % kBlockSectors != places % kBlockSectors && sector != 0)
			continue; // one sector of most blocks, another one each time
		RemapSet set({.blank = true}, kUnopened);
		Block byte = Block::zeros();
		byte.words[sector % byte.words.size()] = u64{1} << sector % 64;
		set.host.spare.put(sector, byte);
		expect_kept_off(set, "the spare is not blank: there is data at sector " +
					     std::to_string(sector) + "; wipe it");
		++places;
		if (::testing::Test::HasFailure())
			return;
	}
	EXPECT_GT(places, 100u);
}

TEST(JournalBlank, AnyRegionOfALargeSpare)
{
	const Shape shape{.main_sectors = 65536, .spare_sectors = 300000, .blank = true};
	const Layout layout = Layout::of(shape.spare_sectors);
	const Sector places[] = {
		0, 1, 15, 16 * kSectorsPerMiB - 1, layout.site(0), layout.site(1) + 15,
		layout.site(2) + 8, layout.journal(0), layout.journal(1) + 7, layout.area(0, 0),
		layout.area(0, 1), layout.area(1, 0), layout.area(1, 1), layout.data(),
		layout.tail_site() + 15, layout.middle_site() + kSiteSectors};
	for (const Sector sector : places) {
		RemapSet set(shape, kUnopened);
		set.host.spare.put(sector, Block::stamped(1));
		expect_kept_off(set, "there is data at sector " + std::to_string(sector) + ";");
	}
	// Beyond what a format touches and what signatures use.
	RemapSet set(shape, kUnopened);
	set.host.spare.put(16 * kSectorsPerMiB + 5000, Block::stamped(1));
	EXPECT_EQ(set.open(), Error::ok) << set.sentence;
}

TEST(JournalBlank, AFileSystemIsSomebodys)
{
	RemapSet set({.blank = true}, kUnopened);
	Block superblock = Block::zeros();
	superblock.words[7] = 0xef53; // ext4's magic at byte 0x438 of the disk
	set.host.spare.put(2, superblock);
	expect_kept_off(set, "there is data at sector 2");
	std::destroy_at(&set.engine);
	std::construct_at(&set.engine, set.host);
	set.terms.format = true;
	EXPECT_EQ(set.open(), Error::ok) << set.sentence;
}

TEST(JournalBlank, ThePredecessorsMetadataIsNamed)
{
	for (const Sector sector : {0, 256, 512, 768, 1024}) {
		RemapSet set({.blank = true}, kUnopened);
		Block block = Block::zeros();
		std::memcpy(&block, "4RMD", 4);
		set.host.spare.put(sector, block);
		expect_kept_off(set, "the spare holds metadata of dm-remap v4 (4RMD at sector " +
					     std::to_string(sector) + ")");
	}
}

TEST(JournalBlank, WhatCannotBeReadIsNotBlank)
{
	RemapSet set({.blank = true}, kUnopened);
	set.host.spare.mark_unreadable(20000);
	EXPECT_EQ(set.open(), Error::spare_io);
	EXPECT_EQ(set.sentence.find("the spare cannot be read near sector "), 0u) << set.sentence;
	EXPECT_NE(set.sentence.find("so it cannot be seen to be blank"), std::string::npos);
	EXPECT_EQ(set.host.spare.writes, 0u);
}

TEST(JournalBlank, AReadOnlyTableDoesNotFormat)
{
	RemapSet set({.blank = true}, kUnopened);
	set.host.writes = false;
	EXPECT_EQ(set.open(), Error::read_only);
	EXPECT_EQ(set.sentence, "the spare is blank, and a read-only table cannot format it");
	EXPECT_EQ(set.host.spare.writes, 0u);
}

TEST(JournalFormatting, StopsAtASignal)
{
	RemapSet set({.blank = true}, kUnopened);
	set.host.stop = true;
	EXPECT_EQ(set.open(), Error::interrupted);
	EXPECT_EQ(set.host.spare.writes, 0u);
}

TEST(JournalFormatting, AllSitesMustBeWritable)
{
	for (u32 site = 0; site < kSites; ++site) {
		RemapSet set({.blank = true}, kUnopened);
		const Layout layout = Layout::of(set.shape.spare_sectors);
		set.host.spare.mark_unwritable(layout.site(site), kSiteSectors);
		EXPECT_EQ(set.open(), Error::spare_io);
		EXPECT_EQ(set.sentence, "the spare cannot be written at sector " +
						std::to_string(layout.site(site)));
		set.host.spare.unwritable.clear();
		EXPECT_EQ(set.reload(), Error::ok) << set.sentence;
	}
}

TEST(JournalFormatting, RegionsAreWrittenDown)
{
	RemapSet set({.blank = true});
	const Layout &layout = set.engine.layout();
	const RegionsDisk regions = regions_of(layout);
	for (u32 site = 0; site < kSites; ++site) {
		const SuperblockDisk disk = superblock_of(set, site);
		EXPECT_EQ(disk.site, site);
		EXPECT_EQ(std::memcmp(&disk.regions, &regions, sizeof(regions)), 0);
		EXPECT_EQ(disk.journal_blocks, layout.journal_blocks());
		EXPECT_EQ(disk.area_blocks, layout.area_blocks());
	}
}

// ---- interrupted ----

// The power is cut before the n-th write or flush of the spare.
struct Cut {
	u64 at;
	u64 seen = 0;
	bool done = false;
};

void cut_power(RemapSet &set, Cut *cut, const std::function<bool(Sector)> &survives)
{
	set.host.hook = [&set, cut, survives](HostCall call, DeviceIndex device, Sector, u64) {
		if (device != kFirstSpare || (call != HostCall::write && call != HostCall::flush))
			return;
		if (cut->seen++ != cut->at || cut->done)
			return;
		cut->done = true;
		set.host.spare.crash(survives);
		set.host.spare.fail_all(IoStatus::transport);
	};
}

// false: the format was done before the cut.
bool interrupt(const Shape &shape, u64 at, const std::function<bool(Sector)> &survives, bool demand)
{
	RemapSet set(shape, kUnopened);
	Cut cut{at};
	cut_power(set, &cut, survives);
	(void)set.open(); // succeeds when all that was missing is the last site
	set.host.hook = nullptr;
	set.host.spare.fail_all(IoStatus::ok);
	if (!cut.done)
		return false;
	if (demand) {
		// Whoever knows a name gets that set or nothing.
		set.terms.set.bytes[0] = 1;
		EXPECT_EQ(set.reload(), Error::wrong_set) << "cut " << at << ": " << set.sentence;
		set.terms.set = Uuid{};
	}
	EXPECT_EQ(set.reload(), Error::ok) << "cut " << at << ": " << set.sentence;
	EXPECT_EQ(set.engine.table().extents(), 0u);
	EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
	EXPECT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.added(), (std::vector<Added>{{1000, 100}}));
	return true;
}

TEST(JournalFormatting, EveryPrefixIsBlankOrComplete)
{
	std::mt19937_64 random(11);
	const Shape shape{.spare_sectors = 8192, .blank = true};
	const std::function<bool(Sector)> fates[] = {
		[](Sector) { return false; },
		[](Sector) { return true; },
		[&](Sector) { return random() % 2 != 0; },
	};
	for (const auto &survives : fates) {
		u64 at = 0;
		while (interrupt(shape, at, survives, at % 7 == 0) && !HasFailure())
			++at;
		EXPECT_GT(at, 150u);
	}
}

// A second format over what the first left, interrupted too.
TEST(JournalFormatting, InterruptedTwice)
{
	std::mt19937_64 random(12);
	const auto half = [&](Sector) { return random() % 2 != 0; };
	for (u32 i = 0; i < 400 && !HasFailure(); ++i) {
		RemapSet set({.spare_sectors = 4096, .blank = true}, kUnopened);
		for (u32 times = 0; times < 2; ++times) {
			Cut cut{random() % 290};
			cut_power(set, &cut, half);
			(void)set.reload();
			set.host.hook = nullptr;
			set.host.spare.fail_all(IoStatus::ok);
		}
		EXPECT_EQ(set.reload(), Error::ok) << i << ": " << set.sentence;
		EXPECT_EQ(set.engine.table().extents(), 0u);
	}
}

}  // namespace
}  // namespace remap::test
