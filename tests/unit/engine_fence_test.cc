// SPDX-License-Identifier: GPL-2.0-or-later
// Fences: inside a step no I/O touches the range, everything else passes, and what was held goes to
// the right place afterwards.
#include "core/engine/fence.h"

#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

TEST(FenceSet, CoversAndCuts)
{
	FenceSet fences;
	u32 length = 100;
	bool inside = true;
	EXPECT_FALSE(fences.any());
	EXPECT_FALSE(fences.covers(0, &length, &inside));
	EXPECT_FALSE(inside);
	const u32 first = fences.open(50, 20);
	EXPECT_TRUE(fences.any());
	EXPECT_TRUE(fences.covers(0, &length, &inside));
	EXPECT_FALSE(inside);
	EXPECT_EQ(length, 50u);
	length = 50;
	EXPECT_FALSE(fences.covers(0, &length, &inside));
	length = 100;
	EXPECT_TRUE(fences.covers(55, &length, &inside));
	EXPECT_TRUE(inside);
	EXPECT_EQ(length, 15u);
	length = 100;
	EXPECT_FALSE(fences.covers(70, &length, &inside));
	const u32 second = fences.open(30, 5);
	EXPECT_NE(first, second);
	EXPECT_TRUE(fences.covers(10, &length, &inside));
	EXPECT_EQ(length, 20u);
	fences.close(first);
	length = 100;
	EXPECT_FALSE(fences.covers(50, &length, &inside));
	EXPECT_EQ(length, 100u);
	EXPECT_TRUE(fences.any());
	fences.close(second);
	EXPECT_FALSE(fences.any());
}

TEST(FenceSet, AllOfThem)
{
	FenceSet fences;
	u32 number[FenceSet::kFences];
	for (u32 i = 0; i < FenceSet::kFences; ++i)
		number[i] = fences.open(i * 10, 5);
	for (u32 i = 0; i < FenceSet::kFences; ++i) {
		u32 length = 1;
		bool inside;
		EXPECT_TRUE(fences.covers(i * 10 + 4, &length, &inside));
		EXPECT_FALSE(fences.covers(i * 10 + 5, &length, &inside));
	}
	fences.close(number[7]);
	EXPECT_EQ(fences.open(1000, 1), number[7]);
}

// Issues I/O around [1000, 1100) at every hook of a message and checks it at the end.
class Prober {
public:
	explicit Prober(RemapSet &set) : set_(set)
	{
		// The steps of deferred writes have fences of their own.
		set.host.hook = [this](HostCall call, DeviceIndex, Sector sector, u64 count) {
			if (call == HostCall::drain)
				fenced_ = sector == 1000 && count == 100;
			if (fenced_)
				probe();
		};
	}

	void finish()
	{
		set_.host.hook = nullptr;
		EXPECT_GT(calls_, 0u);
		EXPECT_TRUE(set_.host.held.empty());
		for (const auto &io : held_) {
			EXPECT_TRUE(io->ended());
			EXPECT_EQ(io->result(), IoStatus::ok);
		}
		for (const auto &[sector, stamp] : newest_)
			EXPECT_EQ(set_.stamp(sector), stamp) << "sector " << sector;
		set_.check_books();
	}

private:
	void probe()
	{
		++calls_;
		EXPECT_TRUE(set_.engine.holds(1000, 1));
		EXPECT_TRUE(set_.engine.holds(1099, 1));
		EXPECT_TRUE(set_.engine.holds(900, 101));
		EXPECT_FALSE(set_.engine.holds(900, 100));
		EXPECT_FALSE(set_.engine.holds(1100, 100));
		write(998, 2, false);
		write(1100, 2, false);
		write(1000 + calls_ % 100, 1, true);
		write(990 + calls_ % 10, 20, true);
		// A read waits behind the writes before it.
		const auto read = set_.read(1050, 10);
		EXPECT_TRUE(set_.was_held);
		EXPECT_FALSE(read->ended());
		held_.push_back(read);
	}

	void write(Sector sector, u32 sectors, bool waits)
	{
		std::vector<Block> data;
		for (u32 i = 0; i < sectors; ++i) {
			data.push_back(Block::stamped(++stamp_));
			newest_[sector + i] = stamp_;
		}
		const auto io = set_.start(Op::write, sector, sectors, std::move(data));
		EXPECT_EQ(set_.was_held, waits);
		EXPECT_EQ(io->ended(), !waits);
		held_.push_back(io);
	}

	RemapSet &set_;
	bool fenced_ = false;
	u64 calls_ = 0;
	u64 stamp_ = 1 << 20;
	std::map<Sector, u64> newest_;
	std::vector<std::shared_ptr<UserIo>> held_;
};

TEST(EngineFence, HoldsThroughAddAndRemove)
{
	RemapSet set;
	for (const char *message : {"add_remap 1000 5000 100", "remove_remap 1000",
				    "relocate 1000 100", "clear_all", "add_remap 1000 400 100"}) {
		Prober prober(set);
		EXPECT_EQ(set.send(message), 1) << set.last_error();
		prober.finish();
	}
	EXPECT_GT(set.number("stats", "held"), 0u);
}

TEST(EngineFence, HoldsThroughAnAddAcrossTheMiddle)
{
	RemapSet set;
	const Sector place = set.engine.layout().border() - 50;
	Prober prober(set);
	EXPECT_EQ(set.send("add_remap 1000 " + std::to_string(place) + " 100"), 1);
	prober.finish();
}

TEST(EngineFence, HoldsThroughFailures)
{
	RemapSet set;
	set.host.spare.mark_unwritable(set.physical(5090));
	Prober prober(set);
	EXPECT_EQ(set.refusal("add_remap 1000 5000 100"), 5);
	prober.finish();
	ASSERT_EQ(set.send("relocate 1000 100"), 1);
	set.host.main.flush_status = IoStatus::io;
	Prober second(set);
	EXPECT_EQ(set.refusal("remove_remap 1000"), 5);
	second.finish();
}

TEST(EngineFence, HeldWriteToALostSectorRevivesIt)
{
	RemapSet set;
	Prober prober(set);
	EXPECT_EQ(set.send("add_remap 1000 5000 100 nocopy"), 1);
	set.host.hook = nullptr;
	EXPECT_LT(set.engine.table().lost_sectors(), 100u);
	set.check_books();
}

TEST(EngineFence, InFlightEndsBeforeTheCopy)
{
	RemapSet set;
	set.park = true;
	const auto inside = set.start(Op::write, 1050, 2, {Block::stamped(1), Block::stamped(2)});
	const auto outside = set.start(Op::write, 2000, 1, {Block::stamped(3)});
	EXPECT_FALSE(inside->ended());
	set.park = false;
	EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
	EXPECT_TRUE(inside->ended());
	EXPECT_FALSE(outside->ended());
	EXPECT_EQ(set.stamp(1051), 2u);
	// And the place is not given away below an I/O that was sent to it.
	set.park = true;
	const auto mapped = set.start(Op::write, 1050, 1, {Block::stamped(9)});
	set.park = false;
	EXPECT_EQ(set.send("remove_remap 1000"), 1);
	EXPECT_TRUE(mapped->ended());
	EXPECT_EQ(set.stamp(1050), 9u);
	set.host.finish(0, set.shape.main_sectors);
}

TEST(EngineFence, DeferredWriteFencesItsRange)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 100 nocopy"), 1);
	std::shared_ptr<UserIo> late;
	set.host.hook = [&](HostCall call, DeviceIndex, Sector, u64) {
		if (call != HostCall::flush)
			return;
		late = set.start(Op::write, 1000, 1, {Block::stamped(77)});
		EXPECT_TRUE(set.was_held);
	};
	EXPECT_EQ(set.write(1000, 100, 5), IoStatus::ok);
	set.host.hook = nullptr;
	ASSERT_TRUE(late && late->ended());
	EXPECT_EQ(set.stamp(1000), 77u);
	EXPECT_EQ(set.stamp(1001), 6u);
}

// Deferred, but before the worker came to it the range was moved back to main.
TEST(EngineFence, DeferredWriteLooksAgain)
{
	RemapSet set;
	ASSERT_EQ(set.send("add_remap 1000 5000 4 nocopy"), 1);
	auto io = std::make_shared<UserIo>();
	*io = {Op::write, 1000, 4, false, std::vector<Block>(4, Block::stamped(5)), {}, 1};
	Piece piece{io, 0, 4};
	ASSERT_EQ(set.engine.map(Op::write, 1000, 4).verdict, Verdict::defer);
	set.host.open = false;
	ASSERT_EQ(set.send("remove_remap 1000 stale-ok"), 1);
	EXPECT_EQ(set.engine.deferred_write(&piece, Op::write, 1000, 4), IoStatus::ok);
	EXPECT_EQ(set.stamp(1003), 5u);
	EXPECT_EQ(set.host.main.content(1003).stamp(), 5u);
}

}  // namespace
}  // namespace remap::test
