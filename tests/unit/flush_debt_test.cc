// SPDX-License-Identifier: GPL-2.0-or-later
// A device tells of a write that it lost once, to whoever flushes next; each flush that this
// concerns fails, and no other does.
#include "core/platform/flush_debt.h"

#include <gtest/gtest.h>

#include "tests/unit/memory_host.h"

namespace remap::test {
namespace {

class FlushDebts : public ::testing::Test {
protected:
	IoStatus write()
	{
		u8 sector[kSectorBytes] = {};
		return debt.write(host, kFirstSpare, 8, sector, 1);
	}

	MemoryHost host{64, 64};
	FlushDebt debt;
};

TEST_F(FlushDebts, AFailedFlushOfTheCoreIsOwedToTheUserOnce)
{
	host.spare.flush_status = IoStatus::io;
	EXPECT_EQ(debt.flush(host, kFirstSpare), IoStatus::io);
	EXPECT_FALSE(debt.take(kMainDevice));
	EXPECT_TRUE(debt.take(kFirstSpare));
	EXPECT_FALSE(debt.take(kFirstSpare));
}

TEST_F(FlushDebts, WhatADeviceThatLeavesOwesMainOwes)
{
	host.spare.flush_status = IoStatus::io;
	(void)debt.flush(host, kFirstSpare);
	debt.leaves(host, kFirstSpare);
	EXPECT_TRUE(debt.take(kMainDevice));
	EXPECT_FALSE(debt.take(kMainDevice));
}

TEST_F(FlushDebts, WhatOneOwesAnotherOneCanOwe)
{
	EXPECT_FALSE(debt.owes());
	host.spare.flush_status = IoStatus::io;
	(void)debt.flush(host, kFirstSpare);
	EXPECT_TRUE(debt.owes());
	FlushDebt next;
	next.owe(host);
	EXPECT_TRUE(next.take(kMainDevice));
	EXPECT_FALSE(next.owes());
}

TEST_F(FlushDebts, AUsersFailedFlushFailsTheFlushOfWhatTheCoreHadWritten)
{
	EXPECT_EQ(write(), IoStatus::ok);
	debt.user_flush_failed(kFirstSpare);
	EXPECT_EQ(debt.flush(host, kFirstSpare), IoStatus::io);
	EXPECT_EQ(debt.flush(host, kFirstSpare), IoStatus::ok);
	EXPECT_FALSE(debt.take(kFirstSpare)); // the user knows
}

TEST_F(FlushDebts, AUsersFailedFlushOfAnotherDeviceOrOfNothingIsNoMatter)
{
	EXPECT_EQ(write(), IoStatus::ok);
	debt.user_flush_failed(kMainDevice);
	EXPECT_EQ(debt.flush(host, kFirstSpare), IoStatus::ok);
	debt.user_flush_failed(kFirstSpare);
	EXPECT_EQ(write(), IoStatus::ok);
	EXPECT_EQ(debt.flush(host, kFirstSpare), IoStatus::ok);
}

TEST_F(FlushDebts, AFlushOfTheCoreWaitsForOnesOfTheUsersUnderWay)
{
	ASSERT_TRUE(debt.user_begins(kFirstSpare));
	ASSERT_TRUE(debt.user_begins(kFirstSpare));
	ASSERT_TRUE(debt.user_begins(kMainDevice));
	EXPECT_EQ(write(), IoStatus::ok);
	u32 waits = 0;
	host.hook = [&](HostCall call, DeviceIndex, Sector, u64) {
		if (call != HostCall::wait_flush) {
			EXPECT_EQ(waits, 1U) << "it began while a user's flush was under way";
			return;
		}
		++waits;
		debt.user_flush_failed(kFirstSpare);
		debt.user_ends(host, kFirstSpare);
		EXPECT_EQ(host.flush_wakes(), 0U) << "one is still under way";
		debt.user_ends(host, kFirstSpare);
	};
	EXPECT_EQ(debt.flush(host, kFirstSpare), IoStatus::io) << "the user's may have lost it";
	EXPECT_EQ(waits, 1U);
}

TEST_F(FlushDebts, AFlushOfTheUsersWaitsForOneOfTheCore)
{
	u32 released = 0;
	host.on_release = [&] {
		++released;
		EXPECT_TRUE(debt.user_begins(kFirstSpare));
		EXPECT_TRUE(debt.take(kFirstSpare)) << "it has to be known by now";
		debt.user_ends(host, kFirstSpare);
	};
	host.spare.flush_status = IoStatus::io;
	EXPECT_EQ(debt.flush(host, kFirstSpare), IoStatus::io);
	EXPECT_EQ(released, 0U) << "nobody waits";
	EXPECT_TRUE(debt.take(kFirstSpare));
	host.hook = [&](HostCall, DeviceIndex, Sector, u64) {
		EXPECT_FALSE(debt.user_begins(kFirstSpare));
		EXPECT_TRUE(debt.user_begins(kMainDevice));
		debt.user_ends(host, kMainDevice);
	};
	EXPECT_EQ(debt.flush(host, kFirstSpare), IoStatus::io);
	EXPECT_EQ(released, 1U);
}

}  // namespace
}  // namespace remap::test
