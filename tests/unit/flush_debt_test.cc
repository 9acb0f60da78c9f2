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

}  // namespace
}  // namespace remap::test
