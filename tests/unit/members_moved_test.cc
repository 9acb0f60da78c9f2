// SPDX-License-Identifier: GPL-2.0-or-later
// What is on a member that is removed: it moves, however often that is cut short, or is lost, and said
// to be.
#include "tests/unit/members_life.h"

namespace remap::test {
namespace {

// Each extent moves with a record of its own: those that had moved when it was interrupted have moved
// for good.
TEST(MembersMoved, ARemovalThatIsInterruptedKeepsWhatHasMoved)
{
	RemapSet set(kTwo);
	fill(set);
	ASSERT_EQ(set.send("add_remap 4000 " + std::to_string(border_of(set) + 3000) + " 8"), 1);
	set.host.hook = [&, reads = 0](HostCall what, DeviceIndex device, Sector, u64) mutable {
		if (what == HostCall::read && device == kFirstSpare + 1 && ++reads == 2)
			set.host.stop = true;
	};
	EXPECT_EQ(set.refusal("remove_spare 1"), EINTR);
	set.host.hook = nullptr;
	set.host.stop = false;
	const std::vector<Extent> before = set.extents();
	ASSERT_EQ(before.size(), 5u);
	u32 there = 0;
	for (const Extent &extent : before)
		there += extent.place >= border_of(set);
	EXPECT_EQ(there, 1u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_TRUE(same_extents(before, set.extents()));
	for (const Sector at : {1000, 2000, 3000})
		expect_content(set, at, 8);
	set.check_books();
}

// At any moment an extent is in the one place or the other, and never in none.
TEST(MembersMoved, ARemovalThatIsCutShortMovesEachExtentOrNot)
{
	u32 removed = 0, there = 0;
	bool whole = false;
	for (u32 stop = 0; !whole; ++stop) {
		RemapSet set(kTwo);
		fill(set);
		u32 count = 0;
		set.host.hook = [&](HostCall what, DeviceIndex, Sector, u64) {
			if (what == HostCall::write && count++ == stop)
				for (const DeviceIndex device : {1, 2})
					set.host.disk(device).fail_all(IoStatus::transport);
		};
		whole = set.send("remove_spare 1") == 1;
		set.host.hook = nullptr;
		for (const DeviceIndex device : {1, 2}) {
			set.host.disk(device).fail_all(IoStatus::ok);
			set.host.disk(device).crash();
		}
		// With both; where the second is no member any more, without it.
		const MemoryDisk second = set.host.more[0];
		if (set.crash_and_reload() != Error::ok) {
			set.host.more.clear();
			ASSERT_EQ(set.crash_and_reload(), Error::ok) << stop << ": " << set.sentence;
			++removed;
		} else {
			++there;
		}
		for (const Sector at : {1000, 2000, 3000})
			expect_content(set, at, 8);
		EXPECT_EQ(set.added().size(), 3u);
		set.check_books();
	}
	EXPECT_GT(removed, 0u);
	EXPECT_GT(there, 10u);
}

// As everything that is lost for good when it cannot be read.
TEST(MembersMoved, WhatIsMovedIsTriedAgain)
{
	for (const IoStatus status : {IoStatus::medium, IoStatus::io, IoStatus::target}) {
		RemapSet set(kTwo);
		fill(set);
		MemoryDisk &second = set.host.more[0];
		const Address address = set.engine.spares().address(border_of(set) + 103, 1);
		second.mark_unreadable(address.sector, 1, status);
		set.host.hook = [&, reads = 0](HostCall call, DeviceIndex device, Sector from,
					       u64 count) mutable {
			if (call == HostCall::read && device == address.device &&
			    from == address.sector && count == 1 && ++reads == 3)
				second.unreadable.clear();
		};
		ASSERT_EQ(set.send("remove_spare 1"), 1) << set.last_error();
		set.host.hook = nullptr;
		EXPECT_EQ(set.reply, "removed spare 1; 12 sectors were moved");
		expect_content(set, 2000, 8);
		set.check_books();
	}
}

TEST(MembersMoved, WhatCannotBeMovedIsTold)
{
	RemapSet set(kTwo);
	fill(set);
	const Address address = set.engine.spares().address(border_of(set) + 103, 2);
	set.host.more[0].mark_unreadable(address.sector, 2);
	ASSERT_EQ(set.send("remove_spare 1"), 1) << set.last_error();
	EXPECT_EQ(set.reply, "removed spare 1; 12 sectors were moved, 2 of them cannot be read and "
			     "are lost");
	EXPECT_EQ(set.number("status", "lost_sectors"), 2u);
	expect_content(set, 2000, 3);
	expect_errors(set, 2003, 2);
	expect_content(set, 2005, 3);
	set.check_books();
}

// The room that went with a spare is gone, however little of it was in use and whatever the others hold.
TEST(MembersMoved, AScoreNeverRisesSinceASpareDied)
{
	RemapSet set(kTwo);
	const u64 room = set.data_sectors() - border_of(set);
	ASSERT_EQ(set.send("add_remap 10000 " + std::to_string(border_of(set)) + " " +
			   std::to_string(room) + " nocopy"),
		  1);
	const u64 before = set.number("health", "score");
	lose_second(set);
	EXPECT_LE(set.number("health", "score") + 10, before);
	set.suspend();
	take_second(set);
	set.terms.allow_degraded = true;
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	EXPECT_LE(set.number("health", "score") + 10, before);
	EXPECT_EQ(set.value("health", "trend"), "unknown");
}

}  // namespace
}  // namespace remap::test
