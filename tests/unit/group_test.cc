// SPDX-License-Identifier: GPL-2.0-or-later
// Group commit with real threads: what waits together shares a block of the journal, and nobody is
// answered before it or forgotten in it.
#include "tests/unit/group_set.h"

namespace remap::test {
namespace {

TEST(Group, TwentyAddsShareABlockAndAFlush)
{
	Set set;
	ASSERT_EQ(set.send("add_remap 0 2000 8"), 1); // the begin of the ring is behind
	const u64 before = set.engine.journal().commits();
	Traffic traffic(set);
	Crowd crowd(set);
	add_many(crowd);
	const std::vector<int> results = crowd.run();
	set.host.hook = nullptr;
	for (u32 i = 0; i < kMany; ++i)
		EXPECT_EQ(results[i], 1) << add_of(i);
	EXPECT_EQ(set.engine.journal().commits(), before + 1);
	EXPECT_EQ(traffic.writes, kCopies) << "one block for each copy";
	EXPECT_EQ(traffic.spare_flushes, kMany + 1) << "one for each one's data, one for all";
	EXPECT_EQ(traffic.main_flushes, 0u);
	EXPECT_EQ(set.engine.table().extents(), kMany + 1);
	set.check_space();
	for (u32 i = 0; i < kMany; ++i)
		EXPECT_TRUE(set.host.logged("Added remap: " + std::to_string(1000 + 100 * i)));
	set.host.main.crash();
	set.host.spare.crash();
	Set again(set.host.main, set.host.spare);
	EXPECT_EQ(again.engine.table().extents(), kMany + 1) << "after a power cut";
	again.check_space();
}

TEST(Group, NeighboursShareOneToo)
{
	Set set;
	ASSERT_EQ(set.send("add_remap 0 2000 8"), 1);
	const u64 before = set.engine.journal().commits();
	Crowd crowd(set);
	for (u32 i = 0; i < kMany; ++i)
		crowd.message("relocate " + std::to_string(1000 + i) + " 1");
	const std::vector<int> results = crowd.run();
	for (u32 i = 0; i < kMany; ++i)
		EXPECT_EQ(results[i], 1);
	EXPECT_EQ(set.engine.journal().commits(), before + 1);
	EXPECT_EQ(set.engine.table().mapped_sectors(), kMany + 8);
	const u64 used = set.number("status", "metadata_used");
	Set again(set.host.main, set.host.spare);
	EXPECT_EQ(again.number("status", "metadata_used"), used);
	EXPECT_EQ(again.engine.table().extents(), set.engine.table().extents());
	again.check_space();
}

TEST(Group, AFailureReachesAllOfThem)
{
	Set set;
	ASSERT_EQ(set.send("add_remap 0 2000 8"), 1);
	const Layout &layout = set.engine.layout();
	for (u32 copy = 0; copy < kCopies; ++copy)
		set.host.spare.mark_unwritable(layout.journal(copy), layout.journal_blocks() * 8);
	Crowd crowd(set);
	add_many(crowd);
	const std::vector<int> results = crowd.run();
	EXPECT_TRUE(set.engine.journal().failed());
	for (u32 i = 0; i < kMany; ++i) {
		const Sector at = 1000 + 100 * i;
		EXPECT_EQ(results[i], -EROFS) << add_of(i);
		EXPECT_EQ(set.engine.map(Op::write, at, 8).verdict, Verdict::fail_closed);
		EXPECT_EQ(set.engine.map(Op::write, at - 4, 8).sectors, 4u);
		EXPECT_EQ(set.engine.map(Op::write, at - 4, 8).verdict, Verdict::submit);
		EXPECT_EQ(set.engine.map(Op::write, at + 8, 8).verdict, Verdict::submit);
		EXPECT_EQ(set.engine.map(Op::read, at, 8).verdict, Verdict::submit);
		EXPECT_EQ(set.stamp(at), set.host.main.content(at).stamp());
	}
	EXPECT_EQ(set.send("relocate 9000 8"), -EROFS);
	set.host.spare.unwritable.clear();
	set.host.spare.crash();
	Set again(set.host.main, set.host.spare);
	EXPECT_EQ(again.engine.table().extents(), 1u);
	EXPECT_EQ(again.engine.map(Op::write, 1000, 8).verdict, Verdict::submit);
	again.check_space();
}

// A copy that meets a bad sector settles the others first. One of their flushes may be the one that is
// told of what the copy had written by then, without any harm to them: here it is that of a site when
// their block brings a checkpoint to its end.
struct FailedFlush {
	bool others = false; // waited in the group when the copy met the bad sector
	std::vector<int> results;
	bool journal_failed = false;
	State state = State::none;
};

// How many blocks are written until the one that ends the first checkpoint.
u32 blocks_to_a_checkpoint()
{
	Set set;
	u32 blocks = 0;
	while (!set.engine.journal().checkpoints())
		EXPECT_EQ(set.send("relocate " + std::to_string(10 * blocks++) + " 1"), 1);
	return blocks;
}

FailedFlush fail_a_flush_of_a_site_behind_a_bad_sector()
{
	constexpr u32 kFirstSite = 3; // behind that of the block and that of the checkpoint
	FailedFlush end;
	Set set;
	const u32 before = blocks_to_a_checkpoint() - 1;
	for (u32 i = 0; i < before; ++i)
		EXPECT_EQ(set.send("relocate " + std::to_string(10 * i) + " 1"), 1);
	const u64 extents = set.engine.table().extents();
	set.host.main.mark_unreadable(50300);
	u32 flushes = 0;
	bool armed = false;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector sector, u64 count) {
		if (call == HostCall::read && device == kMainDevice && sector == 50256 && count > 1) {
			armed = true;
			end.others = set.engine.table().extents() != extents &&
				     !set.engine.journal().checkpoints();
		}
		if (call != HostCall::flush || device != kFirstSpare)
			return;
		flushes += armed;
		set.host.spare.flush_status = flushes == kFirstSite ? IoStatus::io : IoStatus::ok;
	};
	Crowd crowd(set);
	for (u32 i = 0; i < kMany; ++i)
		crowd.message("relocate " + std::to_string(40000 + 100 * i) + " 8");
	crowd.message("relocate 50000 512");
	end.results = crowd.run();
	set.host.hook = nullptr;
	end.journal_failed = set.engine.journal().failed();
	end.state = set.state(50000);
	set.check_space();
	return end;
}

TEST(Group, AFlushThatFailsWhileAStepCopiesIsItsOwn)
{
	FailedFlush end;
	for (u32 i = 0; i < 50 && !end.others; ++i)
		end = fail_a_flush_of_a_site_behind_a_bad_sector();
	ASSERT_TRUE(end.others) << "the copy was the first each time";
	ASSERT_FALSE(end.journal_failed);
	for (u32 i = 0; i < kMany; ++i)
		EXPECT_EQ(end.results[i], 1) << i;
	EXPECT_EQ(end.results[kMany], -EIO);
	EXPECT_EQ(end.state, State::none);
}

// Adds, a relocate, removals and writes to lost sectors.
TEST(Group, EveryKindOfStepSharesIt)
{
	Set set;
	for (u32 i = 0; i < 5; ++i) {
		const std::string at = std::to_string(10000 + 100 * i);
		ASSERT_EQ(set.send("add_remap " + at + " " + std::to_string(1800 + 8 * i) +
				   " 8 nocopy"),
			  1);
		ASSERT_EQ(set.send("relocate " + std::to_string(20000 + 100 * i) + " 8"), 1);
	}
	const u64 before = set.engine.journal().commits();
	Crowd crowd(set);
	for (u32 i = 0; i < 5; ++i) {
		crowd.message("add_remap " + std::to_string(1000 + 100 * i) + " " +
			      std::to_string(1500 + 8 * i) + " 8");
		crowd.message("relocate " + std::to_string(30000 + 100 * i) + " 8");
		crowd.message("remove_remap " + std::to_string(20000 + 100 * i));
	}
	crowd.await();
	for (u32 i = 0; i < 5; ++i)
		crowd.write(10000 + 100 * i, 8, 7000 + 100 * i);
	const std::vector<int> results = crowd.run();
	for (u32 i = 0; i < kMany; ++i)
		EXPECT_EQ(results[i], i < 15 ? 1 : static_cast<int>(IoStatus::ok)) << i;
	// A message settles before it begins where a user's write waits; so more than one, and
	// fewer than steps.
	const u64 blocks = set.engine.journal().commits() - before;
	EXPECT_GE(blocks, 1u);
	EXPECT_LE(blocks, kMany);
	set.check_space();
	set.host.main.crash();
	set.host.spare.crash();
	Set again(set.host.main, set.host.spare);
	for (u32 i = 0; i < 5; ++i) {
		EXPECT_EQ(again.state(1000 + 100 * i), State::active);
		EXPECT_EQ(again.state(30000 + 100 * i), State::active);
		EXPECT_EQ(again.state(20000 + 100 * i), State::none);
		EXPECT_EQ(again.state(10000 + 100 * i), State::active);
		EXPECT_EQ(again.stamp(10000 + 100 * i + 7), 7000u + 100 * i + 7);
	}
	again.check_space();
}

TEST(Group, WritesShareABlockAmongThemselves)
{
	Set set;
	for (u32 i = 0; i < kMany; ++i)
		ASSERT_EQ(set.send(add_of(i) + " nocopy"), 1);
	const u64 before = set.engine.journal().commits();
	Crowd crowd(set);
	for (u32 i = 0; i < kMany; ++i)
		crowd.write(1000 + 100 * i, 8, 7000 + 100 * i);
	const std::vector<int> results = crowd.run();
	for (u32 i = 0; i < kMany; ++i)
		EXPECT_EQ(results[i], static_cast<int>(IoStatus::ok));
	EXPECT_EQ(set.engine.journal().commits(), before + 1);
	EXPECT_EQ(set.engine.table().lost_sectors(), 0u);
}

// A bad track under many writes, on a disk that takes others.
void fail_many(Set &set, Crowd &crowd)
{
	for (u32 i = 0; i < kMany; ++i) {
		set.host.main.mark_unwritable(1000 + 8 * i, 8);
		crowd.failed_write(1000 + 8 * i, 8, 7000 + 8 * i);
	}
	set.host.prove_main();
}

TEST(Group, WritesThatFailedShareABlockAmongThemselves)
{
	Set set;
	Crowd crowd(set);
	fail_many(set, crowd);
	const u64 before = set.engine.journal().commits();
	const std::vector<int> results = crowd.run();
	for (u32 i = 0; i < kMany; ++i) {
		EXPECT_EQ(results[i], static_cast<int>(IoStatus::ok));
		EXPECT_EQ(set.stamp(1000 + 8 * i), 7000 + 8 * i);
	}
	EXPECT_EQ(set.engine.journal().commits(), before + 1);
	set.check_space();
	u32 told = 0;
	for (const std::string &line : set.host.lines)
		told += line.find("Added remap: ") != std::string::npos;
	EXPECT_EQ(told, kMany);
	Set again(set.host.main, set.host.spare);
	for (u32 i = 0; i < kMany; ++i)
		EXPECT_EQ(again.stamp(1000 + 8 * i), 7000 + 8 * i);
}

// Nobody waits for more than one I/O of a disk that takes its time to fail.
TEST(Group, WritesThatFailSlowlySettle)
{
	Set set;
	Crowd crowd(set);
	fail_many(set, crowd);
	crowd.await();
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		set.host.now += call == HostCall::forward && device == kMainDevice;
	};
	const u64 before = set.engine.journal().commits();
	const std::vector<int> results = crowd.run();
	for (u32 i = 0; i < kMany; ++i)
		EXPECT_EQ(results[i], static_cast<int>(IoStatus::ok));
	EXPECT_EQ(set.engine.journal().commits(), before + kMany);
}

// Removals give more stretches back than a group keeps in mind.
TEST(Group, WhatItCannotKeepInMindIsFreedAllTheSame)
{
	Set set;
	for (u32 i = 0; i < 100; ++i)
		for (const u32 at : {5000, 5300})
			ASSERT_EQ(set.send("add_remap " + std::to_string(at + i) + " " +
					   std::to_string(at - 5000 + 2 * i) + " 1"),
				  1);
	Crowd crowd(set);
	crowd.message("remove_remap 5000 100");
	crowd.message("remove_remap 5300 100");
	const std::vector<int> results = crowd.run();
	EXPECT_EQ(results[0], 1);
	EXPECT_EQ(results[1], 1);
	EXPECT_EQ(set.number("status", "spare_used"), 0u);
}

// The power fails behind the writes of the group's block, and behind its flush. Nobody is answered
// before the latter.
TEST(Group, ThePowerFailsAroundTheBlock)
{
	Set set;
	ASSERT_EQ(set.send("add_remap 0 2000 8"), 1);
	std::atomic<u32> answered{0};
	std::optional<MemoryDisk> written;
	u32 journal_writes = 0;
	const Layout &layout = set.engine.layout();
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector sector, u64) {
		const bool data = sector >= layout.data() && sector < layout.data_end();
		journal_writes += call == HostCall::write && device == kFirstSpare && !data;
		if (call != HostCall::flush || journal_writes < kCopies)
			return;
		EXPECT_EQ(answered.load(), 0u);
		written = set.host.spare;
	};
	Gate gate;
	std::vector<std::thread> threads;
	for (u32 i = 0; i < kMany; ++i)
		threads.emplace_back([&, i] {
			ThreadHost::wait_at(&gate, 2);
			EXPECT_EQ(send(set.engine, add_of(i)), 1);
			++answered;
		});
	gate.await(kMany);
	gate.open();
	for (std::thread &thread : threads)
		thread.join();
	set.host.hook = nullptr;
	ASSERT_TRUE(written);
	MemoryDisk none = *written;
	none.crash();
	EXPECT_EQ(Set(set.host.main, none).engine.table().extents(), 1u);
	// One copy's block arrived, or both did.
	for (const Sector limit : {layout.journal(1), ~Sector{0}}) {
		MemoryDisk arrived = *written;
		arrived.crash([&](Sector sector) { return sector < limit; });
		Set again(set.host.main, arrived);
		EXPECT_EQ(again.engine.table().extents(), kMany + 1);
		again.check_space();
	}
}

}  // namespace
}  // namespace remap::test
