// SPDX-License-Identifier: GPL-2.0-or-later
// add_remap and relocate: what is copied, what is lost, where it goes, and what a failure leaves.
#include <cerrno>
#include <set>

#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

constexpr Sector kStep = Engine<MemoryHost>::kStepSectors;

void expect_original(RemapSet &set, Sector from, u64 count)
{
	for (Sector at = from; at < from + count; ++at)
		ASSERT_EQ(set.stamp(at), RemapSet::original(at)) << "sector " << at;
}

// The sectors in [from, +count) that cannot be read.
std::set<Sector> failing(RemapSet &set, Sector from, u64 count)
{
	std::set<Sector> failed;
	for (Sector at = from; at < from + count; ++at)
		if (set.stamp(at) == RemapSet::kFailed)
			failed.insert(at);
	return failed;
}

TEST(EngineAdd, CopiesAndTells)
{
	RemapSet set;
	EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
	EXPECT_EQ(set.reply, "added 1000 -> 5000 (length: 100)");
	EXPECT_TRUE(set.host.logged("Added remap: 1000 -> 5000 (length: 100)"));
	expect_original(set, 990, 120);
	EXPECT_EQ(set.write(995, 110, 500), IoStatus::ok);
	for (u32 i = 0; i < 110; ++i)
		ASSERT_EQ(set.stamp(995 + i), 500u + i);
	// What is mapped went to the spare, the rest to main.
	EXPECT_EQ(set.host.main.content(1000).stamp(), RemapSet::original(1000));
	EXPECT_EQ(set.host.main.content(999).stamp(), 504u);
	EXPECT_EQ(set.host.spare.content(set.physical(5000)).stamp(), 505u);
	set.check_books();
}

TEST(EngineAdd, LosesExactlyTheUnreadableSectors)
{
	RemapSet set;
	const std::set<Sector> bad = {1000, 1001, 1017, 1050, 1099};
	for (const Sector sector : bad)
		set.host.main.mark_unreadable(sector);
	EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
	EXPECT_EQ(failing(set, 990, 120), bad);
	EXPECT_EQ(set.engine.table().lost_sectors(), bad.size());
	EXPECT_EQ(set.engine.table().extents(), 1u);
	EXPECT_EQ(set.number("stats", "lost_sectors_found"), bad.size());
	EXPECT_EQ(set.number("stats", "copied_sectors"), 95u);
	set.check_books();
}

TEST(EngineAdd, LosesWholeBlocksOfALargeBlockDevice)
{
	RemapSet set({.block_sectors = 8});
	set.host.main.mark_unreadable(1603);
	EXPECT_EQ(set.send("add_remap 1600 800 16"), 1);
	EXPECT_EQ(failing(set, 1600, 16),
		  (std::set<Sector>{1600, 1601, 1602, 1603, 1604, 1605, 1606, 1607}));
	set.check_books();
}

TEST(EngineAdd, NocopyLosesAllAndReadsNothing)
{
	RemapSet set;
	EXPECT_EQ(set.send("add_remap 1000 5000 100 nocopy"), 1);
	EXPECT_EQ(set.host.main.reads, 0u);
	EXPECT_TRUE(set.data_written().empty());
	EXPECT_EQ(failing(set, 990, 120).size(), 100u);
	EXPECT_EQ(set.engine.table().lost_sectors(), 100u);
}

TEST(EngineAdd, CopyIsStableBeforeItIsVisible)
{
	RemapSet set;
	EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
	set.host.spare.crash();
	set.host.main.crash();
	expect_original(set, 1000, 100);
	EXPECT_EQ(set.send("relocate 3000 5000"), 1);
	set.host.spare.crash();
	expect_original(set, 3000, 5000);
}

TEST(EngineAdd, FaultOfTheSectorWithoutAReasonNeedsAnAnswerElsewhere)
{
	for (const IoStatus status : {IoStatus::io, IoStatus::target}) {
		RemapSet set;
		set.host.main.mark_unreadable(1010, 3, status);
		EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
		EXPECT_EQ(failing(set, 1000, 100), (std::set<Sector>{1010, 1011, 1012}));
	}
}

TEST(EngineAdd, ErrorsOfThePathRefuse)
{
	for (const IoStatus status :
	     {IoStatus::transport, IoStatus::timeout, IoStatus::resource, IoStatus::protection,
	      IoStatus::not_supported, IoStatus::no_space, IoStatus::interrupted}) {
		RemapSet set;
		set.host.main.mark_unreadable(1010, 1, status);
		const Snapshot before = set.snapshot();
		EXPECT_EQ(set.refusal("add_remap 1000 5000 100"), EIO) << text_of(status);
		EXPECT_NE(set.last_error().find("sector 1010"), std::string::npos)
			<< set.last_error();
		set.expect_same(before, false);
		EXPECT_EQ(set.refusal("relocate 1000 100"), EIO);
		set.expect_same(before, false);
	}
}

TEST(EngineAdd, WholeDeviceFailingRefuses)
{
	for (const IoStatus status : {IoStatus::io, IoStatus::target, IoStatus::transport}) {
		RemapSet set;
		set.host.main.read_status = status;
		const Snapshot before = set.snapshot();
		EXPECT_EQ(set.refusal("add_remap 1000 5000 100"), EIO);
		EXPECT_EQ(set.refusal("relocate 1000 100"), EIO);
		set.expect_same(before);
	}
}

TEST(EngineAdd, SpareFailingRefuses)
{
	RemapSet set;
	const Snapshot before = set.snapshot();
	set.host.spare.mark_unwritable(set.physical(5050));
	EXPECT_EQ(set.refusal("add_remap 1000 5000 100"), EIO);
	EXPECT_EQ(set.last_error(),
		  "add_remap: the spare cannot be written (unreadable or unwritable sector)");
	set.expect_same(before, false);
	set.host.spare.unwritable.clear();
	set.host.spare.flush_status = IoStatus::io;
	EXPECT_EQ(set.refusal("add_remap 1000 5000 100"), EIO);
	EXPECT_EQ(set.last_error(),
		  "add_remap: the spare cannot be flushed (I/O error without a reason)");
	set.expect_same(before, false);
	set.host.spare.flush_status = IoStatus::ok;
	EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
}

TEST(EngineAdd, IdenticalAgainIsRefused)
{
	RemapSet set;
	EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
	EXPECT_EQ(set.refusal("add_remap 1000 5000 100"), EEXIST);
	EXPECT_EQ(set.send("add_remap 10000 7000 4096"), 1);
	EXPECT_EQ(set.refusal("add_remap 10000 7000 4096"), EEXIST);
	EXPECT_EQ(set.refusal("relocate 10000 4096"), EEXIST);
	set.check_books();
}

TEST(EngineAdd, AcrossTheMiddleSite)
{
	RemapSet set;
	const Layout &layout = set.engine.layout();
	const Sector border = layout.border();
	const Sector place = border - 30;
	EXPECT_EQ(set.send("add_remap 1000 " + std::to_string(place) + " 100"), 1);
	EXPECT_EQ(set.engine.table().extents(), 1u);
	EXPECT_EQ(set.number("stats", "added"), 1u);
	expect_original(set, 1000, 100);
	EXPECT_EQ(set.write(1000, 100, 9000), IoStatus::ok);
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.stamp(1000 + i), 9000u + i);
	EXPECT_EQ(set.data_written().size(), 100u);
	for (const auto &[sector, block] : set.data_written()) {
		EXPECT_EQ(block.stamp(), 9000 + (sector < layout.middle_site()
							 ? sector - (layout.middle_site() - 30)
							 : sector - (layout.middle_site() + 16) + 30));
	}
	set.check_books();
	EXPECT_EQ(set.send("remove_remap 1050"), 1);
	EXPECT_EQ(set.reply, "removed 1000 (length: 100)");
	for (u32 i = 0; i < 100; ++i)
		ASSERT_EQ(set.host.main.content(1000 + i).stamp(), 9000u + i);
	set.check_books();
}

TEST(EngineAdd, FailureBehindTheMiddleSiteLeavesNothing)
{
	RemapSet set;
	const Sector place = set.engine.layout().border() - 30;
	const Snapshot before = set.snapshot();
	set.host.spare.mark_unwritable(set.physical(place + 60));
	EXPECT_EQ(set.refusal("add_remap 1000 " + std::to_string(place) + " 100"), EIO);
	set.expect_same(before, false);
	EXPECT_EQ(set.number("stats", "added"), 0u);
	EXPECT_EQ(set.status_line().find(" 0/0/0 ") == std::string::npos, false);
}

TEST(EngineAdd, ContinuesWhereItWasInterrupted)
{
	for (const char *kind : {"add_remap 100 200 ", "relocate 100 "}) {
		RemapSet set;
		const std::string message = kind + std::to_string(5 * kStep + 7);
		u32 drains = 0;
		set.host.hook = [&](HostCall call, DeviceIndex, Sector, u64) {
			drains += call == HostCall::drain;
			set.host.stop = drains == 3;
		};
		EXPECT_EQ(set.refusal(message), EINTR);
		EXPECT_NE(set.last_error().find("what was finished before is kept"),
			  std::string::npos);
		EXPECT_EQ(set.engine.table().mapped_sectors(), 2 * kStep);
		set.host.hook = nullptr;
		set.host.stop = false;
		set.check_books();
		EXPECT_EQ(set.send(message), 1) << set.last_error();
		const u64 first = set.extents()[0].place;
		EXPECT_NE(set.reply.find(" 100 -> " + std::to_string(first) + " (length"),
			  std::string::npos)
			<< set.reply;
		EXPECT_EQ(set.engine.table().mapped_sectors(), 5 * kStep + 7);
		EXPECT_EQ(set.engine.table().extents(), 1u);
		expect_original(set, 100, 5 * kStep + 7);
		set.check_books();
		EXPECT_EQ(set.refusal(message), EEXIST);
		EXPECT_EQ(set.send("remove_remap 5000"), 1);
		EXPECT_EQ(set.reply, "removed 100 (length: " + std::to_string(5 * kStep + 7) + ")");
	}
}

TEST(EngineAdd, SaysHowFarItCame)
{
	RemapSet set;
	const Sector bad = set.engine.layout().physical(2048 + 500);
	set.host.spare.mark_unwritable(bad);
	EXPECT_EQ(set.refusal("add_remap 0 0 6000"), EIO);
	EXPECT_EQ(set.last_error().find("add_remap: 2048 of 6000 sectors are done; then: the spare "
					"cannot be written"),
		  0u)
		<< set.last_error();
	EXPECT_EQ(set.engine.table().mapped_sectors(), 2048u);
	set.check_books();
}

TEST(EngineAdd, StopInTheMiddleOfAStepLeavesTheStep)
{
	RemapSet set;
	const Snapshot before = set.snapshot();
	u32 writes = 0;
	set.host.hook = [&](HostCall call, DeviceIndex, Sector, u64) {
		writes += call == HostCall::write;
		set.host.stop = writes >= 3;
	};
	EXPECT_EQ(set.refusal("add_remap 100 200 2000"), EINTR);
	EXPECT_LT(writes, 5u);
	set.host.hook = nullptr;
	set.expect_same(before, false);
}

TEST(EngineAdd, SuspendEndsALongMessage)
{
	RemapSet set;
	set.host.hook = [&](HostCall call, DeviceIndex device, Sector, u64) {
		if (call == HostCall::flush && device == kFirstSpare)
			set.engine.presuspend();
	};
	EXPECT_EQ(set.refusal("relocate 100 10000"), EINTR);
	EXPECT_EQ(set.engine.table().mapped_sectors(), kStep);
	set.host.hook = nullptr;
	set.check_books();
}

TEST(EngineRelocate, FollowsItselfAndFillsHoles)
{
	RemapSet set;
	EXPECT_EQ(set.send("relocate 1000 10"), 1);
	EXPECT_EQ(set.reply, "relocated 1000 -> 0 (length: 10)");
	EXPECT_EQ(set.send("relocate 1010 10"), 1);
	EXPECT_EQ(set.reply, "relocated 1010 -> 10 (length: 10)");
	EXPECT_EQ(set.engine.table().extents(), 2u);
	EXPECT_TRUE(set.host.logged("Added remap: 1010 -> 10 (length: 10)"));
}

TEST(EngineRelocate, FragmentedSpareInPiecesAsOneExtent)
{
	RemapSet set({.spare_sectors = 2048});
	const Sector total = set.data_sectors();
	// Every second run of 8 sectors is taken.
	for (Sector place = 0; place + 8 <= total; place += 16)
		ASSERT_EQ(set.send("add_remap " + std::to_string(20000 + place) + " " +
				   std::to_string(place) + " 8"),
			  1);
	const u64 free = total - set.spare_used();
	ASSERT_GT(free, 100u);
	const u64 extents = set.engine.table().extents();
	const Snapshot before = set.snapshot();
	EXPECT_EQ(set.refusal("relocate 1000 " + std::to_string(free + 1)), ENOSPC);
	set.expect_same(before);
	EXPECT_EQ(set.send("relocate 1000 " + std::to_string(free)), 1) << set.last_error();
	EXPECT_EQ(set.engine.table().extents(), extents + 1);
	EXPECT_EQ(set.spare_used(), total);
	expect_original(set, 1000, free);
	set.check_books();
	EXPECT_EQ(set.refusal("relocate 5000 1"), ENOSPC);
	EXPECT_EQ(set.send("remove_remap 1000"), 1);
	EXPECT_EQ(set.reply, "removed 1000 (length: " + std::to_string(free) + ")");
	set.check_books();
}

TEST(EngineRelocate, FailureInALaterPieceLeavesNothing)
{
	RemapSet set({.spare_sectors = 2048});
	for (Sector place = 0; place + 8 <= set.data_sectors(); place += 16)
		ASSERT_EQ(set.send("add_remap " + std::to_string(20000 + place) + " " +
				   std::to_string(place) + " 8 nocopy"),
			  1);
	set.host.lines.clear();
	const Snapshot before = set.snapshot();
	set.host.spare.mark_unwritable(set.physical(43));
	EXPECT_EQ(set.refusal("relocate 1000 64"), EIO);
	set.expect_same(before, false);
	EXPECT_FALSE(set.host.logged("Added remap: 1000"));
}

TEST(EngineRelocate, FillsTheWholeSpare)
{
	RemapSet set;
	const u64 total = set.data_sectors();
	EXPECT_EQ(set.send("relocate 5 " + std::to_string(total)), 1) << set.last_error();
	EXPECT_EQ(set.engine.table().extents(), 1u);
	EXPECT_EQ(set.spare_used(), total);
	const auto io = set.read(5, static_cast<u32>(total));
	EXPECT_EQ(io->result(), IoStatus::ok);
	for (u64 i = 0; i < total; ++i)
		ASSERT_EQ(io->data[i].stamp(), RemapSet::original(5 + i));
	EXPECT_EQ(set.data_written().size(), total);
	set.check_books();
	// None of it went to the metadata.
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.added(), (std::vector<Added>{{5, total}}));
	set.check_books();
}

}  // namespace
}  // namespace remap::test
