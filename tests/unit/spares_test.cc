// SPDX-License-Identifier: GPL-2.0-or-later
// Several spares: places that run on from one to the next, and metadata that is on each.
#include "core/spare/spares.h"

#include <cerrno>

#include "tests/unit/several.h"

namespace remap::test {
namespace {

constexpr Sector kSizes[] = {32768, 8192, 16384};

Spares three()
{
	SpareSizes sizes;
	for (const Sector size : kSizes)
		sizes.add(size);
	return Spares::of(sizes, 1000);
}

TEST(Spares, OneIsWhatItsLayoutSays)
{
	for (const Sector size : {Sector{1136}, Sector{1144}, Sector{32768}, Sector{1} << 42}) {
		const Spares spares = Spares::of(size);
		const Layout layout = Layout::of(size);
		ASSERT_EQ(spares.valid(), layout.valid()) << size;
		EXPECT_EQ(spares.max_extents(), layout.max_extents());
		EXPECT_EQ(spares.reserved_sectors(), layout.reserved_sectors());
		EXPECT_EQ(spares.data_sectors(), layout.data_sectors());
		for (Sector place = 0; place < layout.data_sectors();
		     place += 1 + layout.data_sectors() / 1000) {
			const Address at = spares.address(place, 5000);
			EXPECT_EQ(at.device, kFirstSpare);
			EXPECT_EQ(at.sector, layout.physical(place));
			EXPECT_EQ(at.sectors,
				  min_of(layout.contiguous(place, 5000),
					 layout.data_sectors() - place));
		}
	}
}

// Every place has an address of its own in the data area of a member, and what address() calls
// contiguous is.
TEST(Spares, PlacesRunOnFromMemberToMember)
{
	const Spares spares = three();
	ASSERT_TRUE(spares.valid());
	Sector place = 0;
	for (u32 m = 0; m < 3; ++m) {
		const Layout layout = Layout::of(kSizes[m], 1000);
		EXPECT_EQ(spares.first_place(m), place);
		for (Sector data = 0; data < layout.data_sectors(); ++data, ++place) {
			const Address at = spares.address(place, 1);
			ASSERT_EQ(spares.member(place), m) << place;
			ASSERT_EQ(at.device, kFirstSpare + m) << place;
			ASSERT_EQ(at.sector, layout.physical(data)) << place;
			const u64 run = spares.contiguous(place, ~u64{0});
			const Sector border =
				data < layout.border() ? layout.border() : layout.data_sectors();
			ASSERT_EQ(run, border - data) << place;
		}
	}
	EXPECT_EQ(place, spares.data_sectors());
	EXPECT_EQ(spares.data_sectors() + spares.reserved_sectors(), 32768u + 8192 + 16384);
}

// One that left in between leaves a gap; one that came later may have a lower number.
TEST(Spares, GapsAndNumbers)
{
	Spares spares;
	spares.put(2, 32768, 1000, 0, 1);
	spares.put(0, 16384, 1000, 100000, kNoDevice);
	EXPECT_TRUE(spares.valid());
	EXPECT_EQ(spares.slots(), 3u);
	EXPECT_FALSE(spares.exists(1));
	const Place end = spares.end(2);
	EXPECT_EQ(spares.member(0), 2u);
	EXPECT_EQ(spares.member(end - 1), 2u);
	EXPECT_EQ(spares.member(end), Spares::kNobody);
	EXPECT_EQ(spares.member(100000), 0u);
	EXPECT_EQ(spares.data_sectors(), spares.end(0));
	EXPECT_EQ(spares.address(100000, 8).device, kNoDevice);
	EXPECT_TRUE(spares.holds(0, end));
	EXPECT_FALSE(spares.holds(0, end + 1));
	EXPECT_FALSE(spares.holds(end, 1));
	spares.put(1, 16384, 1000, end - 8, 2);
	EXPECT_FALSE(spares.valid()) << "two own a place";
}

TEST(Spares, DevicesOfARange)
{
	Spares spares = three();
	const Sector second = spares.first_place(1), third = spares.first_place(2);
	EXPECT_EQ(spares.devices_of(0, second), 0b0010u);
	EXPECT_EQ(spares.devices_of(second - 1, 2), 0b0110u);
	EXPECT_EQ(spares.devices_of(second, third - second), 0b0100u);
	EXPECT_EQ(spares.devices_of(second + 5, third - second), 0b1100u);
	EXPECT_EQ(spares.devices_of(0, spares.data_sectors()), 0b1110u);
	// The table line may name them in another order.
	spares.put(0, 32768, 1000, 0, 3);
	spares.put(2, 16384, 1000, third, 1);
	EXPECT_EQ(spares.devices_of(0, second), 0b1000u);
	EXPECT_EQ(spares.address(third, 1).device, 1u);
	EXPECT_FALSE(spares.same_as(three()));
	EXPECT_TRUE(three().same_as(three()));
}

TEST(Spares, MetadataIsSizedByTheWholeSet)
{
	SpareSizes sizes = Sector{1} << 20;
	sizes.add(Sector{1} << 26);
	EXPECT_EQ(Spares::of(sizes).max_extents(), ((u64{1} << 20) + (u64{1} << 26)) / 8);
	EXPECT_EQ(Spares::of(sizes).too_small(), 0u);
	EXPECT_FALSE(Spares::of(sizes).valid());
	EXPECT_TRUE(Spares::of(sizes, 1000).valid());
	EXPECT_EQ(Spares::of(sizes, 1000).too_small(), 2u);
}

// ---- sets ----

// Behind a power cut everything is as it was acknowledged.
TEST(SeveralSpares, ARangeAcrossTheBorderIsOneAddedExtent)
{
	RemapSet set(kTwo);
	const Sector border = border_of(set);
	for (Sector at = 0; at < 200; ++at)
		set.host.main.put(5000 + at, Block::stamped(900 + at));
	ASSERT_EQ(set.send("add_remap 5000 " + std::to_string(border - 100) + " 200"), 1)
		<< set.last_error();
	EXPECT_EQ(set.added(), (std::vector<Added>{{5000, 200}}));
	EXPECT_EQ(set.stamp(5099), 900u + 99);
	EXPECT_EQ(set.stamp(5100), 900u + 100);
	ASSERT_EQ(set.write(5090, 20, 7000), IoStatus::ok);
	set.flush();
	const Layout &first = set.engine.layout(0);
	const Layout &second = set.engine.layout(1);
	EXPECT_EQ(set.host.spare.content(first.data_end() - 1).stamp(), 7009u);
	EXPECT_EQ(set.host.more[0].content(second.data()).stamp(), 7010u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.added(), (std::vector<Added>{{5000, 200}}));
	EXPECT_EQ(set.stamp(5099), 7009u);
	EXPECT_EQ(set.stamp(5100), 7010u);
	EXPECT_EQ(set.stamp(5199), 900u + 199);
	set.check_books();
	ASSERT_EQ(set.send("remove_remap 5100"), 1) << set.last_error();
	EXPECT_EQ(set.extents().size(), 0u);
	EXPECT_EQ(set.stamp(5109), 7019u) << "not copied back from the second spare";
}

TEST(SeveralSpares, AllPlacesOfAllMembersAreHandedOut)
{
	RemapSet set(kTwo);
	const Sector total = set.data_sectors();
	EXPECT_EQ(set.number("status", "spare_total"), total);
	EXPECT_EQ(total + set.number("status", "spare_reserved"), 32768u + 16384);
	Sector left = total;
	for (Sector at = 0; left; at += 2048) {
		const Sector count = std::min<Sector>(left, 2048);
		ASSERT_EQ(set.send("relocate " + std::to_string(at) + " " + std::to_string(count)),
			  1)
			<< set.last_error();
		left -= count;
	}
	EXPECT_EQ(set.spare_used(), total);
	EXPECT_EQ(set.refusal("relocate 60000 8"), ENOSPC);
	EXPECT_EQ(set.refusal("add_remap 60000 " + std::to_string(total) + " 8"), ERANGE);
	set.check_books();
	ASSERT_EQ(set.write(total - 8, 8, 1), IoStatus::ok);
	set.flush();
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.stamp(total - 1), 8u);
	set.check_books();
}

// Data on the second spare is stable before its record is written anywhere.
TEST(SeveralSpares, WhatACommandCopiedIsStableWhereItIs)
{
	RemapSet set(kTwo);
	const u64 before[] = {set.host.spare.flushes, set.host.more[0].flushes};
	ASSERT_EQ(set.send("add_remap 1000 " + std::to_string(border_of(set)) + " 8"), 1);
	EXPECT_EQ(set.host.spare.flushes, before[0] + 1) << "that of the record";
	EXPECT_EQ(set.host.more[0].flushes, before[1] + 2) << "those of data and record";
	for (Sector at = 0; at < 8; ++at)
		EXPECT_TRUE(set.host.more[0].is_stable(set.engine.layout(1).data() + at));
}

// A write that main refuses goes to the second spare when the first is full.
TEST(SeveralSpares, ABadSectorMovesToTheSecond)
{
	RemapSet set(kTwo);
	const Sector border = border_of(set);
	for (Sector at = 0; at < border; at += 2048)
		ASSERT_EQ(set.send("add_remap " + std::to_string(at) + " " + std::to_string(at) +
				   " " + std::to_string(std::min<Sector>(border - at, 2048))),
			  1)
			<< set.last_error();
	set.host.main.mark_unwritable(50000, 1);
	ASSERT_EQ(set.write(50000, 1, 77), IoStatus::ok);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.stamp(50000), 77u);
	EXPECT_EQ(set.host.more[0].stable(set.engine.layout(1).data()).stamp(), 77u);
	// A place that fails there is bad, and the next one is taken.
	set.host.main.mark_unwritable(50010, 1);
	set.host.more[0].mark_unwritable(set.engine.layout(1).data() + 1, 1);
	ASSERT_EQ(set.write(50010, 1, 88), IoStatus::ok);
	EXPECT_EQ(set.bad_places(), 1u);
	Extent bad;
	ASSERT_TRUE(set.engine.bad().next(0, &bad));
	EXPECT_EQ(bad.main, border + 1);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.bad_places(), 1u);
	EXPECT_EQ(set.stamp(50010), 88u);
	set.check_books();
}

// ---- the metadata on each ----

TEST(SeveralSpares, EachCopyAloneTellsAll)
{
	for (u32 kept = 0; kept < 4; ++kept) {
		RemapSet set(kTwo);
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
		ASSERT_EQ(set.send("sync"), 1);
		ASSERT_EQ(set.send("add_remap 3000 " + std::to_string(border_of(set)) + " 8"), 1);
		EXPECT_EQ(set.number("status", "copies"), 4u);
		set.flush();
		for (u32 copy = 0; copy < 4; ++copy) {
			const Region gone = copy_region(set.engine.layout(copy / 2), copy % 2);
			if (copy != kept)
				damage_at(set.host.disk(kFirstSpare + copy / 2), gone.from,
					  gone.count, Damage::zeros);
		}
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << kept << ": " << set.sentence;
		EXPECT_EQ(set.added(), (std::vector<Added>{{1000, 100}, {3000, 8}}));
		EXPECT_EQ(set.value("status", "mode"), "ok") << "made whole again";
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		EXPECT_EQ(set.engine.journal().damaged(), 0u);
	}
}

TEST(SeveralSpares, ACopyLostOnOneMemberIsLeftOut)
{
	for (u32 copy = 0; copy < 4; ++copy) {
		RemapSet set(kTwo);
		const u64 epoch = set.number("status", "epoch");
		const Region gone = copy_region(set.engine.layout(copy / 2), copy % 2);
		MemoryDisk &disk = set.host.disk(kFirstSpare + copy / 2);
		disk.mark_unwritable(gone.from, gone.count);
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1) << set.last_error();
		EXPECT_EQ(set.value("status", "mode"), "degraded");
		EXPECT_EQ(set.number("status", "epoch"), epoch + 1);
		EXPECT_EQ(set.engine.journal().superblock().copies, 0xf & ~(1u << copy));
		disk.unwritable.clear();
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		EXPECT_EQ(set.added(), (std::vector<Added>{{1000, 100}}));
		EXPECT_EQ(set.engine.journal().superblock().copies, 0xfu);
	}
}

// Two of three sites of each member: neither more elsewhere nor less will do.
TEST(SeveralSpares, TheQuorumIsOfEachMember)
{
	for (u32 lost = 0; lost < 64; ++lost) {
		RemapSet set(kTwo);
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
		set.suspend();
		for (u32 site = 0; site < 6; ++site)
			if (lost >> site & 1)
				damage_at(set.host.disk(kFirstSpare + site / 3),
					  set.engine.layout(site / 3).site(site % 3), kSiteSectors,
					  Damage::garbage);
		const u32 first = 3 - count_of(lost & 7), second = 3 - count_of(lost >> 3);
		if (first >= 2 && second >= 2) {
			ASSERT_EQ(set.reload(), Error::ok) << lost << ": " << set.sentence;
			EXPECT_EQ(set.added(), (std::vector<Added>{{1000, 100}}));
			continue;
		}
		const MemoryDisk::Content before[] = {set.host.spare.written(),
						      set.host.more[0].written()};
		EXPECT_NE(set.reload(), Error::ok) << lost;
		EXPECT_TRUE(before[0] == set.host.spare.written());
		EXPECT_TRUE(before[1] == set.host.more[0].written());
		if (first && second) {
			const u32 few = first < 2 ? 1 : 2;
			EXPECT_EQ(set.sentence, "only 1 of 3 sites of spare " +
							std::to_string(few) +
							" hold a superblock, 2 are needed; "
							"'dmremap repair' explains");
		}
	}
}

// The same when they cannot be written: no epoch begins, whatever the other member has.
TEST(SeveralSpares, NoEpochWithoutAQuorumOfEach)
{
	for (const u32 member : {0, 1}) {
		RemapSet set(kTwo);
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
		MemoryDisk &disk = set.host.disk(kFirstSpare + member);
		const Layout layout = set.engine.layout(member);
		disk.mark_unwritable(layout.site(0), kSiteSectors);
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		EXPECT_EQ(set.value("status", "mode"), "degraded");
		disk.mark_unwritable(layout.site(2), kSiteSectors);
		EXPECT_EQ(set.crash_and_reload(), Error::unwritable);
		EXPECT_EQ(set.sentence,
			  "too few sites of one of the spares can be written to begin an epoch");
		disk.unwritable.clear();
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		EXPECT_EQ(set.added(), (std::vector<Added>{{1000, 100}}));
	}
}

// ---- formatting ----

TEST(SeveralSpares, EachMustBeBlank)
{
	for (const DeviceIndex device : {1, 2}) {
		RemapSet set(kTwo, RemapSet::Begin::unopened);
		set.host.disk(device).put(100, Block::stamped(1));
		EXPECT_EQ(set.open(), Error::not_blank);
		EXPECT_EQ(set.sentence, "spare " + std::to_string(device) +
						" is not blank: there is data at sector 100; wipe "
						"it, or permit with 'format' to overwrite it");
		EXPECT_EQ(set.host.spare.writes + set.host.more[0].writes, 0u);
	}
}

TEST(SeveralSpares, OneTooSmallForTheMetadataOfAllIsNamed)
{
	RemapSet set({.spare_sectors = 1 << 20, .blank = true, .more = {4096}},
		     RemapSet::Begin::unopened);
	EXPECT_EQ(set.open(), Error::spare_full);
	EXPECT_EQ(set.sentence.find("spare 2 has 4096 sectors, its metadata alone would take "), 0u)
		<< set.sentence;
	EXPECT_NE(set.sentence.find(" with room for 131584 extents of the whole set"),
		  std::string::npos)
		<< set.sentence;
	EXPECT_EQ(set.host.spare.writes + set.host.more[0].writes, 0u);
	std::destroy_at(&set.engine);
	std::construct_at(&set.engine, set.host);
	set.terms.max_extents = 500;
	EXPECT_EQ(set.open(), Error::ok) << set.sentence;
	// The number is found again, not computed.
	set.terms.max_extents = 0;
	EXPECT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.number("status", "max_extents"), 500u);
}

// A format that stops anywhere is begun again, or the set is there.
TEST(SeveralSpares, AFormatThatWasInterrupted)
{
	u32 again = 0;
	for (u32 stop = 0;; stop += 7) {
		RemapSet set(kTwo, RemapSet::Begin::unopened);
		u32 count = 0;
		set.host.hook = [&](HostCall what, DeviceIndex, Sector, u64) {
			if (what == HostCall::write && count++ == stop)
				set.host.spare.fail_all(IoStatus::transport),
					set.host.more[0].fail_all(IoStatus::transport);
		};
		const Error first = set.open();
		set.host.hook = nullptr;
		set.host.spare.fail_all(IoStatus::ok);
		set.host.more[0].fail_all(IoStatus::ok);
		if (first == Error::ok)
			break;
		++again;
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << stop << ": " << set.sentence;
		EXPECT_EQ(set.extents().size(), 0u);
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	}
	EXPECT_GT(again, 20u);
}

TEST(SeveralSpares, TheTableLineComesBackWithAllSpares)
{
	RemapSet set({.blank = true, .more = {16384, 8192}});
	const char *further[] = {"8:16", "8:32"};
	char line[512];
	Text text(line, sizeof(line));
	set.engine.table_features(text, {}, further, 2);
	EXPECT_EQ(std::string(line), "6 spare 8:16 spare 8:32 set " + set_of(set));
}

// ---- users' flushes ----

TEST(SeveralSpares, AFlushThatFailedIsOwedByItsDeviceAlone)
{
	RemapSet set(kTwo);
	set.host.more[0].flush_status = IoStatus::io;
	(void)set.send("relocate 3000 8");
	set.host.more[0].flush_status = IoStatus::ok;
	EXPECT_FALSE(set.engine.flush_owed(1));
	EXPECT_TRUE(set.engine.flush_owed(2));
	EXPECT_GE(set.number("stats", "flush_errors"), 1u);
}

}  // namespace
}  // namespace remap::test
