// SPDX-License-Identifier: GPL-2.0-or-later
// SpareSpace against a plain vector of blocks.
#include "core/spare/space.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/memory_host.h"

namespace remap::test {
namespace {

constexpr u64 kChunk = SpareChunk::kBlocks;

class SpareSpaceTest : public ::testing::TestWithParam<u32> {
protected:
	MemoryHost host{8, 8};
};

TEST_P(SpareSpaceTest, HandsOutOneAfterTheOther)
{
	const u32 block = GetParam();
	SpareSpace<MemoryHost> space(host);
	ASSERT_TRUE(space.create(100 * block, block).ok());
	EXPECT_EQ(space.total_sectors(), 100u * block);
	for (u32 i = 0; i < 50; ++i) {
		const auto run = space.allocate(2 * block);
		ASSERT_TRUE(run.ok());
		EXPECT_EQ(run.value().start, 2 * i * block);
		EXPECT_EQ(run.value().length, 2 * block);
	}
	EXPECT_EQ(space.free_sectors(), 0u);
	EXPECT_EQ(space.allocate(block).error(), Error::spare_full);
	space.release(10 * block, block);
	const auto run = space.allocate(5 * block);
	ASSERT_TRUE(run.ok());
	EXPECT_EQ(run.value().start, 10 * block);
	EXPECT_EQ(run.value().length, block);
	space.release(0, 100 * block);
	EXPECT_EQ(space.used_sectors(), 0u);
}

// Only what is open is handed out, and counts; what is taken elsewhere stays known.
TEST_P(SpareSpaceTest, StretchesOpenAndClose)
{
	const u32 block = GetParam();
	SpareSpace<MemoryHost> space(host);
	ASSERT_TRUE(space.create(1000 * block, block).ok());
	ASSERT_TRUE(space.take(100 * block, 10 * block).ok());
	space.close_all();
	EXPECT_EQ(space.total_sectors(), 0u);
	EXPECT_EQ(space.allocate(block).error(), Error::spare_full);
	space.open(90 * block, 30 * block);
	space.open(500 * block, 5 * block);
	EXPECT_EQ(space.total_sectors(), 35u * block);
	EXPECT_EQ(space.used_sectors(), 10u * block);
	EXPECT_EQ(space.used_in(0, 1000 * block), 10u * block);
	EXPECT_TRUE(space.is_open(90 * block, 30 * block));
	EXPECT_FALSE(space.is_open(89 * block, 2 * block));
	EXPECT_FALSE(space.is_open(119 * block, 2 * block));
	std::vector<bool> seen(1000);
	for (u32 i = 0; i < 25; ++i) {
		const auto run = space.allocate(block);
		ASSERT_TRUE(run.ok()) << i;
		const u64 at = run.value().start / block;
		EXPECT_TRUE((at >= 90 && at < 100) || (at >= 110 && at < 120) || (at >= 500 && at < 505));
		EXPECT_FALSE(seen[at]);
		seen[at] = true;
	}
	EXPECT_EQ(space.allocate(block).error(), Error::spare_full);
	EXPECT_EQ(space.free_sectors(), 0u);
	// A release where it is closed counts once it is open.
	space.close_all();
	space.release(500 * block, 5 * block);
	space.open(500 * block, 5 * block);
	EXPECT_EQ(space.free_sectors(), 5u * block);
}

TEST_P(SpareSpaceTest, AgreesWithAPlainVector)
{
	const u32 block = GetParam();
	const u64 blocks = 2 * kChunk + 1000;
	SpareSpace<MemoryHost> space(host);
	ASSERT_TRUE(space.create(blocks * block, block).ok());
	std::vector<bool> used(blocks);
	std::mt19937_64 random(GetParam());
	u64 count = 0;
	const auto set = [&](u64 first, u64 length, bool to) {
		for (u64 i = first; i < first + length; ++i) {
			ASSERT_NE(used[i], to);
			used[i] = to;
		}
		count += to ? length : u64{0} - length;
	};
	for (u32 i = 0; i < 20000; ++i) {
		const u64 border = (random() % 3) * kChunk;
		const u64 first = random() % 4 ? random() % blocks
					       : std::min(blocks - 1, border + random() % 200);
		const u64 length = std::min(blocks - first, 1 + random() % 300);
		const u64 same = std::find(used.begin() + static_cast<long>(first),
					   used.begin() + static_cast<long>(first + length),
					   !used[first]) -
				 (used.begin() + static_cast<long>(first));
		ASSERT_EQ(space.is_free(first * block, length * block),
			  !used[first] && same == length);
		if (random() % 3 == 0) {
			const auto run = space.allocate(length * block);
			ASSERT_TRUE(run.ok());
			ASSERT_LE(run.value().length, length * block);
			set(run.value().start / block, run.value().length / block, true);
		} else if (used[first]) {
			space.release(first * block, same * block);
			set(first, same, false);
		} else {
			ASSERT_TRUE(space.take(first * block, same * block).ok());
			set(first, same, true);
		}
		ASSERT_EQ(space.used_sectors(), count * block);
	}
}

INSTANTIATE_TEST_SUITE_P(Blocks, SpareSpaceTest, ::testing::Values(1u, 8u));

TEST(SpareSpace, EmptyChunksCostNothing)
{
	MemoryHost host(8, 8);
	SpareSpace<MemoryHost> space(host);
	ASSERT_TRUE(space.create(100 * kChunk, 1).ok());
	EXPECT_EQ(host.allocations_live(), 1u);
	ASSERT_TRUE(space.take(kChunk - 5, 10).ok());
	EXPECT_EQ(host.allocations_live(), 3u);
	space.release(kChunk - 5, 5);
	EXPECT_EQ(host.allocations_live(), 2u);
	space.release(kChunk, 5);
	EXPECT_EQ(host.allocations_live(), 1u);
}

TEST(SpareSpace, NoMemoryChangesNothing)
{
	MemoryHost host(8, 8);
	SpareSpace<MemoryHost> space(host);
	ASSERT_TRUE(space.create(4 * kChunk, 1).ok());
	for (u64 nth = 1; nth <= 3; ++nth) {
		host.faults.arm(nth, AllocationFaults::kNever);
		const Status taken = space.take(kChunk - 1, kChunk + 2);
		if (!taken.ok()) {
			EXPECT_EQ(taken.error(), Error::no_memory);
			EXPECT_EQ(space.used_sectors(), 0u);
			EXPECT_TRUE(space.is_free(0, 4 * kChunk));
		} else {
			space.release(kChunk - 1, kChunk + 2);
		}
	}
	host.faults.disarm();
	ASSERT_TRUE(space.take(kChunk - 1, kChunk + 2).ok());
	// A run ends at a chunk's end at the latest.
	const auto run = space.allocate(3 * kChunk);
	ASSERT_TRUE(run.ok());
	EXPECT_EQ(run.value().start, 0u);
	EXPECT_EQ(run.value().length, kChunk - 1);
}

}  // namespace
}  // namespace remap::test
