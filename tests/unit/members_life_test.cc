// SPDX-License-Identifier: GPL-2.0-or-later
// Members that join, leave, are missing, given up and come back.
#include <utility>

#include "tests/unit/members_life.h"

namespace remap::test {
namespace {

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

// One site may be behind the others, so it does not show that the spare is old.
TEST(MembersLife, ALostSpareThatIsMostlyUnreadableIsNotJudged)
{
	RemapSet set(kTwo);
	fill(set);
	// Its first site misses the last epoch before it is lost.
	const Layout layout = set.engine.layout(1);
	set.host.more[0].mark_unwritable(layout.site(0), kSiteSectors);
	set.suspend();
	ASSERT_EQ(set.resume(), Error::ok);
	set.host.more[0].unwritable.clear();
	lose_second(set);
	set.suspend();
	set.host.more[0].fail_all(IoStatus::ok);
	for (const u32 site : {1, 2})
		set.host.more[0].mark_unreadable(layout.site(site), kSiteSectors);
	EXPECT_EQ(set.reload(), Error::damaged);
	EXPECT_EQ(set.sentence, "only 1 of 3 sites of spare 2, which was lost, hold a superblock: nobody "
				"can tell whether what is on it is the newest");
	set.host.more[0].unreadable.clear();
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.number("status", "lost_sectors"), 0u);
	for (const Sector at : {1000, 2000, 3000})
		expect_content(set, at, 8);
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

}  // namespace
}  // namespace remap::test
