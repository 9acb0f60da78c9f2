// SPDX-License-Identifier: GPL-2.0-or-later
// Every allocation of every operation fails once: the error is no_memory, the content as before.
#include "tests/unit/table_check.h"

namespace remap::test {
namespace {

class TableNoMemory : public testing::TestWithParam<bool> {
protected:
	TableNoMemory() : random_(7), table_(platform_), model_(kTableSectors) {}

	// Runs `change` with its 1st, 2nd, ... allocation refused, until it needs no more.
	template <class Change, class Model> void sweep(Change change, Model model)
	{
		for (u64 n = 1;; n++) {
			platform_.fail(n, GetParam());
			const Status status = change();
			const bool refused = platform_.fail_off();
			if (status.ok())
				break;
			ASSERT_TRUE(refused);
			ASSERT_STREQ(text_of(status.error()), text_of(Error::no_memory));
			failures_++;
			if (failures_ % 16 == 0)
				check_all(table_, model_, platform_, random_, 4, false);
			else
				check_counts(table_, model_);
			if (HasFatalFailure())
				return;
		}
		ASSERT_STREQ(text_of(model()), text_of(Error::ok));
		table_.tidy(); // splits and merges that could not be done
		check_counts(table_, model_);
	}

	void insert(const Extent &e)
	{
		sweep([&] { return table_.insert(e); }, [&] { return model_.insert(e); });
	}
	void assign(const Extent &e)
	{
		sweep([&] { return table_.assign(e); }, [&] { return model_.assign(e); });
	}
	void remove(Sector main, u64 length)
	{
		sweep([&] { return table_.remove(main, length); },
		      [&] { return model_.remove(main, length); });
	}
	void set_state(Sector main, u64 length, State state)
	{
		sweep([&] { return table_.set_state(main, length, state); },
		      [&] { return model_.set_state(main, length, state); });
	}

	std::mt19937_64 random_;
	TestPlatform platform_;
	TestTable table_;
	TableModel model_;
	u64 failures_ = 0;
};

TEST_P(TableNoMemory, CreateFailsCleanly)
{
	TestPlatform platform;
	for (u64 n = 1; n < 100; n++) {
		TestTable table(platform);
		platform.fail(n, GetParam());
		const Status status = table.create(kTableSectors);
		if (!platform.fail_off()) {
			EXPECT_TRUE(status.ok());
			EXPECT_GE(n, 5u);
			return;
		}
		EXPECT_EQ(status.error(), Error::no_memory);
		EXPECT_EQ(platform.bytes(), 0u);
	}
	FAIL();
}

TEST_P(TableNoMemory, EveryOperationLeavesTheContentAlone)
{
	ASSERT_TRUE(table_.create(kTableSectors).ok());
	// Pages that grow and split.
	for (u64 i = 0; i < 3000 && !HasFatalFailure(); i++)
		insert({i * 5000, 8, i * 8, State::active, true});
	// Leaves.
	for (u64 i = 0; i < 1000 && !HasFatalFailure(); i++)
		assign({random_() % 20000, 1 + random_() % 40, random_() % 100000, State::active,
			true});
	remove(0, 2048);
	// Long stretches, promotion, and demotion after and before the clean-up.
	for (int round = 0; round < 3 && !HasFatalFailure(); round++) {
		const Sector start = kCoarseSectors * 900;
		for (u64 at = 0; at < 4 * kCoarseSectors; at += 2048)
			assign({start + at, 2048, at, State::active, at == 0});
		if (round)
			drain_limbo(table_);
		platform_.hold_grace(round == 2);
		set_state(start + 3 * kCoarseSectors - 10, 300, State::lost);
		remove(start + kCoarseSectors - 1024, 2048);
		assign({start + kCoarseSectors / 2, 9, 77, State::pending, false});
		platform_.hold_grace(false);
	}
	// And empty again.
	for (Extent e; !HasFatalFailure() && table_.next(0, &e, 2048);)
		remove(e.main, e.length);
	EXPECT_GT(failures_, 300u);
	std::printf("  %llu refused allocations\n", (unsigned long long)failures_);
	check_all(table_, model_, platform_, random_, 100, false);
	// The structure catches up once there is memory again.
	drain_limbo(table_);
	EXPECT_EQ(table_.buckets(), 64u);
}

INSTANTIATE_TEST_SUITE_P(Failures, TableNoMemory, testing::Bool(),
			 [](const auto &info) { return info.param ? "andAllLater" : "one"; });

} // namespace
} // namespace remap::test
