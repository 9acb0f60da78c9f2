// SPDX-License-Identifier: GPL-2.0-or-later
// The scan of main: what it finds, when it reads, where it goes on.
#include "tests/unit/failing_set.h"

namespace remap::test {
namespace {

constexpr Sector kScanned = 65536;

// Turns until the scan is idle; returns how many.
u32 scan_all(RemapSet &set)
{
	u32 turns = 0;
	while (set.engine.scan_turn() != Scan::kIdle && turns < 10000)
		++turns;
	return turns;
}

// What it reads, in order.
std::vector<std::pair<Sector, u64>> looked(RemapSet &set, u32 turns)
{
	std::vector<std::pair<Sector, u64>> pieces;
	set.host.hook = [&](HostCall call, DeviceIndex, Sector at, u64 count) {
		if (call == HostCall::scan_read)
			pieces.emplace_back(at, count);
	};
	for (u32 i = 0; i < turns; ++i)
		set.engine.scan_turn();
	set.host.hook = nullptr;
	return pieces;
}

TEST(Scan, IsOffUntilItIsStarted)
{
	RemapSet set(k512e);
	EXPECT_EQ(set.engine.scan_turn(), Scan::kIdle);
	EXPECT_EQ(set.value("scan status", "scan"), "stopped");
	const u32 wakes = set.host.scan_wakes;
	ASSERT_EQ(set.send("scan start"), 1);
	EXPECT_EQ(set.reply, "scan started at sector 0");
	EXPECT_GT(set.host.scan_wakes, wakes);
	EXPECT_EQ(set.value("SCAN STATUS", "scan"), "running");
	scan_all(set);
	EXPECT_EQ(set.value("scan status", "scan"), "stopped") << "one pass";
	EXPECT_EQ(set.number("scan status", "scan_passes"), 1u);
	EXPECT_EQ(set.number("scan status", "scan_read_sectors"), kScanned);
	EXPECT_EQ(set.refusal("scan begin"), 22);
	EXPECT_EQ(set.last_error(), "scan: 'begin' is none of start|stop|status");
	EXPECT_EQ(set.refusal("scan"), 22);
}

TEST(Scan, FindsWhatCannotBeRead)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(2053);
	set.host.main.mark_unreadable(40000, 9);
	ASSERT_EQ(set.send("scan start"), 1);
	scan_all(set);
	EXPECT_EQ(pending(set), 10u);
	EXPECT_EQ(set.number("scan status", "scan_pending_sectors"), 10u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(pending(set), 10u) << "that is durable";
	EXPECT_EQ(set.stamp(2052), RemapSet::original(2052));
	EXPECT_EQ(set.stamp(2053), RemapSet::kFailed);
	EXPECT_EQ(set.number("stats", "read_errors"), 1u) << "the scan is no user";
}

TEST(Scan, MovesWhatNeedsRetries)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(2053);
	u32 reads = 0;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector at, u64 count) {
		if (call == HostCall::read && device == kMainDevice && at == 2053 && count == 1 &&
		    ++reads == 2)
			set.host.main.unreadable.erase(2053);
	};
	ASSERT_EQ(set.send("scan start"), 1);
	scan_all(set);
	EXPECT_EQ(pending(set), 0u);
	EXPECT_EQ(set.engine.table().mapped_sectors(), 1u);
	EXPECT_EQ(set.number("scan status", "scan_moved_sectors"), 1u);
	EXPECT_EQ(set.number("health", "remaps_by_read"), 1u);
	set.host.hook = nullptr;
	set.host.main.mark_unreadable(2053);
	EXPECT_EQ(set.stamp(2053), RemapSet::original(2053));
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.stamp(2053), RemapSet::original(2053));
	set.check_books();
}

TEST(Scan, ReadsWhileNobodyElseDoes)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("scan start"), 1);
	set.host.users_busy = true;
	set.host.hook = [](HostCall call, DeviceIndex, Sector, u64) {
		EXPECT_NE(call, HostCall::scan_read);
	};
	EXPECT_EQ(set.engine.scan_turn(), Scan::kBusy);
	set.host.users_busy = false;
	EXPECT_EQ(looked(set, 1).size(), 1u);
}

// Whoever has the lock when its turn comes may have it for long.
TEST(Scan, DoesNotReadWhenAUserCameWhileItWaited)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("scan start"), 1);
	u32 asked = 0;
	set.host.on_busy = [&] { set.host.users_busy = ++asked == 2; };
	set.host.hook = [](HostCall call, DeviceIndex, Sector, u64) {
		EXPECT_NE(call, HostCall::scan_read);
	};
	EXPECT_EQ(set.engine.scan_turn(), Scan::kBusy);
	EXPECT_EQ(asked, 2u);
	set.host.on_busy = nullptr;
	set.host.users_busy = false;
	EXPECT_EQ(looked(set, 1), (std::vector<std::pair<Sector, u64>>{{0, 256}}));
}

// Somebody comes while it is at a piece of which all is bad: he does not wait for the rest of it.
TEST(Scan, EndsWhereAUserComes)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(0, 256);
	ASSERT_EQ(set.send("scan start"), 1);
	u32 reads = 0;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		reads += call == HostCall::read && device == kMainDevice;
		set.host.users_busy = reads >= 3;
	};
	EXPECT_EQ(set.engine.scan_turn(), Scan::kBusy);
	EXPECT_EQ(pending(set), 8u);
	EXPECT_EQ(set.engine.scan_turn(), Scan::kBusy);
	EXPECT_EQ(pending(set), 8u);
	set.host.hook = nullptr;
	set.host.users_busy = false;
	scan_all(set);
	EXPECT_EQ(pending(set), 256u);
	set.check_books();
}

TEST(Scan, KeepsThePaceOfTheTable)
{
	RemapSet set(k512e);
	Policy policy;
	policy.scan_rate = 1024;
	set.engine.set_policy(policy);
	EXPECT_EQ(set.engine.scan_turn(), 250u) << "256 sectors, a quarter of a second";
	EXPECT_EQ(set.value("scan status", "scan"), "running");
	EXPECT_EQ(set.number("scan status", "scan_rate"), 1024u);
	for (u32 i = 0; i < 2 * kScanned / 256; ++i)
		ASSERT_NE(set.engine.scan_turn(), Scan::kIdle);
	EXPECT_EQ(set.number("scan status", "scan_passes"), 2u) << "without an end";
	ASSERT_EQ(set.send("scan stop"), 1);
	EXPECT_EQ(set.engine.scan_turn(), Scan::kIdle);
	set.suspend();
	ASSERT_EQ(set.resume(), Error::ok);
	EXPECT_EQ(set.engine.scan_turn(), Scan::kIdle) << "a stop holds";
	ASSERT_EQ(set.send("scan start"), 1);
	EXPECT_NE(set.engine.scan_turn(), Scan::kIdle);
}

TEST(Scan, PassesOverWhatIsKnown)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("relocate 0 1000"), 1);
	set.host.main.mark_unreadable(1100);
	EXPECT_EQ(set.stamp(1100), RemapSet::kFailed);
	ASSERT_EQ(pending(set), 1u);
	ASSERT_EQ(set.send("scan start"), 1);
	const auto pieces = looked(set, 3);
	ASSERT_GE(pieces.size(), 3u);
	EXPECT_EQ(pieces[0], (std::pair<Sector, u64>{1000, 100}));
	EXPECT_EQ(pieces[1], (std::pair<Sector, u64>{1101, 256}));
}

// As every message that changes something.
TEST(Scan, StartAndStopAreDurable)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("scan start"), 1);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_NE(set.engine.scan_turn(), Scan::kIdle);
	ASSERT_EQ(set.send("scan stop"), 1);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.engine.scan_turn(), Scan::kIdle);
	set.host.spare.write_status = IoStatus::io;
	EXPECT_EQ(set.refusal("scan start"), EROFS) << set.last_error();
	EXPECT_EQ(set.value("status", "mode"), "readonly");
}

TEST(Scan, GoesOnWhereItWas)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("scan start"), 1);
	EXPECT_EQ(looked(set, 10).back().first, 9u * 256);
	set.suspend();
	EXPECT_EQ(set.engine.scan_turn(), Scan::kIdle) << "none during a suspend";
	const u32 wakes = set.host.scan_wakes;
	ASSERT_EQ(set.resume(), Error::ok);
	EXPECT_GT(set.host.scan_wakes, wakes);
	EXPECT_EQ(looked(set, 1).back().first, 10u * 256);
	set.suspend();
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.value("scan status", "scan"), "running") << "also when it was made again";
	EXPECT_EQ(looked(set, 1).back().first, 11u * 256);
}

TEST(Scan, LooksAroundABadSectorFirst)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("scan start"), 1);
	(void)looked(set, 2);
	set.host.main.mark_unwritable(40000, 8);
	ASSERT_EQ(set.write(40000, 8, 1), IoStatus::ok);
	// A track on either side of it, without what has moved.
	const Sector from = (40000 - 2048) / 2048 * 2048;
	const Sector end = (40008 + 2048 + 2047) / 2048 * 2048;
	u64 sum = 0;
	for (;;) {
		const auto one = looked(set, 1);
		if (one.empty())
			continue;
		if (one[0].first < from)
			break;
		EXPECT_GE(one[0].first, from);
		EXPECT_LE(one[0].first + one[0].second, end);
		sum += one[0].second;
	}
	EXPECT_EQ(sum, end - from - 8);
}

TEST(Scan, LooksAroundWhatItFoundItself)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(40000);
	ASSERT_EQ(set.send("scan start"), 1);
	const Sector from = (40000 - 2048) / 2048 * 2048;
	const Sector end = (40001 + 2048 + 2047) / 2048 * 2048;
	(void)looked(set, 40000 / 256 + 1);
	ASSERT_EQ(pending(set), 1u);
	const auto pieces = looked(set, static_cast<u32>((end - from) / 256 + 1));
	u64 sum = 0;
	for (const auto &[first, count] : pieces)
		sum += count;
	EXPECT_EQ(pieces.front().first, from) << "from the beginning on";
	EXPECT_EQ(sum, end - from - 1);
	EXPECT_EQ(looked(set, 1).at(0).first, (40000 / 256 + 1) * 256u) << "and on with the pass";
}

TEST(Scan, LeavesADeviceAloneThatIsGone)
{
	RemapSet set(k512e);
	ASSERT_EQ(set.send("scan start"), 1);
	set.host.main.fail_all(IoStatus::transport);
	EXPECT_EQ(set.engine.scan_turn(), Scan::kLater);
	set.host.main.fail_all(IoStatus::io);
	EXPECT_EQ(set.engine.scan_turn(), Scan::kLater);
	EXPECT_EQ(set.value("health", "verdict"), "device");
	EXPECT_EQ(pending(set), 0u);
	EXPECT_EQ(set.engine.table().extents(), 0u);
	set.host.main.fail_all(IoStatus::ok);
	EXPECT_EQ(looked(set, 1).front().first, 0u) << "that piece again";
}

// A suspend does not wait for all the retries of a piece that is bad from end to end.
TEST(Scan, EndsWhereASuspendBegins)
{
	RemapSet set(k512e);
	set.host.main.mark_unreadable(0, 256);
	ASSERT_EQ(set.send("scan start"), 1);
	u32 reads = 0;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		if (call == HostCall::read && device == kMainDevice && ++reads == 20)
			set.engine.presuspend();
	};
	EXPECT_EQ(set.engine.scan_turn(), Scan::kIdle);
	EXPECT_LT(reads, 80u);
	EXPECT_GT(pending(set), 0u) << "what was found is kept";
	set.check_books();
}

TEST(Scan, PlacesThatComeFirst)
{
	Scan scan;
	Sector from, end;
	scan.set(true);
	scan.around(10000, 1, kScanned);
	scan.around(10001, 1, kScanned);
	EXPECT_EQ(scan.places(), 1u) << "not twice";
	scan.range(kScanned, &from, &end);
	EXPECT_EQ(from, 6144u);
	EXPECT_EQ(end, 12288u);
	scan.pass(end - from, kScanned, false);
	EXPECT_EQ(scan.places(), 0u);
	scan.around(5, 1, kScanned);
	scan.around(kScanned - 1, 1, kScanned);
	scan.range(kScanned, &from, &end);
	EXPECT_EQ(from, 0u);
	scan.pass(end, kScanned, false);
	scan.range(kScanned, &from, &end);
	EXPECT_EQ(end, kScanned);
	for (Sector at = 0; at < kScanned; at += 8192)
		scan.around(at, 1, kScanned);
	EXPECT_LE(scan.places(), 8u) << "no room: the pass comes there in the end";
}

} // namespace
} // namespace remap::test
