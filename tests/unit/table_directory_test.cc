// SPDX-License-Identifier: GPL-2.0-or-later
// Linear hashing from inside: a reader that computed its page with an older count still arrives.
#include <gtest/gtest.h>

#include <vector>

#include "core/table/directory.h"
#include "tests/unit/test_platform.h"

namespace remap::test {
namespace {

class TableDirectory : public testing::Test {
protected:
	TableDirectory() : memory_(platform_), limbo_(memory_), pages_(memory_, limbo_)
	{
		EXPECT_TRUE(pages_.create().ok());
	}
	~TableDirectory() override
	{
		limbo_.free_all();
		pages_.destroy();
		EXPECT_EQ(platform_.bytes(), 0u);
	}

	static u64 region(u64 i) { return i * 7919; }
	static Word word(u64 i) { return pack_piece(0, 8, i, State::active, true); }

	void put(u64 i)
	{
		ASSERT_TRUE(pages_.reserve(region(i), 1).ok());
		pages_.put(region(i), word(i));
		pages_.settle();
	}

	// The page of a hash when there were `pages`.
	static u64 index_among(u64 hash, u64 pages)
	{
		u64 mask = 1;
		while (mask < pages)
			mask *= 2;
		const u64 index = hash & (mask - 1);
		return index < pages ? index : index & ((mask - 1) >> 1);
	}

	TestPlatform platform_;
	Memory<TestPlatform> memory_;
	Limbo<TestPlatform> limbo_;
	Directory<TestPlatform> pages_;
};

TEST_F(TableDirectory, EveryOlderCountLeadsToTheSlot)
{
	constexpr u64 kRegions = 20'000;
	for (u64 i = 0; i < kRegions; i++)
		put(i);
	ASSERT_GT(pages_.pages(), 50u);
	for (u64 i = 0; i < kRegions; i += 7) {
		for (u64 pages = 1; pages <= pages_.pages(); pages += 1 + pages / 8) {
			const u64 hash = hash_of(region(i));
			const u64 index = index_among(hash, pages);
			ASSERT_EQ(pages_.get_from(index, hash, region(i)), word(i)) << pages;
			const u64 absent = region(i) + 1;
			const u64 other = index_among(hash_of(absent), pages);
			ASSERT_EQ(pages_.get_from(other, hash_of(absent), absent), 0u) << pages;
		}
	}
}

// Merged pages stay readable as they were when they were merged, until readers have left.
TEST_F(TableDirectory, AReaderWithACountFromBeforeTheMergesArrivesToo)
{
	constexpr u64 kRegions = 5'000;
	for (u64 i = 0; i < kRegions; i++)
		put(i);
	const u64 before = pages_.pages();
	platform_.hold_grace(true);
	for (u64 i = 0; i < kRegions - 100; i++) {
		pages_.clear(region(i));
		pages_.settle();
	}
	ASSERT_EQ(pages_.pages(), 1u);
	for (u64 i = kRegions - 100; i < kRegions; i++) {
		const u64 hash = hash_of(region(i));
		ASSERT_EQ(pages_.get(region(i)), word(i));
		ASSERT_EQ(pages_.get_from(index_among(hash, before), hash, region(i)), word(i));
	}
}

TEST_F(TableDirectory, PagesStayAroundTheirTarget)
{
	for (u64 i = 0; i < 100'000; i++)
		put(i);
	u64 largest = 0;
	for (u64 i = 0; i < pages_.pages(); i++)
		largest = std::max<u64>(largest, pages_.page(i)->used);
	EXPECT_LE(largest, 3 * Directory<TestPlatform>::kPageTarget);
	EXPECT_NEAR(100'000.0 / pages_.pages(), Directory<TestPlatform>::kPageTarget, 20);
}

} // namespace
} // namespace remap::test
