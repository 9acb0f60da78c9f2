// SPDX-License-Identifier: GPL-2.0-or-later
// Members that join, leave, are missing, given up and come back.
#include <utility>

#include "tests/unit/several.h"

namespace remap::test {
namespace {

// A set of two spares with something on the first, on the second and across their border.
void fill(RemapSet &set)
{
	const Sector border = border_of(set);
	ASSERT_EQ(set.send("add_remap 1000 100 8"), 1);
	ASSERT_EQ(set.send("add_remap 2000 " + std::to_string(border + 100) + " 8"), 1);
	ASSERT_EQ(set.send("add_remap 3000 " + std::to_string(border - 4) + " 8"), 1);
	for (const Sector at : {1000, 2000, 3000})
		ASSERT_EQ(set.write(at, 8, at), IoStatus::ok);
	ASSERT_EQ(set.user_flush(), IoStatus::ok);
}

void expect_content(RemapSet &set, Sector at, u64 sectors)
{
	for (Sector sector = at; sector < at + sectors; ++sector)
		EXPECT_EQ(set.stamp(sector), sector) << sector;
}

void expect_errors(RemapSet &set, Sector at, u64 sectors)
{
	for (Sector sector = at; sector < at + sectors; ++sector)
		EXPECT_NE(set.read(sector, 1)->result(), IoStatus::ok) << sector;
}

// The second spare dies as a whole; a change of the table makes the set notice.
void lose_second(RemapSet &set, IoStatus status = IoStatus::io)
{
	set.host.more[0].fail_all(status);
	ASSERT_EQ(set.send("relocate 5000 8"), 1);
	ASSERT_EQ(set.value("status", "spares"), "0:in_use,1:gone");
}

MemoryDisk take_second(RemapSet &set)
{
	MemoryDisk second = set.host.more[0];
	set.host.more.clear();
	return second;
}

TEST(MembersLife, ADeadSpareIsLostAndTheSetGoesOn)
{
	RemapSet set(kTwo);
	fill(set);
	lose_second(set);
	EXPECT_EQ(set.value("status", "mode"), "degraded");
	EXPECT_TRUE(set.engine.journal().opened());
	expect_content(set, 1000, 8);
	expect_content(set, 3000, 4);
	expect_errors(set, 2000, 8);
	expect_errors(set, 3004, 4);
	// A write finds a place on the other one.
	EXPECT_EQ(set.write(2000, 4, 2000), IoStatus::ok);
	expect_content(set, 2000, 4);
	expect_errors(set, 2004, 4);
	for (const Extent &extent : set.extents())
		if (extent.main == 2000) {
			EXPECT_LT(extent.place, border_of(set));
		}
}

TEST(MembersLife, ASpareThatIsUnpluggedIsLostToo)
{
	RemapSet set(kTwo);
	fill(set);
	lose_second(set, IoStatus::transport);
	EXPECT_EQ(set.value("status", "mode"), "degraded");
	EXPECT_EQ(set.write(2000, 8, 2000), IoStatus::ok);
	expect_content(set, 2000, 8);
	// The last one is not lost, but nothing can be changed any more.
	set.host.spare.fail_all(IoStatus::transport);
	EXPECT_EQ(set.refusal("add_remap 7000 500 8 nocopy"), EROFS);
	EXPECT_EQ(set.value("status", "mode"), "readonly");
}

TEST(MembersLife, AFlushOfALostSpareFailsOnce)
{
	RemapSet set(kTwo);
	fill(set);
	ASSERT_EQ(set.write(2000, 1, 7), IoStatus::ok);
	lose_second(set);
	EXPECT_NE(set.user_flush(), IoStatus::ok) << "what was written there may be gone";
	EXPECT_EQ(set.user_flush(), IoStatus::ok);
	EXPECT_EQ(set.user_flush(), IoStatus::ok);
}

TEST(MembersLife, WithoutALostSpareTheSetStartsOnlyWhenToldTo)
{
	RemapSet set(kTwo);
	fill(set);
	lose_second(set);
	ASSERT_EQ(set.write(2000, 4, 2000), IoStatus::ok);
	set.suspend();
	const std::string name = set_of(set), second = uuid_of(set, 1);
	take_second(set);
	EXPECT_EQ(set.reload(), Error::wrong_set);
	EXPECT_EQ(set.sentence,
		  "set " + name +
			  " goes on without its member 1, " + second +
			  ", which is not here; with allow_degraded it starts, and what is on that "
			  "spare gives errors");
	set.terms.allow_degraded = true;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.value("status", "mode"), "degraded");
	EXPECT_EQ(set.value("status", "spares"), "0:in_use,1:missing");
	expect_content(set, 1000, 8);
	expect_content(set, 2000, 4);
	expect_errors(set, 2004, 4);
	expect_errors(set, 3004, 4);
	EXPECT_EQ(set.user_flush(), IoStatus::ok);
	// It cannot be given back to main, nor can a place there be asked for.
	EXPECT_EQ(set.refusal("remove_remap 3000"), EIO);
	EXPECT_EQ(set.refusal("add_remap 9000 " + std::to_string(border_of(set) + 500) + " 8"), ERANGE);
	EXPECT_EQ(set.write(3004, 4, 3004), IoStatus::ok);
	expect_content(set, 3000, 8);
	// main's own content never shows.
	EXPECT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	expect_content(set, 3000, 8);
	expect_errors(set, 2004, 4);
}

TEST(MembersLife, ALostSpareThatIsThereAgainIsCurrent)
{
	RemapSet set(kTwo);
	fill(set);
	lose_second(set);
	ASSERT_EQ(set.write(2000, 4, 2000), IoStatus::ok);
	set.suspend();
	set.host.more[0].fail_all(IoStatus::ok);
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.value("status", "mode"), "ok");
	EXPECT_EQ(set.value("status", "spares"), "0:in_use,1:in_use");
	for (const Sector at : {1000, 2000, 3000})
		expect_content(set, at, 8);
	EXPECT_EQ(set.number("status", "lost_sectors"), 0u);
	set.check_books();
	// A full member: the other one alone is missed, and each copy is whole.
	ASSERT_EQ(set.send("relocate 7000 8"), 1);
	EXPECT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	for (const Sector at : {1000, 2000, 3000})
		expect_content(set, at, 8);
	EXPECT_EQ(set.engine.journal().damaged(), 0u);
}

TEST(MembersLife, ALostSpareThatWasAwayInALaterLifeIsCurrentToo)
{
	RemapSet set(kTwo);
	fill(set);
	lose_second(set);
	set.suspend();
	MemoryDisk second = take_second(set);
	second.fail_all(IoStatus::ok);
	set.terms.allow_degraded = true;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	ASSERT_EQ(set.write(2000, 4, 2000), IoStatus::ok);
	ASSERT_EQ(set.send("sync"), 1);
	set.suspend();
	set.host.more.push_back(second);
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	for (const Sector at : {1000, 2000, 3000})
		expect_content(set, at, 8);
	EXPECT_EQ(set.number("status", "lost_sectors"), 0u);
	set.check_books();
}

TEST(MembersLife, AnOlderImageOfALostSpareLosesItsExtents)
{
	RemapSet set(kTwo);
	fill(set);
	const MemoryDisk older = set.host.more[0];
	set.suspend();
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	ASSERT_EQ(set.write(2000, 8, 77), IoStatus::ok);
	lose_second(set);
	set.suspend();
	set.host.more[0] = older;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	expect_content(set, 1000, 8);
	expect_errors(set, 2000, 8);
	expect_errors(set, 3004, 4);
	EXPECT_EQ(set.number("status", "lost_sectors"), 12u);
	EXPECT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.number("status", "lost_sectors"), 12u);
	EXPECT_EQ(set.write(2000, 8, 2000), IoStatus::ok);
	expect_content(set, 2000, 8);
	set.check_books();
}

TEST(MembersLife, OneThatIsGivenUpNeverComesBackAsCurrent)
{
	RemapSet set(kTwo);
	fill(set);
	set.suspend();
	const std::string name = set_of(set), second = uuid_of(set, 1);
	MemoryDisk away = take_second(set);
	EXPECT_EQ(set.reload(), Error::wrong_set);
	set.terms.without = 0b01;
	EXPECT_EQ(set.reload(), Error::wrong_set);
	EXPECT_EQ(set.sentence, "member 0 of set " + name +
					" is here; only one that is missing can be given up");
	set.terms.without = 0b10;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	set.terms.without = 0;
	set.suspend();
	set.terms.allow_degraded = true;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	expect_content(set, 1000, 8);
	expect_errors(set, 2000, 8);
	ASSERT_EQ(set.write(2000, 4, 2000), IoStatus::ok);
	set.suspend();
	set.host.more.push_back(away);
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	expect_content(set, 2000, 4);
	expect_errors(set, 2004, 4);
	expect_errors(set, 3004, 4);
	EXPECT_EQ(set.number("status", "lost_sectors"), 8u);
	EXPECT_EQ(set.value("status", "mode"), "ok");
	set.check_books();
}

TEST(MembersLife, TwoThatGaveUpEachOtherAreRefused)
{
	RemapSet set(kTwo);
	fill(set);
	set.suspend();
	MemoryDisk first = set.host.spare, second = take_second(set);
	set.terms.without = 0b10;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	set.suspend();
	std::swap(set.host.spare, first);
	// The other one alone, as the only spare of its line.
	RemapSet other({.spare_sectors = 16384, .blank = true}, RemapSet::Begin::unopened);
	other.host.spare = second;
	other.terms.without = 0b01;
	ASSERT_EQ(other.open(), Error::ok) << other.sentence;
	other.suspend();
	set.host.spare = first;
	set.host.more.push_back(other.host.spare);
	set.terms.without = 0;
	EXPECT_EQ(set.reload(), Error::damaged);
	EXPECT_EQ(set.sentence, "spare 1 and spare 2 were given up, each for the sake of the other: "
				"their histories have parted");
}

TEST(MembersLife, ASpareIsAdded)
{
	RemapSet set({.blank = true});
	ASSERT_EQ(set.send("add_remap 1000 100 8"), 1);
	ASSERT_EQ(set.write(1000, 8, 1000), IoStatus::ok);
	const u64 total = set.number("status", "spare_total");
	ASSERT_EQ(add_spare(set, 16384), Error::ok) << set.sentence;
	EXPECT_EQ(set.value("status", "spares"), "0:in_use,1:in_use");
	EXPECT_GT(set.number("status", "spare_total"), total);
	EXPECT_EQ(set.value("status", "mode"), "ok");
	expect_content(set, 1000, 8);
	ASSERT_EQ(set.send("add_remap 2000 " + std::to_string(border_of(set) + 100) + " 8"), 1);
	ASSERT_EQ(set.write(2000, 8, 2000), IoStatus::ok);
	ASSERT_EQ(set.user_flush(), IoStatus::ok);
	EXPECT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	expect_content(set, 1000, 8);
	expect_content(set, 2000, 8);
	set.check_books();
	// And from now on it is needed.
	set.suspend();
	take_second(set);
	EXPECT_EQ(set.reload(), Error::wrong_set);
}

TEST(MembersLife, AnAddThatIsCutShortIsEitherOrNeither)
{
	u32 joined = 0, apart = 0;
	// First the copy is written, block by block; what comes behind it is looked at write by write.
	constexpr u32 kCopy = 120, kStep = 7;
	for (u32 stop = 0;; stop += stop < kCopy ? kStep : 1) {
		RemapSet set({.blank = true});
		ASSERT_EQ(set.send("add_remap 1000 100 8"), 1);
		ASSERT_EQ(set.write(1000, 8, 1000), IoStatus::ok);
		ASSERT_EQ(set.user_flush(), IoStatus::ok);
		set.suspend();
		set.host.more.push_back(prepared_for(set, 16384));
		u32 count = 0;
		set.host.hook = [&](HostCall what, DeviceIndex, Sector, u64) {
			if (what == HostCall::write && count++ == stop)
				set.host.spare.fail_all(IoStatus::transport),
					set.host.more[0].fail_all(IoStatus::transport);
		};
		const bool whole = set.reload() == Error::ok;
		set.host.hook = nullptr;
		for (const DeviceIndex device : {1, 2}) {
			set.host.disk(device).fail_all(IoStatus::ok);
			set.host.disk(device).crash();
		}
		// Alone, if it can be without the new one; and then with it.
		const MemoryDisk second = take_second(set);
		const MemoryDisk first = set.host.spare;
		const Error alone = set.crash_and_reload();
		if (alone == Error::ok)
			expect_content(set, 1000, 8);
		(alone == Error::ok ? apart : joined) += 1;
		set.suspend();
		set.host.spare = first;
		set.host.more.push_back(second);
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << stop << ": " << set.sentence;
		EXPECT_EQ(set.value("status", "spares"), "0:in_use,1:in_use");
		expect_content(set, 1000, 8);
		set.check_books();
		if (whole)
			break;
	}
	EXPECT_GT(joined, 0u);
	EXPECT_GT(apart, 10u);
}

TEST(MembersLife, ASpareIsRemoved)
{
	RemapSet set(kTwo);
	fill(set);
	ASSERT_EQ(set.send("add_remap 4000 " + std::to_string(border_of(set) + 3000) + " 8 nocopy"), 1);
	EXPECT_EQ(set.refusal("remove_spare 2"), ERANGE);
	ASSERT_EQ(set.send("remove_spare 1"), 1);
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

// Places run on, and what is removed leaves a gap: so spares can be exchanged for ever.
TEST(MembersLife, SparesAreExchangedOneAfterTheOther)
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

TEST(MembersLife, WhatDoesNotFitIsNotRemoved)
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

TEST(MembersLife, AMissingSpareIsRemovedAndWhatWasOnItIsLost)
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

TEST(MembersLife, ASpareWithoutRoomDoesNotJoin)
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
	EXPECT_EQ(set.reload(), Error::spare_io);
	EXPECT_EQ(set.sentence, "a spare that is to join the set cannot be written");
	set.host.more.clear();
	EXPECT_EQ(set.reload(), Error::ok) << set.sentence;
}

TEST(MembersLife, TheTableLineNamesWhoIsMissing)
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

// Wherever it is cut short: what comes next either knows the second spare as current, or has given it up, or
// asks for the repair to be run again; and whatever one site of the first one says.
TEST(MembersLife, ARepairThatIsCutShortNeverGoesBothWays)
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
TEST(MembersLife, WhoGaveUpTheOtherWinsWhateverItsEpoch)
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
