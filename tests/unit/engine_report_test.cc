// SPDX-License-Identifier: GPL-2.0-or-later
// What the set tells: listings and their paging, small reply buffers, every key, every counter.
#include <cerrno>

#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

void fill_to_list(RemapSet &set)
{
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	ASSERT_EQ(set.send("add_remap 1100 5100 50"), 1);
	ASSERT_EQ(set.send("add_remap 2000 6000 8 nocopy"), 1);
	ASSERT_EQ(set.write(2002, 2, 5), IoStatus::ok);
}

TEST(EngineList, ExactLines)
{
	RemapSet set;
	EXPECT_EQ(set.send("list"), 0);
	EXPECT_EQ(set.send("pending"), 0);
	fill_to_list(set);
	EXPECT_EQ(set.send("list"), 1);
	EXPECT_EQ(set.reply, "1000 5000 100 active\n1100 5100 50 active\n2000 6000 2 lost\n"
			     "2002 6002 2 active\n2004 6004 4 lost\n");
	EXPECT_EQ(set.send("LIST 1100 2"), 1);
	EXPECT_EQ(set.reply, "1100 5100 50 active\n2000 6000 2 lost\nnext 2002\n");
	EXPECT_EQ(set.send("list 2004"), 1);
	EXPECT_EQ(set.reply, "2004 6004 4 lost\n");
	EXPECT_EQ(set.send("list 0 5"), 1);
	EXPECT_EQ(set.reply.find("next"), std::string::npos);
	EXPECT_EQ(set.send("list 3000"), 0);
	EXPECT_EQ(set.send("list 65536"), 0);
	EXPECT_EQ(set.send("list 18446744073709551615 1"), 0);
}

TEST(EngineList, PagesVisitEveryExtentOnce)
{
	for (const usize room : {64, 100, 256, 1000}) {
		RemapSet set;
		for (u32 i = 0; i < 200; ++i)
			ASSERT_EQ(set.send("relocate " + std::to_string(i * 300) + " 3"), 1);
		std::string all;
		std::string from = "0";
		for (u32 page = 0; !from.empty() && page < 500; ++page) {
			ASSERT_EQ(set.send("list " + from, room), 1);
			ASSERT_LT(set.reply.size() + 1, room) << "looks cut off";
			const usize next = set.reply.find("next ");
			all += set.reply.substr(0, next);
			from = next == std::string::npos ? "" : set.reply.substr(next + 5);
			if (!from.empty())
				from.pop_back();
		}
		ASSERT_EQ(set.send("list", 1 << 16), 1);
		EXPECT_EQ(all, set.reply);
	}
}

TEST(EngineReply, TooSmallForAMutatingMessageDoesNothing)
{
	for (const usize room : {1, 2, 100, 255}) {
		RemapSet set;
		fill_to_list(set);
		set.host.open = false;
		const Snapshot before = set.snapshot();
		for (const char *message :
		     {"add_remap 10 20 5", "relocate 10 5", "remove_remap 1000", "clear_all",
		      "clear_all stale-ok", "clear_stats"}) {
			EXPECT_EQ(set.send(message, room), 1) << message;
			EXPECT_EQ(set.reply.size(), room - 1) << message;
		}
		set.expect_same(before);
	}
	RemapSet set;
	EXPECT_EQ(set.send("add_remap 10 20 5", 256), 1);
	EXPECT_EQ(set.reply, "added 10 -> 20 (length: 5)");
}

TEST(EngineReply, LongOnesFillWhatIsThere)
{
	RemapSet set;
	fill_to_list(set);
	for (usize room = 1; room < 1024; ++room) {
		for (const char *message : {"help", "status", "stats", "health", "list", "list 0 1",
					    "pending"}) {
			set.send(message, room);
			EXPECT_LT(set.reply.size(), room);
		}
		EXPECT_LE(set.refusal("frobnicate"), EINVAL);
	}
	EXPECT_EQ(set.send("help", 64), 1);
	EXPECT_EQ(set.reply.size(), 63u);
	// A listing that has no room for one line asks for more instead of pointing at itself.
	EXPECT_EQ(set.send("list", 40), 1);
	EXPECT_EQ(set.reply.size(), 39u);
	EXPECT_EQ(set.send("list", 1), 1);
	EXPECT_EQ(set.engine.message(0, nullptr, nullptr, 0), -EINVAL);
}

TEST(EngineReply, MutatingRepliesAreShort)
{
	RemapSet set;
	EXPECT_EQ(set.send("relocate 0 30000"), 1);
	EXPECT_LT(set.reply.size(), 256u);
	EXPECT_EQ(set.send("help"), 1);
	for (const MessageSpec &spec : kMessages)
		EXPECT_NE(set.reply.find(std::string(spec.word) + spec.usage + "\n"),
			  std::string::npos)
			<< spec.word;
}

std::vector<std::string> keys(const std::string &reply)
{
	std::vector<std::string> all;
	std::istringstream lines(reply);
	for (std::string line; std::getline(lines, line);)
		all.push_back(line.substr(0, line.find('=')));
	return all;
}

TEST(EngineReport, EveryKeyInItsOrder)
{
	RemapSet set;
	ASSERT_EQ(set.send("status"), 1);
	EXPECT_EQ(keys(set.reply),
		  (std::vector<std::string>{
			  "mode", "health", "extents", "mapped_sectors", "lost_sectors",
			  "pending_sectors", "main_sectors", "block_sectors", "spare_used",
			  "spare_total", "spare_reserved", "max_extents", "buckets", "table_bytes",
			  "metadata_used", "epoch", "generation", "copies", "journal_used",
			  "journal_total", "set", "flags", "spares", "last_error"}));
	ASSERT_EQ(set.send("stats"), 1);
	EXPECT_EQ(keys(set.reply),
		  (std::vector<std::string>{
			  "read_errors", "write_errors", "flush_errors", "added", "removed",
			  "refused", "copied_sectors", "returned_sectors", "lost_sectors_found",
			  "revived_sectors", "recovered", "healed_sectors", "fences",
			  "resizes", "commits", "checkpoints", "remapped_reads",
			  "remapped_writes", "held", "held_outside", "deferred", "in_flight"}));
	ASSERT_EQ(set.send("health"), 1);
	EXPECT_EQ(keys(set.reply),
		  (std::vector<std::string>{"score", "rating", "spare_used_percent",
					    "unreadable_sectors", "read_errors", "write_errors",
					    "flush_errors", "verdict", "remaps_by_write",
					    "remaps_by_read", "budget_used", "budget_total",
					    "bad_places", "trend", "growth_per_day",
					    "spare_full_seconds"}));
}

TEST(EngineReport, StatusFollowsTheSet)
{
	RemapSet set({.block_sectors = 8});
	EXPECT_EQ(set.value("status", "mode"), "ok");
	EXPECT_EQ(set.number("status", "health"), 100u);
	EXPECT_EQ(set.number("status", "main_sectors"), 65536u);
	EXPECT_EQ(set.number("status", "block_sectors"), 8u);
	EXPECT_EQ(set.number("status", "spare_total"), set.data_sectors());
	EXPECT_EQ(set.number("status", "spare_reserved") + set.data_sectors(), 32768u);
	EXPECT_EQ(set.number("status", "max_extents"), 4096u);
	EXPECT_EQ(set.value("status", "flags"), "main_unverified");
	EXPECT_EQ(set.value("status", "last_error"), "");
	const u64 bytes = set.number("status", "table_bytes");
	const u64 buckets = set.number("status", "buckets");
	EXPECT_GE(buckets, 64u);
	for (u32 i = 0; i < 600; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(i * 104) + " 8"), 1);
	ASSERT_EQ(set.send("add_remap 48 24000 16 nocopy"), 1);
	EXPECT_EQ(set.number("status", "extents"), 601u);
	EXPECT_EQ(set.number("status", "mapped_sectors"), 4816u);
	EXPECT_EQ(set.number("status", "lost_sectors"), 16u);
	EXPECT_EQ(set.number("status", "spare_used"), 4816u);
	EXPECT_GT(set.number("status", "table_bytes"), bytes);
	EXPECT_GT(set.number("status", "buckets"), buckets);
	EXPECT_LT(set.number("status", "health"), 100u);
	EXPECT_TRUE(set.host.logged("Adaptive hash table resize: 64 -> "));
	EXPECT_GT(set.number("stats", "resizes"), 0u);
	EXPECT_EQ(set.number("health", "spare_used_percent"), 4816 * 100 / set.data_sectors());
	EXPECT_EQ(set.number("health", "unreadable_sectors"), 16u);
	std::ostringstream line;
	line << "ok " << set.number("status", "health") << " 601 4816 4816/"
	     << set.data_sectors() << " 601/4096 0 16 0 0 601/0/0 "
	     << set.number("status", "buckets") << " 1 1 main_unverified";
	EXPECT_EQ(set.status_line(), line.str());
	char ima[128];
	Text text(ima, sizeof(ima));
	set.engine.ima_line(text);
	EXPECT_STREQ(ima, "extents=601,mapped_sectors=4816,lost_sectors=16");
}

// Does one thing and sees by how much a counter moved.
void expect_moves(RemapSet &set, const char *key, u64 by, const std::function<void()> &act)
{
	const u64 before = set.number("stats", key);
	act();
	EXPECT_EQ(set.number("stats", key), before + by) << key;
}

// A write that was deferred and failed: counted by the core, whoever runs it.
TEST(EngineReport, DeferredWritesThatFailAreCounted)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 8 nocopy"), 1);
	set.host.spare.mark_unwritable(set.physical(5003), 1, IoStatus::transport);
	expect_moves(set, "write_errors", 1,
		     [&] { EXPECT_NE(set.write(1003, 1, 1), IoStatus::ok); });
	expect_moves(set, "write_errors", 0,
		     [&] { EXPECT_EQ(set.write(1002, 1, 1), IoStatus::ok); });
	expect_moves(set, "read_errors", 1,
		     [&] { EXPECT_EQ(set.read(1003, 1)->result(), IoStatus::medium); });
}

// Flushes of the core's own, and a user's that is made to fail for one of them.
TEST(EngineReport, FailedFlushesOfTheCoreAreCounted)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 8"), 1);
	set.host.main.flush_status = IoStatus::io;
	expect_moves(set, "flush_errors", 1,
		     [&] { EXPECT_EQ(set.refusal("remove_remap 1000"), 5); });
	set.host.main.flush_status = IoStatus::ok;
	expect_moves(set, "flush_errors", 1,
		     [&] { EXPECT_TRUE(set.engine.flush_owed(kMainDevice)); });
	expect_moves(set, "flush_errors", 0,
		     [&] { EXPECT_FALSE(set.engine.flush_owed(kMainDevice)); });
	EXPECT_EQ(set.number("health", "flush_errors"), 2u);
}

// Whoever asks is answered although the writer's lock is in other hands, perhaps for long.
TEST(EngineReport, NobodyWaitsForTheWriterToBeAnswered)
{
	RemapSet set;
	ASSERT_EQ(set.refusal("remove_remap 1000"), 2);
	const std::string refused = set.last_error();
	EXPECT_NE(refused, "");
	set.host.lock();
	char reply[4096];
	for (const char *message : {"status", "stats", "health", "help", "pending"}) {
		char word[16];
		std::strcpy(word, message);
		char *words[] = {word};
		EXPECT_GE(set.engine.message(1, words, reply, sizeof(reply)), 0) << message;
		if (message == std::string("status")) {
			EXPECT_NE(std::string(reply).find("last_error=" + refused), std::string::npos);
		}
	}
	set.host.unlock();
}

// A message that is killed while it waits for the lock.
TEST(EngineReport, WhoIsKilledInTheQueueHasChangedNothing)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 8"), 1);
	const Snapshot before = set.snapshot();
	set.host.lock_interrupted = true;
	for (const char *message : {"add_remap 2000 6000 8", "relocate 2000 8", "remove_remap 1000",
				    "clear_all", "sync", "list"})
		EXPECT_EQ(set.refusal(message), 4) << message;
	EXPECT_EQ(set.value("status", "last_error"), "");
	EXPECT_EQ(set.write(1000, 8, 1), IoStatus::ok);
	set.host.lock_interrupted = false;
	EXPECT_TRUE(same_extents(before.extents, set.extents()));
	EXPECT_EQ(set.send("remove_remap 1000"), 1);
}

// The drain of a message ends with a suspend, which waits for it; that of a write never.
TEST(EngineReport, OnlyMessagesDrainStoppably)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 8 nocopy"), 1);
	EXPECT_TRUE(set.host.drained_stoppable);
	ASSERT_EQ(set.write(1000, 2, 1), IoStatus::ok);
	EXPECT_FALSE(set.host.drained_stoppable);
	EXPECT_FALSE(set.engine.suspending());
	set.engine.presuspend();
	EXPECT_TRUE(set.engine.suspending());
	set.engine.resume();
	EXPECT_FALSE(set.engine.suspending());
	ASSERT_EQ(set.send("clear_all"), -61);
	EXPECT_TRUE(set.host.drained_stoppable);
}

// Looking for few among many is done a part at a time.
TEST(EngineReport, AListingPassesOverABoundedNumberOfOthers)
{
	RemapSet set({.main_sectors = 65536, .spare_sectors = 65536});
	auto &table = const_cast<Table<MemoryHost> &>(set.engine.table());
	for (Sector at = 0; at < 40000; at += 4)
		ASSERT_TRUE(table.assign({at, 1, at, State::active, true}).ok());
	EXPECT_EQ(set.send("pending"), 0) << set.reply;
	ASSERT_TRUE(table.assign({50000, 2, 0, State::pending, false}).ok());
	u32 pages = 0;
	std::string found, from = "0";
	for (; !from.empty() && pages < 100; ++pages) {
		ASSERT_EQ(set.send("pending " + from), 1);
		const usize next = set.reply.find("next ");
		found += set.reply.substr(0, next);
		from = next == std::string::npos ? "" : set.reply.substr(next + 5);
	}
	EXPECT_EQ(found, "50000 2\n");
	EXPECT_EQ(pages, 3u);
}

TEST(EngineReport, EachCounterMovesAndIsCleared)
{
	RemapSet set;
	set.host.main.mark_unreadable(1000, 3);
	set.host.main.mark_unwritable(1, 1, IoStatus::transport);
	const auto add = [&] { EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1); };
	expect_moves(set, "read_errors", 1, [&] { set.read(999, 4); });
	expect_moves(set, "write_errors", 1, [&] { set.write(0, 4, 1); });
	set.host.main.mark_unwritable(40, 1);
	expect_moves(set, "recovered", 1, [&] { set.write(40, 4, 1); });
	set.host.main.mark_unreadable(50, 1);
	set.read(50, 1);
	Policy policy;
	policy.heal = true;
	set.engine.set_policy(policy);
	expect_moves(set, "healed_sectors", 1, [&] { set.write(50, 1, 1); });
	set.host.main.unwritable.erase(40);
	expect_moves(set, "flush_errors", 1, [&] { set.engine.flush_failed(kMainDevice); });
	expect_moves(set, "lost_sectors_found", 3, add);
	expect_moves(set, "added", 1, [&] { EXPECT_EQ(set.send("relocate 500 3"), 1); });
	expect_moves(set, "copied_sectors", 7, [&] { EXPECT_EQ(set.send("relocate 600 7"), 1); });
	expect_moves(set, "remapped_reads", 1, [&] { set.read(1003, 1); });
	expect_moves(set, "remapped_writes", 1, [&] { set.write(1003, 1, 1); });
	expect_moves(set, "revived_sectors", 2, [&] { set.write(1000, 2, 1); });
	expect_moves(set, "deferred", 1, [&] { set.write(1002, 1, 1); });
	expect_moves(set, "returned_sectors", 3,
		     [&] { EXPECT_EQ(set.send("remove_remap 500"), 1); });
	expect_moves(set, "removed", 1, [&] { EXPECT_EQ(set.send("remove_remap 600"), 1); });
	expect_moves(set, "removed", 1, [&] { EXPECT_EQ(set.send("clear_all"), 1); });
	expect_moves(set, "refused", 1, [&] { set.send("remove_remap 600"); });
	expect_moves(set, "fences", 1, [&] { EXPECT_EQ(set.send("relocate 600 7"), 1); });
	expect_moves(set, "commits", 1, [&] { EXPECT_EQ(set.send("relocate 700 7"), 1); });
	expect_moves(set, "checkpoints", 1, [&] {
		EXPECT_EQ(set.send("sync"), 1);
		EXPECT_EQ(set.reply, "synced, epoch 1");
	});
	EXPECT_EQ(set.number("health", "read_errors"), set.number("stats", "read_errors"));
	EXPECT_EQ(set.number("health", "write_errors"), 1u);
	EXPECT_EQ(set.number("health", "flush_errors"), 1u);
	EXPECT_LT(set.number("health", "score"), 100u);
	EXPECT_EQ(set.value("health", "rating"), "EXCELLENT");
	EXPECT_EQ(set.send("clear_stats"), 1);
	ASSERT_EQ(set.send("stats"), 1);
	EXPECT_EQ(set.reply.find_first_of("123456789"), std::string::npos) << set.reply;
}

}  // namespace
}  // namespace remap::test
