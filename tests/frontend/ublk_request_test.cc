// SPDX-License-Identifier: GPL-2.0-or-later
// What the ublk driver asks for, as an IoRequest; what a disk says of itself; errors on their way back.
#include "frontend/ublk_request.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "host/io_errno.h"

namespace remap::frontend::ublk {
namespace {

constexpr Sector kTotal = 1000000;

ublksrv_io_desc description(u32 op_and_flags, Sector sector, u32 sectors)
{
	ublksrv_io_desc made = {};
	made.op_flags = op_and_flags;
	made.start_sector = sector;
	made.nr_sectors = sectors;
	return made;
}

Asked asked(u32 op_and_flags, Sector sector, u32 sectors)
{
	return asked_for(description(op_and_flags, sector, sectors), kTotal);
}

TEST(UblkRequest, ReadsAndWritesHaveDataAndAnswerItsBytes)
{
	const Asked read = asked(UBLK_IO_OP_READ, 8, 16);
	EXPECT_EQ(read.error, 0);
	EXPECT_EQ(read.op, Op::read);
	EXPECT_TRUE(read.has_data());
	EXPECT_EQ(read.sector, 8u);
	EXPECT_EQ(read.sectors, 16u);
	EXPECT_EQ(read.bytes(), 8192u);
	const Asked write = asked(UBLK_IO_OP_WRITE, kTotal - 512, 512);
	EXPECT_EQ(write.error, 0);
	EXPECT_EQ(write.op, Op::write);
	EXPECT_FALSE(write.fua);
	EXPECT_EQ(write.bytes(), 262144u);
}

TEST(UblkRequest, FuaIsOfWhatModifies)
{
	for (const u32 op : {UBLK_IO_OP_WRITE, UBLK_IO_OP_DISCARD, UBLK_IO_OP_WRITE_ZEROES}) {
		EXPECT_TRUE(asked(op | UBLK_IO_F_FUA, 0, 8).fua) << op;
		EXPECT_FALSE(asked(op | (0xffff'ff00 & ~UBLK_IO_F_FUA), 0, 8).fua) << op;
	}
	EXPECT_FALSE(asked(UBLK_IO_OP_READ | UBLK_IO_F_FUA, 0, 8).fua);
}

TEST(UblkRequest, AFlushIsOfNoRange)
{
	const Asked flush = asked(UBLK_IO_OP_FLUSH, ~Sector{0}, 0);
	EXPECT_EQ(flush.error, 0);
	EXPECT_TRUE(flush.flush);
	EXPECT_FALSE(flush.has_data());
	EXPECT_EQ(flush.sectors, 0u);
	EXPECT_EQ(flush.bytes(), 0u);
	EXPECT_FALSE(asked(UBLK_IO_OP_WRITE, 0, 8).flush);
}

TEST(UblkRequest, RangesAreLongerThanDataAndAnswerNoBytes)
{
	const Asked discard = asked_for(description(UBLK_IO_OP_DISCARD, 0, kMaxDiscardSectors),
					u64{kMaxDiscardSectors} * 2);
	EXPECT_EQ(discard.error, 0);
	EXPECT_EQ(discard.op, Op::discard);
	EXPECT_FALSE(discard.has_data());
	EXPECT_EQ(discard.bytes(), 0u);
	const Asked zeroes = asked(UBLK_IO_OP_WRITE_ZEROES | UBLK_IO_F_NOUNMAP, 0, kMaxZeroesSectors);
	EXPECT_EQ(zeroes.error, 0);
	EXPECT_EQ(zeroes.op, Op::write_zeroes);
	EXPECT_EQ(zeroes.bytes(), 0u);
}

TEST(UblkRequest, WhatDoesNotFitIsAnError)
{
	EXPECT_EQ(asked(UBLK_IO_OP_READ, kTotal - 8, 9).error, EIO);
	EXPECT_EQ(asked(UBLK_IO_OP_READ, ~Sector{0}, 2).error, EIO);
	EXPECT_EQ(asked(UBLK_IO_OP_WRITE, 0, 0).error, EIO);
	EXPECT_EQ(asked(UBLK_IO_OP_WRITE, 0, 513).error, EIO); // beyond the tag's memory
	EXPECT_EQ(asked(UBLK_IO_OP_DISCARD, kTotal, 1).error, EIO);
	EXPECT_EQ(asked(UBLK_IO_OP_WRITE_ZEROES, 0, kMaxZeroesSectors + 1).error, EIO);
	EXPECT_EQ(asked_for(description(UBLK_IO_OP_DISCARD, 0, kMaxDiscardSectors + 1),
			    u64{kMaxDiscardSectors} * 2)
			  .error,
		  EIO);
}

TEST(UblkRequest, WhatIsNotKnownIsRefused)
{
	for (const u32 op : {4u, 10u, 18u, 255u})
		EXPECT_EQ(asked(op, 0, 8).error, EOPNOTSUPP) << op;
}

TEST(UblkParameters, SayWhatTheDiskIs)
{
	const ublk_params said = parameters_of({kTotal, 512, 4096});
	EXPECT_EQ(said.len, sizeof(said));
	EXPECT_EQ(said.types, u32{UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_DISCARD});
	EXPECT_EQ(said.basic.attrs, u32{UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA});
	EXPECT_EQ(said.basic.logical_bs_shift, 9);
	EXPECT_EQ(said.basic.physical_bs_shift, 12);
	EXPECT_EQ(said.basic.io_min_shift, 12);
	EXPECT_EQ(said.basic.dev_sectors, kTotal);
	EXPECT_EQ(said.basic.max_sectors, 512u);
	EXPECT_EQ(said.discard.discard_granularity, 512u);
	EXPECT_EQ(said.discard.max_discard_segments, 1);
	EXPECT_EQ(said.discard.max_discard_sectors, kMaxDiscardSectors);
	EXPECT_EQ(said.discard.max_write_zeroes_sectors, kMaxZeroesSectors);
}

// A set has the larger logical block of main and spare, which main's physical one may be smaller than.
TEST(UblkParameters, ThePhysicalBlockIsNoSmallerThanTheLogicalOne)
{
	const ublk_params said = parameters_of({kTotal, 4096, 512});
	EXPECT_EQ(said.basic.logical_bs_shift, 12);
	EXPECT_EQ(said.basic.physical_bs_shift, 12);
	EXPECT_EQ(said.discard.discard_granularity, 4096u);
}

// Numbers that the driver compares: those of include/uapi/linux/ublk_cmd.h.
TEST(UblkCommands, HaveTheDriversNumbers)
{
	EXPECT_EQ(kGetInfo, 0x80207502u);
	EXPECT_EQ(kAdd, 0xc0207504u);
	EXPECT_EQ(kDelete, 0xc0207505u);
	EXPECT_EQ(kStart, 0xc0207506u);
	EXPECT_EQ(kStop, 0xc0207507u);
	EXPECT_EQ(kSetParameters, 0xc0207508u);
	EXPECT_EQ(kDeleteSoon, 0x80207514u);
	EXPECT_EQ(kFetch, 0xc0107520u);
	EXPECT_EQ(kCommitAndFetch, 0xc0107521u);
}

TEST(UblkErrors, ComeBackAsTheyWere)
{
	for (u8 i = 0; i <= static_cast<u8>(IoStatus::no_space); ++i) {
		const IoStatus status = static_cast<IoStatus>(i);
		EXPECT_EQ(host::io_status_of(host::block_errno_of(status)), status) << text_of(status);
	}
	EXPECT_EQ(host::block_errno_of(IoStatus::medium), ENODATA);
	EXPECT_EQ(host::block_errno_of(IoStatus::interrupted), EIO);
}

}  // namespace
}  // namespace remap::frontend::ublk
