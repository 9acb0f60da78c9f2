// SPDX-License-Identifier: GPL-2.0-or-later
// Group commit with real threads: what waits together shares a block of the journal, and nobody is
// answered before it, forgotten in it, or kept waiting for somebody who is slow.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>

#include "core/engine/engine.h"
#include "tests/unit/thread_host.h"

namespace remap::test {
namespace {

constexpr u32 kMany = 20;
constexpr Sector kMain = 65536;
constexpr Sector kSpare = 4096;

int send(Engine<ThreadHost> &engine, const std::string &message, std::string *answer = nullptr)
{
	std::istringstream stream(message);
	std::vector<std::string> words;
	for (std::string word; stream >> word;)
		words.push_back(word);
	std::vector<char *> argv;
	for (std::string &word : words)
		argv.push_back(word.data());
	char reply[4096];
	const int result = engine.message(static_cast<u32>(argv.size()), argv.data(), reply,
					  sizeof(reply));
	if (answer)
		*answer = reply;
	return result;
}

// A set on disks that it is given, or on new ones.
struct Set {
	Set() : host(kMain, kSpare, MemoryDisk::kBlank), engine(host) { open(); }
	Set(const MemoryDisk &main, const MemoryDisk &spare)
	    : host(kMain, kSpare, MemoryDisk::kBlank), engine(host)
	{
		host.main = main;
		host.spare = spare;
		open();
	}
	void open()
	{
		Refusal why;
		Status status = engine.create({kMain, kSpare, 1}, Terms{}, why);
		if (status.ok())
			status = engine.start(why);
		EXPECT_TRUE(status.ok()) << why.text();
	}
	int send(const std::string &message) { return remap::test::send(engine, message); }
	u64 number(const std::string &message, const std::string &key)
	{
		std::string reply;
		EXPECT_EQ(remap::test::send(engine, message, &reply), 1);
		std::istringstream lines(reply);
		for (std::string line; std::getline(lines, line);)
			if (line.compare(0, key.size() + 1, key + "=") == 0)
				return std::stoull(line.substr(key.size() + 1));
		ADD_FAILURE() << message << " has no " << key;
		return 0;
	}
	State state(Sector sector) const { return engine.table().lookup(sector, 1).state; }
	u64 stamp(Sector sector)
	{
		const Mapping to = engine.map(Op::read, sector, 1);
		EXPECT_EQ(to.verdict, Verdict::submit) << "sector " << sector;
		return host.disk(to.device).content(to.sector).stamp();
	}
	void check_space()
	{
		EXPECT_EQ(number("status", "spare_used"), engine.table().mapped_sectors());
		EXPECT_FALSE(engine.holds(0, kMain)) << "a fence was left behind";
	}

	ThreadHost host;
	Engine<ThreadHost> engine;
};

// What the core asks of the devices for its metadata.
struct Traffic {
	explicit Traffic(Set &set)
	{
		set.host.hook = [this, &set](HostCall call, DeviceIndex device, Sector sector,
					     u64) {
			const Layout &layout = set.engine.layout();
			const bool data = sector >= layout.data() && sector < layout.data_end();
			writes += call == HostCall::write && device == kFirstSpare && !data;
			spare_flushes += call == HostCall::flush && device == kFirstSpare;
			main_flushes += call == HostCall::flush && device == kMainDevice;
		};
	}
	u32 writes = 0;
	u32 spare_flushes = 0;
	u32 main_flushes = 0;
};

// Threads that run to a step of theirs, wait for the lock together, and go on at one time.
class Crowd {
public:
	explicit Crowd(Set &set) : set_(set) {}

	void message(const std::string &words)
	{
		add(2, [this, words] { return remap::test::send(set_.engine, words); });
	}
	void write(Sector sector, u32 sectors, u64 stamp)
	{
		add(1, [this, sector, sectors, stamp] {
			auto io = std::make_shared<UserIo>();
			*io = {Op::write, sector, sectors, false, {}, {}, 1};
			for (u32 i = 0; i < sectors; ++i)
				io->data.push_back(Block::stamped(stamp + i));
			io->status.assign(sectors, IoStatus::ok);
			Piece piece{io, 0, sectors};
			return static_cast<int>(
				set_.engine.deferred_write(&piece, sector, sectors));
		});
	}
	// Lets all of them go; what each of them returned, in the order in which they were added.
	std::vector<int> run()
	{
		await();
		gate_.open();
		for (std::thread &thread : threads_)
			thread.join();
		return results_;
	}
	void await() { gate_.await(static_cast<u32>(threads_.size())); }

private:
	void add(u32 locks, std::function<int()> body)
	{
		const usize index = threads_.size();
		results_.resize(kMany + 8);
		threads_.emplace_back([this, locks, index, body = std::move(body)] {
			ThreadHost::wait_at(&gate_, locks);
			results_[index] = body();
		});
	}

	Set &set_;
	Gate gate_;
	std::vector<std::thread> threads_;
	std::vector<int> results_;
};

std::string add_of(u32 i)
{
	return "add_remap " + std::to_string(1000 + 100 * i) + " " + std::to_string(50 * i) + " 8";
}

void add_many(Crowd &crowd)
{
	for (u32 i = 0; i < kMany; ++i)
		crowd.message(add_of(i));
}

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

// ---- nobody waits for who does not come ----

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
