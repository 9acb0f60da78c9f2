// SPDX-License-Identifier: GPL-2.0-or-later
// One case for each rule of the table's interface.
#include "tests/unit/table_check.h"

namespace remap::test {
namespace {

constexpr State kActive = State::active;

class TableRules : public testing::Test {
protected:
	TableRules() : table_(platform_) { EXPECT_TRUE(table_.create(kTableSectors).ok()); }

	void add(Sector main, u64 length, Place place, bool boundary = true)
	{
		ASSERT_TRUE(table_.insert({main, length, place, kActive, boundary}).ok());
	}

	// A stretch of any length, as the steps of one message would add it.
	void add_long(Sector main, u64 length, Place place)
	{
		for (u64 done = 0; done < length;) {
			const u64 step = std::min(TestTable::kMaxCallSectors, length - done);
			add(main + done, step, place + done, done == 0);
			done += step;
		}
	}

	void expect(Sector at, u64 want, State state, Place place, u64 sectors)
	{
		const Answer answer = table_.lookup(at, want);
		EXPECT_EQ(static_cast<int>(answer.state), static_cast<int>(state)) << at;
		EXPECT_EQ(answer.place, place) << at;
		EXPECT_EQ(answer.sectors, sectors) << at;
	}

	void expect_added(Sector at, Sector start, u64 length)
	{
		Sector got_start = 0;
		u64 got_length = 0;
		EXPECT_TRUE(table_.added_extent(at, &got_start, &got_length)) << at;
		EXPECT_EQ(got_start, start) << at;
		EXPECT_EQ(got_length, length) << at;
	}

	u64 coarse_words()
	{
		u64 count = 0;
		table_.walk(
			[&](const Structure &s) { count += s.kind == Structure::Kind::coarse; });
		return count;
	}

	TestPlatform platform_;
	TestTable table_;
};

TEST_F(TableRules, AnEmptyTableAnswersForAllThatIsAsked)
{
	expect(0, 1, State::none, 0, 1);
	expect(5, kTableSectors - 5, State::none, 0, kTableSectors - 5);
	EXPECT_EQ(table_.buckets(), 64u);
	Extent extent;
	EXPECT_FALSE(table_.next(0, &extent));
}

TEST_F(TableRules, AnAnswerEndsWhereTheStateChanges)
{
	add(1000, 100, 5000);
	expect(990, 100, State::none, 0, 10);
	expect(1000, 4, kActive, 5000, 4);
	expect(1050, 200, kActive, 5050, 50);
	expect(1099, 1, kActive, 5099, 1);
	expect(1100, 300, State::none, 0, 300);
}

TEST_F(TableRules, PiecesOfOneExtentAreJoinedAcrossRegions)
{
	add(100, 2000, 7000);
	expect(100, 2000, kActive, 7000, 2000);
	expect(600, 4000, kActive, 7500, 1500);
}

TEST_F(TableRules, NeighboursContiguousOnBothSidesAnswerAsOne)
{
	add(10, 10, 500);
	add(20, 10, 510);
	expect(10, 50, kActive, 500, 20);
	expect_added(25, 20, 10);
	expect_added(19, 10, 10);
	EXPECT_EQ(table_.extents(), 2u);
}

TEST_F(TableRules, OverlapIsRefused)
{
	add(1000, 100, 5000);
	for (Sector at : {901, 950, 1000, 1050, 1099})
		EXPECT_EQ(table_.insert({at, 100, 0, kActive, true}).error(), Error::overlap) << at;
	add(900, 100, 0);
	add(1100, 100, 9000);
}

TEST_F(TableRules, PendingCountsAsTaken)
{
	ASSERT_TRUE(table_.assign({50, 8, 0, State::pending, false}).ok());
	EXPECT_EQ(table_.insert({57, 1, 0, kActive, true}).error(), Error::overlap);
	expect(50, 100, State::pending, 0, 8);
	EXPECT_EQ(table_.pending_sectors(), 8u);
	EXPECT_EQ(table_.mapped_sectors(), 0u);
	EXPECT_EQ(table_.extents(), 0u);
}

TEST_F(TableRules, WrongRangesAreRefused)
{
	EXPECT_EQ(table_.insert({0, 0, 0, kActive, true}).error(), Error::wrong_argument);
	EXPECT_EQ(table_.insert({0, 2049, 0, kActive, true}).error(), Error::wrong_argument);
	EXPECT_EQ(table_.insert({kTableSectors - 1, 2, 0, kActive, true}).error(), Error::out_of_range);
	EXPECT_EQ(table_.insert({~u64{0}, 2, 0, kActive, true}).error(), Error::out_of_range);
	EXPECT_EQ(table_.insert({0, 2, (u64{1} << kPlaceBits) - 1, kActive, true}).error(),
		  Error::wrong_argument);
	EXPECT_EQ(table_.insert({0, 2, 0, State::none, true}).error(), Error::wrong_argument);
	EXPECT_EQ(table_.remove(kTableSectors, 1).error(), Error::out_of_range);
	EXPECT_EQ(table_.set_state(0, 1, State::pending).error(), Error::wrong_argument);
	EXPECT_EQ(table_.pieces(), 0u);
}

TEST_F(TableRules, TheLastSectorsOfMainAndOfThePlaces)
{
	const Place last = (u64{1} << kPlaceBits) - 10;
	add(kTableSectors - 10, 10, last);
	expect(kTableSectors - 1, 1, kActive, last + 9, 1);
	expect(kTableSectors - 20, 20, State::none, 0, 10);
	ASSERT_TRUE(table_.remove(kTableSectors - 10, 10).ok());
	expect(kTableSectors - 20, 20, State::none, 0, 20);
}

TEST_F(TableRules, RemovingTheMiddleLeavesTwoAddedExtents)
{
	add(1000, 100, 5000);
	ASSERT_TRUE(table_.remove(1040, 20).ok());
	expect(1000, 100, kActive, 5000, 40);
	expect(1040, 100, State::none, 0, 20);
	expect(1060, 100, kActive, 5060, 40);
	expect_added(1010, 1000, 40);
	expect_added(1099, 1060, 40);
	EXPECT_EQ(table_.extents(), 2u);
	EXPECT_EQ(table_.mapped_sectors(), 80u);
}

TEST_F(TableRules, OfTwoAdjacentAddsOneCanBeRemoved)
{
	add(0, 256, 1000);
	add(256, 256, 1256);
	ASSERT_TRUE(table_.remove(0, 256).ok());
	expect(256, 256, kActive, 1256, 256);
	expect_added(300, 256, 256);
	EXPECT_EQ(table_.extents(), 1u);
}

TEST_F(TableRules, RemovingUpToARegionBorderMarksTheNextRegion)
{
	add(0, 1024, 1000);
	ASSERT_TRUE(table_.remove(0, 512).ok());
	EXPECT_EQ(table_.extents(), 1u);
	expect_added(700, 512, 512);
}

TEST_F(TableRules, MovingAPartKeepsTheAddedExtentWhole)
{
	add(1000, 100, 5000);
	ASSERT_TRUE(table_.assign({1000, 8, 9000, kActive, true}).ok());
	expect_added(1050, 1000, 100);
	ASSERT_TRUE(table_.assign({1040, 8, 9100, kActive, false}).ok());
	expect_added(1050, 1000, 100);
	expect(1032, 100, kActive, 5032, 8);
	expect(1040, 100, kActive, 9100, 8);
	expect(1048, 100, kActive, 5048, 52);
	EXPECT_EQ(table_.extents(), 1u);
}

TEST_F(TableRules, AnExtentPutIntoAnotherLeavesTwoParts)
{
	add(1000, 100, 5000);
	ASSERT_TRUE(table_.assign({1040, 8, 9000, kActive, true}).ok());
	expect_added(1000, 1000, 40);
	expect_added(1040, 1040, 8);
	expect_added(1099, 1048, 52);
	EXPECT_EQ(table_.extents(), 3u);
}

TEST_F(TableRules, PendingInTheMiddleSplits)
{
	add(1000, 100, 5000);
	ASSERT_TRUE(table_.assign({1040, 8, 0, State::pending, false}).ok());
	expect_added(1000, 1000, 40);
	expect_added(1099, 1048, 52);
	Sector start;
	u64 length;
	EXPECT_FALSE(table_.added_extent(1044, &start, &length));
	EXPECT_EQ(table_.extents(), 2u);
}

TEST_F(TableRules, SetStateTouchesOnlyWhatIsMapped)
{
	add(1000, 10, 5000);
	ASSERT_TRUE(table_.assign({1010, 10, 0, State::pending, false}).ok());
	ASSERT_TRUE(table_.set_state(990, 100, State::lost).ok());
	expect(990, 100, State::none, 0, 10);
	expect(1000, 100, State::lost, 5000, 10);
	expect(1010, 100, State::pending, 0, 10);
	EXPECT_EQ(table_.lost_sectors(), 10u);
	ASSERT_TRUE(table_.set_state(1003, 2, kActive).ok());
	EXPECT_EQ(table_.lost_sectors(), 8u);
	EXPECT_EQ(table_.extents(), 1u);
	expect_added(1009, 1000, 10);
}

TEST_F(TableRules, NextJoinsCutsAndStops)
{
	add(100, 2000, 7000);
	add(2100, 10, 9500, false);
	Extent e;
	ASSERT_TRUE(table_.next(0, &e));
	EXPECT_TRUE(same(e, {100, 2000, 7000, kActive, true})) << show(e);
	ASSERT_TRUE(table_.next(500, &e, 300));
	EXPECT_TRUE(same(e, {500, 300, 7400, kActive, false})) << show(e);
	ASSERT_TRUE(table_.next(2100, &e));
	EXPECT_TRUE(same(e, {2100, 10, 9500, kActive, false})) << show(e);
	EXPECT_FALSE(table_.next(2110, &e));
	expect_added(2105, 100, 2010);
}

TEST_F(TableRules, LongStretchesTakeOneWordPer8MiB)
{
	const u64 length = 16 * kCoarseSectors;
	const u64 before = table_.memory_bytes();
	add_long(kCoarseSectors, length, 1000);
	drain_limbo(table_);
	EXPECT_EQ(coarse_words(), 16u);
	EXPECT_EQ(table_.pieces(), 16u);
	EXPECT_EQ(table_.buckets(), 64u);
	EXPECT_LE(table_.memory_bytes(), before + 8192 + 2 * 4096);
	expect(kCoarseSectors, length, kActive, 1000, length);
	expect(kCoarseSectors + 77, 8, kActive, 1077, 8);
	expect_added(5 * kCoarseSectors, kCoarseSectors, length);
	check_structure(table_, platform_);

	ASSERT_TRUE(table_.remove(3 * kCoarseSectors + 300, 8).ok());
	expect_added(5 * kCoarseSectors, 3 * kCoarseSectors + 308, 14 * kCoarseSectors - 308);
	expect(3 * kCoarseSectors + 300, 16, State::none, 0, 8);
	EXPECT_EQ(coarse_words(), 15u);
	check_structure(table_, platform_);
}

TEST_F(TableRules, APromotionWithdrawnBeforeReadersLeaveKeepsItsSlots)
{
	platform_.hold_grace(true);
	add_long(0, kCoarseSectors, 1000);
	EXPECT_EQ(coarse_words(), 1u);
	ASSERT_TRUE(table_.assign({5, 1, 99, kActive, false}).ok());
	EXPECT_EQ(coarse_words(), 0u);
	ASSERT_TRUE(table_.assign({5, 1, 1005, kActive, false}).ok());
	EXPECT_EQ(coarse_words(), 1u);
	platform_.hold_grace(false);
	drain_limbo(table_);
	EXPECT_EQ(coarse_words(), 1u);
	expect(0, kCoarseSectors, kActive, 1000, kCoarseSectors);
	check_structure(table_, platform_);
}

// Readers that come in the middle of a demotion: whatever page is being rebuilt, they see all.
TEST_F(TableRules, ADemotionShowsNothingToReaders)
{
	u64 looks = 0, others = 0;
	add_long(0, kCoarseSectors, 1'000'000);
	for (int round = 0; round < 20; round++) {
		drain_limbo(table_);
		ASSERT_EQ(coarse_words(), 1u);
		// The dropped slots go, and pages fill up, so that some grow while slots are put
		// back.
		for (int i = 0; i < 64; i++, others++)
			add((u64{1} << 20) + others * 512, 8, others * 8);
		platform_.on_allocate = [&] {
			looks++;
			for (Sector at = 0; at < kCoarseSectors; at += 128) {
				const Answer answer = table_.lookup(at, 1);
				ASSERT_EQ(static_cast<int>(answer.state), static_cast<int>(kActive))
					<< at;
				ASSERT_EQ(answer.place, 1'000'000 + at);
			}
		};
		ASSERT_TRUE(table_.assign({1024, 256, 77, kActive, false}).ok());
		platform_.on_allocate = nullptr;
		ASSERT_EQ(coarse_words(), 0u);
		ASSERT_TRUE(table_.assign({1024, 256, 1'001'024, kActive, false}).ok());
	}
	EXPECT_GE(looks, 5u);
}

TEST_F(TableRules, EverythingIsFreedAtTheEnd)
{
	TestPlatform platform;
	{
		TestTable table(platform);
		ASSERT_TRUE(table.create(kTableSectors).ok());
		platform.hold_grace(true);
		for (Sector at = 0; at < 100'000; at += 2)
			ASSERT_TRUE(table.insert({at, 1, at, kActive, true}).ok());
		for (Sector at = 0; at < 90'000; at += 4)
			ASSERT_TRUE(table.remove(at, 1).ok());
		EXPECT_EQ(table.memory_bytes(), platform.bytes());
	}
	EXPECT_EQ(platform.bytes(), 0u);
	EXPECT_EQ(platform.blocks(), 0u);
}

TEST_F(TableRules, AParkedReaderDoesNotStopTheWriter)
{
	platform_.enter(0);
	for (int round = 0; round < 20; round++) {
		for (Sector at = 0; at < 1000; at++)
			ASSERT_TRUE(table_.insert({at * 1024, 8, at * 8, kActive, true}).ok());
		for (Sector at = 0; at < 1000; at++)
			ASSERT_TRUE(table_.remove(at * 1024, 8).ok());
	}
	EXPECT_TRUE(table_.tidy());
	const u64 parked = table_.memory_bytes();
	platform_.leave(0);
	drain_limbo(table_);
	EXPECT_LT(table_.memory_bytes(), parked / 4);
	check_structure(table_, platform_);
}

} // namespace
} // namespace remap::test
