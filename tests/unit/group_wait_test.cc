// SPDX-License-Identifier: GPL-2.0-or-later
// Group commit with real threads: nobody is kept waiting for somebody who is slow or does not come,
// and what a step takes back stays so whatever the others record.
#include "tests/unit/group_set.h"

namespace remap::test {
namespace {

// A step that waits in the group for one that is counted and kept from the lock.
class Lingering {
public:
	explicit Lingering(Set &set) : set_(set)
	{
		other_ = std::thread([this] {
			ThreadHost::wait_at(&gate_, 2);
			EXPECT_EQ(send(set_.engine, "relocate 40000 8"), 1);
		});
		gate_.await(1);
		member_ = std::thread([this] { EXPECT_EQ(send(set_.engine, "relocate 100 8"), 1); });
		set_.host.await_sleepers(1);
		EXPECT_TRUE(set_.engine.holds(100, 8));
	}
	// Ends when it does not wait any more, although the other is still kept back.
	void finish()
	{
		member_.join();
		gate_.open();
		other_.join();
	}
	std::thread::id member() const { return member_.get_id(); }

private:
	Set &set_;
	Gate gate_;
	std::thread other_;
	std::thread member_;
};

TEST(Group, OneWhoIsKilledSettlesByItself)
{
	Set set;
	Lingering lingering(set);
	set.host.kill(lingering.member());
	lingering.finish();
	set.check_space();
}

TEST(Group, AWriteDoesNotWaitForAMessage)
{
	Set set;
	ASSERT_EQ(set.send("add_remap 300 700 8 nocopy"), 1);
	Lingering lingering(set);
	Crowd write(set);
	write.write(300, 8, 7000);
	EXPECT_EQ(write.run()[0], static_cast<int>(IoStatus::ok));
	lingering.finish();
	set.check_space();
}

// Sends a message on which the one who lingers must not have to wait.
void expect_settles(Set &set, const std::string &message)
{
	Lingering lingering(set);
	std::thread sender([&] { EXPECT_EQ(send(set.engine, message), 1) << message; });
	lingering.finish();
	sender.join();
	set.check_space();
}

// What is not durable is no ground for another step.
TEST(Group, WhoTouchesAFenceSettlesFirst)
{
	Set set;
	expect_settles(set, "remove_remap 100 8");
	EXPECT_EQ(set.state(100), State::none);
	EXPECT_EQ(set.state(40000), State::active);
}

TEST(Group, ASlowDrainSettlesFirst)
{
	Set set;
	set.host.soon = false;
	expect_settles(set, "relocate 200 8");
}

TEST(Group, ABadSectorSettlesFirst)
{
	Set set;
	set.host.main.mark_unreadable(203);
	expect_settles(set, "relocate 200 8");
	EXPECT_EQ(set.state(203), State::lost);
}

TEST(Group, SyncAndClearAllAnswerForTheOthers)
{
	for (const char *message : {"sync", "clear_all"}) {
		Set set;
		expect_settles(set, message);
	}
}

// Those who only look, or are refused, come last and have nothing to record.
TEST(Group, WhoOnlyLooksWakesTheOthers)
{
	Set set;
	ASSERT_EQ(set.send("add_remap 0 2000 8"), 1); // so that there is something to list
	for (u32 round = 0; round < 30; ++round) {
		Crowd crowd(set);
		crowd.message(add_of(round));
		crowd.await();
		Gate gate;
		std::vector<std::thread> lookers;
		for (const char *message : {"remove_remap 60000", "list", "add_remap 5 5 0"})
			lookers.emplace_back([&, message] {
				ThreadHost::wait_at(&gate, 1);
				(void)send(set.engine, message);
			});
		gate.await(3);
		gate.open();
		EXPECT_EQ(crowd.run()[0], 1);
		for (std::thread &thread : lookers)
			thread.join();
	}
}

// Who sleeps may count on somebody who is then killed on his way to the lock.
TEST(Group, AMemberWhoCountsOnOneThatIsKilledIsNotForgotten)
{
	Set set;
	Gate gate;
	int added = 0, killed = 0;
	std::thread member([&] {
		ThreadHost::wait_at(&gate, 2);
		added = set.send("add_remap 100 100 8");
	});
	std::thread victim([&] {
		set.host.doomed = std::this_thread::get_id();
		ThreadHost::wait_at(&gate, 1);
		killed = set.send("add_remap 200 200 8");
	});
	gate.await(2);
	gate.open();
	member.join();
	victim.join();
	set.host.doomed = std::thread::id{};
	EXPECT_EQ(added, 1);
	EXPECT_EQ(killed, -EINTR);
	EXPECT_EQ(set.state(100), State::active);
	EXPECT_EQ(set.state(200), State::none);
	set.check_space();
}

// A step in pieces meets a bad sector, so that the group is settled while its first piece is in the
// table, and a checkpoint is made with it; then the step fails. The checkpoint must not bring the
// piece back.
TEST(Group, WhatIsTakenBackDoesNotComeBackFromACheckpoint)
{
	Set set;
	ASSERT_EQ(set.send("add_remap 0 2000 8"), 1);
	const u64 border = set.engine.layout().contiguous(0, kSpare);
	ASSERT_LT(border, set.engine.layout().data_sectors());
	const u64 half = set.number("status", "journal_total") / 2;
	for (u32 i = 0; set.number("status", "journal_used") + 1 < half; ++i)
		ASSERT_EQ(set.send(i % 2 ? "remove_remap 40000" : "add_remap 40000 1000 1"), 1);
	const u64 checkpoints = set.engine.journal().checkpoints();
	set.host.main.mark_unreadable(3010, 1);
	set.host.spare.mark_unwritable(set.engine.layout().physical(border + 8), 1);
	Gate first, second;
	int added = 0, failed = 0;
	std::thread member([&] {
		ThreadHost::wait_at(&first, 2);
		added = set.send("add_remap 100 100 8");
	});
	std::thread loser([&] {
		ThreadHost::wait_at(&second, 2);
		failed = set.send("add_remap 3000 " + std::to_string(border - 4) + " 16");
	});
	first.await(1);
	second.await(1);
	first.open();
	set.host.await_sleepers(1);
	second.open();
	member.join();
	loser.join();
	EXPECT_EQ(added, 1);
	EXPECT_EQ(failed, -EIO);
	EXPECT_GT(set.engine.journal().checkpoints(), checkpoints) << "nothing was tested";
	EXPECT_EQ(set.state(3000), State::none);
	set.check_space();
	set.host.spare.unwritable.clear();
	set.host.spare.crash();
	Set again(set.host.main, set.host.spare);
	EXPECT_EQ(again.state(3000), State::none);
	EXPECT_EQ(again.state(100), State::active);
	again.check_space();
}

}  // namespace
}  // namespace remap::test
