// SPDX-License-Identifier: GPL-2.0-or-later
// What waits goes on in order, and none is forgotten: on a model, and case by case.
//
// DMREMAP_SEED: the seed of the property; printed, so that a failure can be run again.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/unit/waiting_line_model.h"

namespace remap::test {
namespace {

u64 seed()
{
	const char *text = std::getenv("DMREMAP_SEED");
	return text && *text ? std::strtoull(text, nullptr, 0) : 20261126;
}

constexpr u32 kRuns = 300, kSteps = 600;

TEST(WaitingLineModel, ALineDoesWhatAModelDoes)
{
	std::printf("seed %llu\n", static_cast<unsigned long long>(seed()));
	u64 behind = 0, fenced = 0, kept = 0, recovered = 0;
	for (u32 i = 0; i < kRuns; ++i) {
		LineRun run(seed() + i, std::nullopt);
		ASSERT_EQ(run.go(kSteps), "") << "DMREMAP_SEED=" << seed() + i;
		behind += run.behind;
		fenced += run.fenced;
		kept += run.kept;
		recovered += run.recovered;
	}
	EXPECT_GT(behind, kRuns);
	EXPECT_GT(fenced, kRuns);
	EXPECT_GT(kept, kRuns);
	EXPECT_GT(recovered, kRuns);
}

TEST(WaitingLineModel, ALineThatLeavesOutARuleIsCaught)
{
	for (const Bug bug : {Bug::queue_overtaken, Bug::hand_overtaken, Bug::kept_overtaken,
			      Bug::writer_overtaken}) {
		std::string wrong;
		for (u32 i = 0; i < kRuns && wrong.empty(); ++i)
			wrong = LineRun(seed() + i, bug).go(kSteps);
		EXPECT_NE(wrong, "") << static_cast<int>(bug);
	}
}

Waiter write(Sector sector, u32 sectors)
{
	Waiter one;
	one.sector = sector;
	one.sectors = sectors;
	one.writes = true;
	return one;
}

Waiter read(Sector sector, u32 sectors)
{
	Waiter one = write(sector, sectors);
	one.writes = false;
	return one;
}

class Lines : public ::testing::Test {
protected:
	Lines() { fences.closed.resize(2000); }
	void fence(Sector sector, u32 sectors, bool closed = true)
	{
		for (u32 i = 0; i < sectors; ++i)
			fences.closed[sector + i] = closed;
	}
	HostCounters counters() const
	{
		HostCounters counted;
		line.add_to(&counted);
		return counted;
	}

	Planted sound;
	WaitingLine<Planted> line{sound};
	Fences fences;
};

TEST_F(Lines, WhoLiesInAFenceWaitsForItAloneAndReadsHaveNoOrder)
{
	fence(100, 8);
	Waiter first = read(100, 8), second = write(104, 2), other = write(108, 8);
	EXPECT_FALSE(line.wait_behind(first));
	EXPECT_TRUE(line.wait_fence(first, first.sectors, fences));
	EXPECT_FALSE(line.wait_behind(second));
	EXPECT_TRUE(line.wait_fence(second, second.sectors, fences));
	EXPECT_FALSE(line.wait_behind(other));
	EXPECT_FALSE(line.wait_fence(other, other.sectors, fences));
	EXPECT_EQ(counters().held, 2u);
	EXPECT_EQ(counters().held_outside, 0u);
}

TEST_F(Lines, AFenceThatOpenedMeanwhileHoldsNobody)
{
	fence(100, 8);
	Waiter front = write(104, 8), end = write(96, 8), with_a_gap = write(100, 8);
	EXPECT_FALSE(line.wait_fence(front, front.sectors, fences));
	EXPECT_FALSE(line.wait_fence(end, end.sectors, fences));
	Waiter rest = write(104, 8);
	EXPECT_TRUE(line.wait_fence(rest, 4, fences)) << "with what is behind the fence";
	fence(102, 4, false);
	EXPECT_TRUE(line.wait_fence(with_a_gap, with_a_gap.sectors, fences));
}

TEST_F(Lines, WhoComesAfterAFenceHasOpenedDoesNotOvertakeWhoWaitedForIt)
{
	fence(100, 8);
	Waiter old = write(100, 8), young = write(104, 8), reader = read(100, 8);
	ASSERT_TRUE(line.wait_fence(old, old.sectors, fences));
	fence(100, 8, false);
	EXPECT_TRUE(line.wait_behind(young));
	EXPECT_FALSE(line.wait_behind(reader));
	EXPECT_EQ(line.next(), &old);
	EXPECT_FALSE(line.must_wait(old));
	line.gone();
	EXPECT_EQ(line.next(), &young);
	EXPECT_FALSE(line.must_wait(young));
	line.gone();
	EXPECT_EQ(line.next(), nullptr);
}

// The first of three revives lost sectors; were the last one to find them alive and go at once, the first
// would come after it.
TEST_F(Lines, AWriteDoesNotOvertakeOneThatIsStillToBeDeferred)
{
	Waiter older = write(96, 8), deferred = write(100, 8), newest = write(102, 2);
	line.defer(older);
	ASSERT_TRUE(line.wait_behind(deferred));
	ASSERT_EQ(line.next(), &deferred);
	EXPECT_TRUE(line.must_wait(deferred));
	line.keep(deferred);
	EXPECT_EQ(line.next(), nullptr);
	ASSERT_EQ(line.next_to_write(), &older);
	EXPECT_EQ(line.next_to_write(), nullptr);
	line.written(older);
	ASSERT_EQ(line.next(), &deferred);
	EXPECT_FALSE(line.must_wait(deferred));
	EXPECT_TRUE(line.wait_behind(newest)) << "it is in hand";
	line.defer(deferred);
	line.gone();
	ASSERT_EQ(line.next(), &newest);
	EXPECT_TRUE(line.must_wait(newest)) << "the writer has it";
	line.keep(newest);
	EXPECT_EQ(counters().deferred, 2u);
}

// Two wait for the writer, the second of them wider; the end of the first brings a newer one.
TEST_F(Lines, WhoComesWhileOthersAreLookedAtWaitsForThemAndGoesOnInThisPass)
{
	Waiter revives = write(1000, 8), narrow = write(1000, 8), wide = write(1000, 16);
	Waiter late = write(1008, 8);
	line.defer(revives);
	ASSERT_TRUE(line.wait_behind(narrow));
	ASSERT_TRUE(line.wait_behind(wide));
	ASSERT_EQ(line.next_to_write(), &revives);
	line.written(revives);
	ASSERT_EQ(line.next(), &narrow);
	ASSERT_FALSE(line.must_wait(narrow));
	EXPECT_TRUE(line.wait_behind(late));
	line.gone();
	ASSERT_EQ(line.next(), &wide);
	ASSERT_FALSE(line.must_wait(wide));
	line.gone();
	ASSERT_EQ(line.next(), &late);
	ASSERT_FALSE(line.must_wait(late));
	line.gone();
	EXPECT_EQ(line.next(), nullptr);
	EXPECT_FALSE(line.spans(0, 2000));
}

TEST_F(Lines, OneThatIsKeptStaysInFrontOfThoseBehindIt)
{
	fence(100, 8);
	Waiter kept = write(100, 8), behind = write(104, 8), free = write(300, 8), last = write(110, 8);
	ASSERT_TRUE(line.wait_fence(kept, kept.sectors, fences));
	ASSERT_TRUE(line.wait_behind(behind));
	line.wait_turn(free);
	ASSERT_TRUE(line.wait_behind(last));
	for (u32 i = 0; i < 2; ++i) {
		ASSERT_EQ(line.next(), &kept);
		EXPECT_FALSE(line.must_wait(kept));
		line.keep(kept);
		ASSERT_EQ(line.next(), &behind);
		EXPECT_TRUE(line.must_wait(behind));
		line.keep(behind);
		if (!i) {
			ASSERT_EQ(line.next(), &free);
			EXPECT_FALSE(line.must_wait(free));
			line.gone();
		}
		ASSERT_EQ(line.next(), &last);
		EXPECT_TRUE(line.must_wait(last)) << "behind one that is behind";
		line.keep(last);
		ASSERT_EQ(line.next(), nullptr);
	}
	EXPECT_EQ(counters().held, 4u);
	EXPECT_EQ(counters().held_outside, 1u);
}

TEST_F(Lines, OneInHandWaitsAsAWholeAndKeepsOnlyItsRest)
{
	fence(104, 8);
	Waiter parts = write(100, 8), front = write(100, 2), back = write(106, 2), again = write(100, 2);
	line.wait_turn(parts);
	ASSERT_EQ(line.next(), &parts);
	parts.sector += 4; // sent
	parts.sectors -= 4;
	EXPECT_TRUE(line.wait_behind(front));
	EXPECT_TRUE(line.wait_behind(back));
	line.keep(parts);
	EXPECT_TRUE(line.wait_behind(again)) << "behind the one that came before it";
	ASSERT_EQ(line.next(), &front);
	EXPECT_FALSE(line.must_wait(front));
	line.gone();
	ASSERT_EQ(line.next(), &back);
	EXPECT_TRUE(line.must_wait(back));
	line.keep(back);
	ASSERT_EQ(line.next(), &again);
	EXPECT_FALSE(line.must_wait(again));
}

TEST_F(Lines, OneThatFailedInFrontOfWhatIsInHandIsWaitedFor)
{
	Waiter parts = write(100, 8), failed = write(104, 8);
	line.wait_turn(parts);
	ASSERT_EQ(line.next(), &parts);
	EXPECT_FALSE(line.must_wait(parts));
	line.recover(failed);
	parts.sector += 4;
	parts.sectors -= 4;
	EXPECT_TRUE(line.must_wait(parts));
}

TEST_F(Lines, TheWriterTakesThemInOrderAndEndsThemInAny)
{
	Waiter a = write(100, 8), b = read(200, 8), c = write(300, 8), behind = write(104, 8);
	line.defer(a);
	line.recover(b);
	ASSERT_EQ(line.next_to_write(), &a);
	ASSERT_EQ(line.next_to_write(), &b);
	ASSERT_EQ(line.next_to_write(), nullptr);
	line.written(b);
	line.recover(c);
	EXPECT_TRUE(line.wait_behind(behind));
	ASSERT_EQ(line.next_to_write(), &c);
	line.written(c);
	line.written(a);
	EXPECT_EQ(line.next_to_write(), nullptr);
	ASSERT_EQ(line.next(), &behind);
	EXPECT_FALSE(line.must_wait(behind));
	line.gone();
	EXPECT_EQ(counters().deferred, 1u);
}

TEST_F(Lines, TheSpanCoversAllWritesUntilNoneIsLeft)
{
	Waiter low = write(100, 8), high = write(900, 8), reader = read(10, 8);
	EXPECT_FALSE(line.spans(0, 2000));
	line.wait_turn(reader);
	EXPECT_FALSE(line.spans(0, 2000));
	line.wait_turn(high);
	EXPECT_FALSE(line.spans(100, 800));
	line.recover(low);
	EXPECT_TRUE(line.spans(500, 1)) << "it is a span";
	EXPECT_FALSE(line.spans(0, 100));
	EXPECT_FALSE(line.spans(908, 10));
	ASSERT_EQ(line.next(), &reader);
	line.gone();
	ASSERT_EQ(line.next(), &high);
	line.gone();
	EXPECT_TRUE(line.spans(904, 1));
	ASSERT_EQ(line.next_to_write(), &low);
	line.written(low);
	EXPECT_FALSE(line.spans(0, 2000));
	line.wait_turn(high);
	EXPECT_FALSE(line.spans(100, 8)) << "the span began anew";
}

TEST_F(Lines, FlushesWaitForTheirOwnDeviceAndGoOnInOrder)
{
	Waiter flushes[4];
	for (u8 i = 0; i < 4; ++i)
		flushes[i].device = i % 2;
	EXPECT_FALSE(line.hold_flush(flushes[0], fences));
	fences.closed_gates = 3;
	for (Waiter &one : flushes)
		EXPECT_TRUE(line.hold_flush(one, fences));
	EXPECT_EQ(counters().held, 4u);
	fences.asked = 0;
	EXPECT_EQ(line.next_flush(fences), nullptr);
	EXPECT_EQ(fences.asked, 2u) << "once for each device";
	fences.closed_gates = 1;
	EXPECT_EQ(line.next_flush(fences), &flushes[1]);
	EXPECT_EQ(line.next_flush(fences), &flushes[3]);
	EXPECT_EQ(line.next_flush(fences), nullptr);
	EXPECT_TRUE(line.hold_flush(flushes[1] = flushes[0], fences));
	fences.closed_gates = 0;
	EXPECT_EQ(line.next_flush(fences), &flushes[0]);
	EXPECT_EQ(line.next_flush(fences), &flushes[2]);
	EXPECT_EQ(line.next_flush(fences), &flushes[1]) << "it came last";
	EXPECT_EQ(line.next_flush(fences), nullptr);
	EXPECT_EQ(counters().held, 5u);
	line.clear_counters();
	EXPECT_EQ(counters().held, 0u);
	EXPECT_EQ(line.next(), nullptr) << "nobody else waits for them";
}

}  // namespace
}  // namespace remap::test
