// SPDX-License-Identifier: GPL-2.0-or-later
// No memory: every allocation of every message fails once, alone and with all that follow. The
// message is done or refused, and a refused one has changed nothing.
#include <cerrno>

#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

const Shape kShape = {.spare_sectors = 98304};

// Extents of several kinds around the sectors that the messages change, in a fragmented spare.
void fill_fragmented(RemapSet &set)
{
	for (u32 i = 0; i < 40; ++i)
		ASSERT_EQ(set.send("add_remap " + std::to_string(1000 + 3 * i) + " " +
				   std::to_string(5 * i) + " 2"),
			  1);
	set.host.main.mark_unreadable(2010, 4);
	set.host.main.mark_unreadable(2050, 1);
	ASSERT_EQ(set.send("add_remap 1900 3000 300"), 1);
	for (u32 at = 3002; at < 3100; at += 7)
		set.host.main.mark_unreadable(at, 2);
	for (u32 at = 20000; at < 22000; at += 400)
		set.host.main.mark_unreadable(at);
	// All of 8 MiB, which the table keeps in one word.
	ASSERT_EQ(set.send("add_remap 32768 10000 16384 nocopy"), 1);
}

struct Change {
	std::string message;
	bool closed = false;
};

std::vector<Change> changes()
{
	const Sector border = Layout::of(kShape.spare_sectors).border();
	return {
		{"add_remap 3000 4000 100"},
		{"add_remap 3000 4000 100 nocopy"},
		{"add_remap 3000 " + std::to_string(border - 3) + " 100"},
		{"add_remap 4000 29000 1"},
		{"relocate 3000 100"},
		{"relocate 3000 1"},
		{"relocate 1002 1"},
		{"relocate 20000 2000"},
		{"remove_remap 1060"},
		{"remove_remap 1900 50"},
		{"remove_remap 1950 20"},
		{"remove_remap 1900 300 stale-ok", true},
		{"remove_remap 36000 100 stale-ok", true},
		{"remove_remap 32768 100 stale-ok", true},
	};
}

// Returns whether the allocation that was to fail was reached.
bool try_once(const Change &change, u64 nth, bool and_all_later)
{
	RemapSet set(kShape);
	fill_fragmented(set);
	set.host.open = !change.closed;
	Snapshot before = set.snapshot();
	set.host.faults.arm(nth, and_all_later ? nth : AllocationFaults::kNever);
	const int result = set.refusal(change.message);
	const bool reached = set.host.faults.count() >= nth;
	set.host.faults.disarm();
	SCOPED_TRACE(change.message + ", allocation " + std::to_string(nth) +
		     (and_all_later ? " and all later ones" : ""));
	if (result == 0) {
		set.check_books();
		return reached;
	}
	EXPECT_EQ(result, ENOMEM) << set.last_error();
	EXPECT_NE(set.last_error().find("not enough memory"), std::string::npos);
	// What was copied back lies under the mapping.
	before.main = set.host.main.written();
	// The second failure may hit the way back: then a beginning stays, which the sentence tells.
	if (and_all_later && set.last_error().find("stay mapped") != std::string::npos)
		set.check_books();
	else
		set.expect_same(before, false);
	EXPECT_EQ(set.send(change.message), 1) << set.last_error();
	set.check_books();
	return reached;
}

TEST(EngineMemory, EachAllocationOfEachMessage)
{
	for (const Change &change : changes()) {
		u64 alone = 1;
		while (try_once(change, alone, false))
			++alone;
		for (u64 nth = 1; nth < alone; ++nth)
			try_once(change, nth, true);
		ASSERT_LT(alone, 1000u);
		if (HasFailure())
			break;
	}
}

TEST(EngineMemory, ClearAllKeepsWhatItCannotUnmap)
{
	for (u64 nth = 1; nth < 30; ++nth) {
		RemapSet set;
		fill_fragmented(set);
		set.host.open = false;
		set.host.faults.arm(nth, AllocationFaults::kNever);
		const int result = set.refusal("clear_all stale-ok");
		set.host.faults.disarm();
		EXPECT_TRUE(result == 0 || result == ENOMEM);
		set.check_books();
		EXPECT_EQ(set.send("clear_all stale-ok"), 1);
		EXPECT_EQ(set.spare_used(), 0u);
	}
}

TEST(EngineMemory, LongMessageKeepsWholeSteps)
{
	for (u64 nth = 1; nth < 60; ++nth) {
		RemapSet set;
		set.host.faults.arm(nth, AllocationFaults::kNever);
		const int result = set.refusal("relocate 0 20000");
		set.host.faults.disarm();
		constexpr u64 step = Engine<MemoryHost>::kStepSectors;
		EXPECT_EQ(set.engine.table().mapped_sectors() % step, result ? 0 : 20000 % step);
		set.check_books();
		if (result) {
			EXPECT_EQ(result, ENOMEM);
			EXPECT_EQ(set.send("relocate 0 20000"), 1) << set.last_error();
		}
		EXPECT_EQ(set.engine.table().extents(), 1u);
	}
}

TEST(EngineMemory, CreateGivesBackWhatItGot)
{
	Terms terms;
	terms.format = true;
	Refusal why;
	for (u64 nth = 1;; ++nth) {
		MemoryHost host(65536, 32768);
		host.faults.arm(nth, AllocationFaults::kNever);
		Engine<MemoryHost> engine(host);
		const Status made = engine.create({65536, 32768, 1}, terms, why);
		const Status started = made.ok() ? engine.start(why) : made;
		if (started.ok()) {
			EXPECT_GT(nth, 3u);
			break;
		}
		EXPECT_EQ(started.error(), Error::no_memory);
	}
	MemoryHost host(65536, 64);
	Engine<MemoryHost> engine(host);
	EXPECT_EQ(engine.create({65536, 64, 1}, terms, why).error(), Error::spare_full);
}

// Takes a step back that has mapped a range with pending sectors, without memory from the nth
// allocation on, in a table that holds `others` already. Returns whether it was reached.
bool take_back_without_memory(u32 others, u64 nth, u32 *forgotten)
{
	RemapSet set;
	for (u32 i = 0; i < others; ++i)
		EXPECT_EQ(set.send("add_remap " + std::to_string(1100 + 3 * i) + " " +
				   std::to_string(3 * i) + " 2"),
			  1);
	for (const Sector at : {1000u, 1002u, 1004u}) {
		set.host.main.mark_unreadable(at);
		EXPECT_EQ(set.read(at, 1)->result(), IoStatus::medium);
	}
	set.host.main.unreadable.clear();
	// In two parts, the second of which fails.
	const Sector border = set.engine.layout().border();
	set.host.spare.mark_unwritable(set.physical(border));
	set.host.faults.arm(AllocationFaults::kNever, nth);
	EXPECT_NE(set.refusal("add_remap 1000 " + std::to_string(border - 8) + " 16"), 0);
	const bool reached = set.host.faults.count() >= nth;
	set.host.faults.disarm();
	const bool stays = set.last_error().find("stay mapped") != std::string::npos;
	EXPECT_EQ(stays, set.engine.table().lookup(1001, 1).state == State::active);
	*forgotten += !stays && set.engine.table().pending_sectors() < 3;
	set.check_books();
	const auto before = set.added();
	const u64 pending = set.engine.table().pending_sectors();
	EXPECT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.added(), before);
	EXPECT_EQ(set.engine.table().pending_sectors(), pending);
	set.check_books();
	return reached;
}

// What was pending before is so again, if there is memory for it. If there is not, nothing is mapped
// all the same, and the next read of main finds out once more.
TEST(EngineMemory, WhatWasPendingBeforeAStepThatIsTakenBack)
{
	u32 forgotten = 0;
	for (u32 others = 0; others < 40; ++others)
		for (u64 nth = 1; take_back_without_memory(others, nth, &forgotten); ++nth)
			;
	EXPECT_GT(forgotten, 0u);
}

}  // namespace
}  // namespace remap::test
