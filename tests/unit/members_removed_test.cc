// SPDX-License-Identifier: GPL-2.0-or-later
// Members that are removed, or fail while something else goes on; and repairs that are cut short.
#include <utility>

#include "tests/unit/members_life.h"

namespace remap::test {
namespace {

TEST(MembersRemoved, ASpareIsRemoved)
{
	RemapSet set(kTwo);
	fill(set);
	ASSERT_EQ(set.send("add_remap 4000 " + std::to_string(border_of(set) + 3000) + " 8 nocopy"), 1);
	EXPECT_EQ(set.refusal("remove_spare 2"), ERANGE);
	const std::vector<Added> before = set.added();
	ASSERT_EQ(set.send("remove_spare 1"), 1);
	EXPECT_EQ(set.added(), before) << "extents as they were added stay what they are";
	EXPECT_EQ(set.value("status", "spares"), "0:in_use");
	EXPECT_EQ(set.value("status", "mode"), "ok");
	for (const Sector at : {1000, 2000, 3000})
		expect_content(set, at, 8);
	expect_errors(set, 4000, 8);
	EXPECT_EQ(set.refusal("remove_spare 0"), EBUSY);
	EXPECT_EQ(set.user_flush(), IoStatus::ok);
	set.check_books();
	set.suspend();
	const MemoryDisk second = take_second(set);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	for (const Sector at : {1000, 2000, 3000})
		expect_content(set, at, 8);
	expect_errors(set, 4000, 8);
	set.check_books();
	const std::string name = set_of(set);
	set.suspend();
	set.host.more.push_back(second);
	EXPECT_EQ(set.reload(), Error::wrong_set);
	EXPECT_EQ(set.sentence, "spare 2 was a spare of set " + name +
					", which goes on without it; wiped, it can be added anew");
}

// A flush of ours failed on it, and may have been the only one to hear that a user's write is lost.
TEST(MembersRemoved, WhatARemovedSpareOwesIsToldOnce)
{
	RemapSet set(kTwo);
	fill(set);
	ASSERT_EQ(set.write(2000, 1, 7), IoStatus::ok);
	set.host.more[0].flush_status = IoStatus::io;
	ASSERT_EQ(set.send("relocate 5000 8"), 1);
	set.host.more[0].flush_status = IoStatus::ok;
	EXPECT_TRUE(set.engine.owes_flush());
	ASSERT_EQ(set.send("remove_spare 1"), 1) << set.last_error();
	EXPECT_NE(set.user_flush(), IoStatus::ok) << "what was written there may be gone";
	EXPECT_EQ(set.user_flush(), IoStatus::ok);
}

// Places run on, and what is removed leaves a gap: so spares can be exchanged for ever.
TEST(MembersRemoved, SparesAreExchangedOneAfterTheOther)
{
	RemapSet set({.blank = true});
	ASSERT_EQ(set.send("add_remap 1000 100 8"), 1);
	ASSERT_EQ(set.write(1000, 8, 1000), IoStatus::ok);
	for (u32 turn = 0; turn < 6; ++turn) {
		const u32 old = turn % 2;
		ASSERT_EQ(add_spare(set, 32768), Error::ok) << turn << ": " << set.sentence;
		ASSERT_EQ(set.send("remove_spare " + std::to_string(old)), 1) << set.last_error();
		expect_content(set, 1000, 8);
		set.suspend();
		set.host.spare = take_second(set);
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << turn << ": " << set.sentence;
		expect_content(set, 1000, 8);
		set.check_books();
	}
}

TEST(MembersRemoved, WhatDoesNotFitIsNotRemoved)
{
	RemapSet set(kTwo);
	const u64 total = set.number("status", "spare_total");
	const u64 second = total - border_of(set);
	ASSERT_EQ(set.send("relocate 0 " + std::to_string(border_of(set) - second + 8)), 1);
	ASSERT_EQ(set.send("add_remap 50000 " + std::to_string(border_of(set)) + " " +
			   std::to_string(second)),
		  1);
	EXPECT_EQ(set.refusal("remove_spare 1"), ENOSPC);
	EXPECT_EQ(set.number("status", "spare_total"), total);
	EXPECT_EQ(set.value("status", "spares"), "0:in_use,1:in_use");
	set.check_books();
}

TEST(MembersRemoved, AMissingSpareIsRemovedAndWhatWasOnItIsLost)
{
	RemapSet set(kTwo);
	fill(set);
	lose_second(set);
	set.suspend();
	take_second(set);
	set.terms.allow_degraded = true;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	ASSERT_EQ(set.send("remove_spare 1"), 1) << set.last_error();
	EXPECT_EQ(set.value("status", "mode"), "ok");
	EXPECT_EQ(set.number("status", "lost_sectors"), 12u);
	set.terms.allow_degraded = false;
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.number("status", "lost_sectors"), 12u);
	expect_content(set, 3000, 4);
	expect_errors(set, 3004, 4);
	EXPECT_EQ(set.write(3004, 4, 3004), IoStatus::ok);
	expect_content(set, 3000, 8);
	set.check_books();
}

TEST(MembersRemoved, ASpareWithoutRoomDoesNotJoin)
{
	RemapSet set({.blank = true});
	set.suspend();
	const MemoryDisk small = prepared_for(set, 16384);
	MemoryDisk cut(1024, MemoryDisk::kBlank);
	set.host.more.push_back(cut);
	EXPECT_NE(set.reload(), Error::ok);
	set.host.more[0] = small;
	set.host.more[0].fail_all(IoStatus::io);
	set.host.more[0].read_status = IoStatus::ok;
	// That is no reason not to serve.
	EXPECT_EQ(set.reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.value("status", "spares"), "0:in_use");
	EXPECT_EQ(set.user_flush(), IoStatus::ok);
	set.check_books();
	set.suspend();
	set.host.more.clear();
	EXPECT_EQ(set.reload(), Error::ok) << set.sentence;
}

TEST(MembersRemoved, TheSamePreparedSpareTwice)
{
	RemapSet set({.blank = true});
	set.suspend();
	const std::string name = set_of(set);
	set.host.more.push_back(prepared_for(set, 16384));
	set.host.more.push_back(set.host.more[0]);
	EXPECT_EQ(set.reload(), Error::wrong_set);
	EXPECT_NE(set.sentence.find("which is to join the set: one is a copy of the other"),
		  std::string::npos)
		<< set.sentence;
	// By itself it is no blank one.
	RemapSet alone({.spare_sectors = 16384, .blank = true}, RemapSet::Begin::unopened);
	alone.host.spare = set.host.more[0];
	EXPECT_EQ(alone.open(), Error::not_blank);
	EXPECT_EQ(alone.sentence, "the spare was prepared for set " + name +
					  "; it joins when it is named with the spares of that set");
}

// Bad places at a border belong to two members.
TEST(MembersRemoved, BadPlacesOfTheNeighbourStayBad)
{
	RemapSet set({.blank = true, .more = {32768}});
	const Sector border = border_of(set);
	const Address before = set.engine.spares().address(border - 1, 1);
	const Address behind = set.engine.spares().address(border, 1);
	for (const Address &one : {before, behind})
		set.host.disk(one.device).mark_unwritable(one.sector);
	ASSERT_EQ(set.send("add_remap 1000 " + std::to_string(border - 1) + " 2 nocopy"), 1);
	ASSERT_EQ(set.write(1000, 2, 1000), IoStatus::ok);
	ASSERT_EQ(set.bad_places(), 2u);
	ASSERT_EQ(set.send("remove_spare 0"), 1) << set.last_error();
	EXPECT_EQ(set.bad_places(), 1u);
	expect_content(set, 1000, 2);
	set.check_books();
	ASSERT_EQ(set.crash_and_reload(), Error::wrong_set);
}

// What cannot be recorded by the others alone is not begun.
TEST(MembersRemoved, ARemovalNeedsACopyElsewhere)
{
	RemapSet set(kTwo);
	fill(set);
	const Layout layout = set.engine.layout(1);
	for (u32 copy = 0; copy < kCopies; ++copy)
		set.host.more[0].mark_unwritable(layout.journal(copy), layout.journal_blocks() * 8);
	ASSERT_EQ(set.send("relocate 5000 8"), 1);
	ASSERT_EQ(set.number("status", "copies"), 2u);
	ASSERT_EQ(set.value("status", "spares"), "0:in_use,1:in_use");
	const std::vector<Extent> before = set.extents();
	EXPECT_EQ(set.refusal("remove_spare 0"), EIO);
	EXPECT_TRUE(same_extents(before, set.extents())) << "it was not begun";
	EXPECT_NE(set.last_error().find("holds the only copies of the metadata"), std::string::npos)
		<< set.last_error();
	EXPECT_EQ(set.value("status", "mode"), "degraded");
	ASSERT_EQ(set.send("relocate 6000 8"), 1);
}

// They are in the log and in the checkpoint still.
TEST(MembersRemoved, BadPlacesOfTheRemovedOneAreForgotten)
{
	RemapSet set(kTwo);
	const Sector border = border_of(set);
	const Address one = set.engine.spares().address(border + 100, 1);
	set.host.disk(one.device).mark_unwritable(one.sector);
	ASSERT_EQ(set.send("add_remap 1000 " + std::to_string(border + 100) + " 1 nocopy"), 1);
	ASSERT_EQ(set.write(1000, 1, 1000), IoStatus::ok);
	ASSERT_EQ(set.send("remove_spare 1"), 1) << set.last_error();
	EXPECT_EQ(set.bad_places(), 0u);
	set.suspend();
	take_second(set);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.bad_places(), 0u);
	expect_content(set, 1000, 1);
	// Nor are they the next one's, who gets the same places.
	ASSERT_EQ(add_spare(set, 16384), Error::ok) << set.sentence;
	EXPECT_EQ(border_of(set), border);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.bad_places(), 0u);
	set.check_books();
}

// What failed on the spare that stays after all is not handed out again, now or after a crash.
TEST(MembersRemoved, ARemovalThatFailsForgetsNoBadPlace)
{
	RemapSet set(kTwo);
	const Sector border = border_of(set);
	const Address one = set.engine.spares().address(border + 100, 1);
	set.host.disk(one.device).mark_unwritable(one.sector);
	ASSERT_EQ(set.send("add_remap 1000 " + std::to_string(border + 100) + " 1 nocopy"), 1);
	ASSERT_EQ(set.write(1000, 1, 1000), IoStatus::ok);
	ASSERT_EQ(set.bad_places(), 1u);
	// Both copies on the other one fail while the removal writes its checkpoint.
	const Layout layout = set.engine.layout(0);
	set.host.hook = [&](HostCall what, DeviceIndex device, Sector sector, u64) {
		if (what != HostCall::write || device != kFirstSpare || sector < layout.area(0, 0))
			return;
		for (u32 copy = 0; copy < kCopies; ++copy)
			set.host.spare.mark_unwritable(layout.area(copy, 0),
						       2 * layout.area_blocks() * kBlockSectors);
		set.host.spare.mark_unwritable(layout.area(1, 1), layout.area_blocks() * kBlockSectors);
	};
	EXPECT_EQ(set.refusal("remove_spare 1"), EIO);
	set.host.hook = nullptr;
	set.host.spare.unwritable.clear();
	EXPECT_EQ(set.value("status", "spares"), "0:in_use,1:in_use");
	EXPECT_EQ(set.bad_places(), 1u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.bad_places(), 1u);
	EXPECT_NE(set.refusal("add_remap 5000 " + std::to_string(border + 100) + " 1"), 0);
	expect_content(set, 1000, 1);
	set.check_books();
}

// One that is dead and nobody has noticed.
TEST(MembersRemoved, ADeadSpareDoesNotStopWhatAnotherOneCanTake)
{
	for (const IoStatus status : {IoStatus::io, IoStatus::transport}) {
		RemapSet set({.blank = true, .more = {32768}});
		ASSERT_EQ(set.send("relocate 100 8"), 1);
		set.host.spare.fail_all(status);
		set.host.disk(kMainDevice).mark_unwritable(2000, 8);
		ASSERT_EQ(set.write(3000, 1, 1), IoStatus::ok);
		EXPECT_EQ(set.write(2000, 8, 2000), IoStatus::ok);
		expect_content(set, 2000, 8);
	}
}

// Nothing changes the table, and every flush would fail.
TEST(MembersRemoved, AFlushThatFailsMakesTheSetLook)
{
	RemapSet set(kTwo);
	fill(set);
	set.host.more[0].fail_all(IoStatus::io);
	EXPECT_NE(set.user_flush(), IoStatus::ok);
	ASSERT_EQ(set.value("status", "spares"), "0:in_use,1:in_use");
	(void)set.engine.scan_turn();
	EXPECT_EQ(set.value("status", "spares"), "0:in_use,1:gone");
	EXPECT_NE(set.user_flush(), IoStatus::ok);
	EXPECT_EQ(set.user_flush(), IoStatus::ok);
}

TEST(MembersRemoved, TheTableLineNamesWhoIsMissing)
{
	RemapSet set(kTwo);
	lose_second(set);
	set.suspend();
	take_second(set);
	set.terms.allow_degraded = true;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	char line[512];
	Text text(line, sizeof(line));
	Policy policy;
	policy.allow_degraded = true;
	set.engine.table_features(text, policy, nullptr, 0);
	EXPECT_EQ(std::string(line), "5 spare - set " + set_of(set) + " allow_degraded");
}

// ---- a repair that was cut short ----

// Gives up the second spare, and the power fails after so many writes. Returns whether it came to its end.
bool give_up_second(RemapSet &set, u32 writes)
{
	u32 count = 0;
	set.host.hook = [&](HostCall what, DeviceIndex, Sector, u64) {
		if (what == HostCall::write && count++ == writes)
			set.host.spare.fail_all(IoStatus::transport);
	};
	set.terms.without = 0b10;
	const bool done = set.reload() == Error::ok;
	set.terms.without = 0;
	set.host.hook = nullptr;
	set.host.spare.fail_all(IoStatus::ok);
	set.host.spare.crash();
	return done;
}

// Wherever it is cut short: what comes next either knows the second spare as current, or has given it up,
// or asks for the repair to be run again; and whatever one site of the first one says.
TEST(MembersRemoved, ARepairThatIsCutShortNeverGoesBothWays)
{
	u32 current = 0, given_up = 0, unclear = 0;
	for (u32 stop = 0;; ++stop) {
		bool whole = false;
		for (u32 dark = 0; dark <= kSites; ++dark) {
			RemapSet set(kTwo);
			fill(set);
			set.suspend();
			const MemoryDisk second = take_second(set);
			whole = give_up_second(set, stop);
			set.host.more.push_back(second);
			const Sector site = dark < kSites ? slot_at(set.engine.layout(0), dark, 0) : 0;
			for (Sector i = 0; dark < kSites && i < kSiteSectors; ++i)
				set.host.spare.mark_unreadable(site + i);
			const Error opened = set.reload();
			set.host.spare.unreadable.clear();
			if (opened != Error::ok) {
				++unclear;
				EXPECT_NE(set.sentence.find("run 'dmremap repair --without 1' again"),
					  std::string::npos)
					<< stop << " " << dark << ": " << set.sentence;
				continue;
			}
			const bool lost = set.number("status", "lost_sectors");
			++(lost ? given_up : current);
			expect_content(set, 1000, 8);
			lost ? expect_errors(set, 2000, 8) : expect_content(set, 2000, 8);
			// Nor does it go the other way later, when the site can be read again.
			ASSERT_EQ(set.write(2000, 8, 7000), IoStatus::ok);
			ASSERT_EQ(set.user_flush(), IoStatus::ok);
			ASSERT_EQ(set.crash_and_reload(), Error::ok) << stop << " " << dark << ": "
								     << set.sentence;
			EXPECT_EQ(set.stamp(2000), 7000u) << stop << " " << dark;
			set.check_books();
		}
		if (whole)
			break;
	}
	EXPECT_GT(current, 10u);
	EXPECT_GT(given_up, 4u);
	EXPECT_GT(unclear, 0u);
}

// The second went on without the first; then the operator has only the first, and takes that.
TEST(MembersRemoved, WhoGaveUpTheOtherWinsWhateverItsEpoch)
{
	RemapSet set(kTwo);
	fill(set);
	const MemoryDisk before = set.host.spare;
	set.host.spare.fail_all(IoStatus::io);
	ASSERT_EQ(set.send("add_remap 5000 " + std::to_string(border_of(set) + 500) + " 8"), 1);
	ASSERT_EQ(set.value("status", "spares"), "0:gone,1:in_use");
	for (u32 turn = 0; turn < 5; ++turn) {
		set.suspend();
		ASSERT_EQ(set.resume(), Error::ok);
	}
	ASSERT_EQ(set.write(2000, 8, 9000), IoStatus::ok);
	set.suspend();
	const MemoryDisk second = take_second(set);
	set.host.spare = before;
	EXPECT_EQ(set.reload(), Error::wrong_set);
	set.terms.without = 0b10;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	set.terms.without = 0;
	set.suspend();
	set.host.more.push_back(second);
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	expect_content(set, 1000, 8);
	expect_errors(set, 2000, 8);
	set.check_books();
}

}  // namespace
}  // namespace remap::test
