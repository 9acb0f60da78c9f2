// SPDX-License-Identifier: GPL-2.0-or-later
// Checkpoints go on beside commits, the ring wraps, and what all that costs is bounded.
#include <cerrno>
#include <random>

#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

// Counts what goes to the spare by region.
struct Meter {
	explicit Meter(RemapSet &set) : set(set)
	{
		set.host.hook = [this](HostCall call, DeviceIndex device, Sector at, u64 count) {
			note(call, device, at, count);
		};
	}
	~Meter() { set.host.hook = nullptr; }
	void note(HostCall call, DeviceIndex device, Sector at, u64 count)
	{
		flushes[device] += call == HostCall::flush;
		if (device != kFirstSpare || call != HostCall::write || set.is_data(at))
			return;
		metadata += count;
		const Layout &layout = set.engine.layout();
		for (u32 copy = 0; copy < kCopies; ++copy) {
			const Region region = journal_region(layout, copy);
			if (at >= region.from && at < region.from + region.count)
				journal += count;
		}
	}
	RemapSet &set;
	u64 flushes[2] = {};
	u64 metadata = 0; // sectors
	u64 journal = 0;
};

TEST(JournalCheckpoint, RingWrapsManyTimesWhileThingsChange)
{
	std::mt19937_64 random(15);
	RemapSet set;
	for (u32 i = 0; i < 3000; ++i) {
		const std::string at = std::to_string(random() % 2000 * 30);
		(void)set.refusal((random() % 3 ? "relocate " + at + " 3" : "remove_remap " + at));
		if (i % 97 != 0)
			continue;
		const Remembered before(set);
		ASSERT_EQ(set.crash_and_reload(), Error::ok) << i << ": " << set.sentence;
		before.expect_in(set);
		set.check_books();
		expect_copies_equal(set);
	}
	EXPECT_GT(set.engine.journal().journal_end(), 20 * 64u);
}

TEST(JournalCheckpoint, SurvivesWithoutALoadForManyLaps)
{
	RemapSet set;
	for (u32 i = 0; i < 2000; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(30 * i) + " 3"), 1);
	EXPECT_GT(set.number("stats", "checkpoints"), 20u);
	EXPECT_LE(set.number("status", "journal_used"), set.number("status", "journal_total"));
	const Remembered before(set);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	before.expect_in(set);
	EXPECT_EQ(before.added.size(), 2000u);
}

TEST(JournalCheckpoint, SyncEmptiesTheJournal)
{
	RemapSet set;
	const u64 free = set.number("status", "journal_used"); // the load left it so
	EXPECT_EQ(free, 1u);
	for (u32 i = 0; i < 10; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(30 * i) + " 3"), 1);
	EXPECT_EQ(set.number("status", "journal_used"), free + 10);
	ASSERT_EQ(set.send("sync"), 1);
	EXPECT_EQ(set.number("status", "journal_used"), 0u);
	ASSERT_EQ(set.crash_and_reload(), Error::ok);
	EXPECT_EQ(set.added().size(), 10u);
}

// 10^3 extents, then as many changes again.
TEST(JournalCost, AtMostThreeBytesForEachByteOfJournal)
{
	RemapSet set({.blank = true});
	for (u32 i = 0; i < 1000; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(60 * i) + " 3"), 1);
	Meter meter(set);
	u64 most = 0;
	for (u32 i = 0; i < 1500; ++i) {
		const u64 before = meter.metadata;
		const std::string at = std::to_string(60 * (i / 2 % 1000));
		ASSERT_EQ(set.send(i % 2 ? "relocate " + at + " 3" : "remove_remap " + at), 1);
		most = std::max(most, meter.metadata - before);
	}
	EXPECT_LE(meter.metadata, 3 * meter.journal)
		<< meter.metadata << " sectors in all, " << meter.journal << " of journal";
	// A block of journal, two or three of a checkpoint, in two copies, and three sites.
	EXPECT_LE(most, (2 * (1 + 3) + 3) * kBlockSectors);
}

TEST(JournalCost, FlushesOfEachMessage)
{
	RemapSet set({.blank = true});
	const auto cost = [&](const std::string &message, u64 main, u64 spare) {
		Meter meter(set);
		EXPECT_EQ(set.send(message), 1) << message;
		EXPECT_EQ(meter.flushes[kMainDevice], main) << message;
		EXPECT_EQ(meter.flushes[kFirstSpare], spare) << message;
	};
	cost("add_remap 1000 5000 100", 0, 2); // the data's own, and the record's
	cost("add_remap 2000 6000 100 nocopy", 0, 1);
	cost("relocate 3000 100", 0, 2);
	cost("remove_remap 1000", 1, 1);
	Meter meter(set);
	EXPECT_EQ(set.write(2000, 100, 1), IoStatus::ok);
	EXPECT_EQ(meter.flushes[kFirstSpare], 2u);
	EXPECT_EQ(set.write(2000, 100, 1), IoStatus::ok);
	EXPECT_EQ(meter.flushes[kFirstSpare], 2u) << "a plain write needs no record";
}

TEST(JournalLimit, MaxExtentsCountsStretchesAlsoWhenTheySplit)
{
	RemapSet set({.max_extents = 64});
	ASSERT_EQ(set.number("status", "max_extents"), 64u);
	ASSERT_EQ(set.send("relocate 0 100"), 1);
	for (u32 i = 1; i < 64; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(200 * i) + " 3"), 1) << i;
	EXPECT_EQ(set.number("status", "metadata_used"), 64u);
	EXPECT_EQ(set.refusal("relocate 60000 1"), ENOSPC);
	EXPECT_EQ(set.refusal("remove_remap 50 10"), ENOSPC) << "one would become two";
	EXPECT_EQ(set.send("remove_remap 90 10"), 1) << set.last_error();
	EXPECT_EQ(set.number("status", "metadata_used"), 64u);
	const Remembered before(set);
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	before.expect_in(set);
	EXPECT_EQ(set.number("status", "max_extents"), 64u);
	EXPECT_EQ(set.refusal("relocate 60000 1"), ENOSPC);
	set.check_books();
}

}  // namespace
}  // namespace remap::test
