// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/ublk_request.h"

#include <bit>
#include <cerrno>

#include "core/base/bits.h"

namespace remap::frontend::ublk {
namespace {

u8 shift_of(u32 bytes) { return static_cast<u8>(std::countr_zero(bytes)); }

u32 most_sectors(Op op)
{
	if (op == Op::discard)
		return kMaxDiscardSectors;
	return op == Op::write_zeroes ? kMaxZeroesSectors : kMaxBytes / kSectorBytes;
}

}  // namespace

// FAILFAST, META, SWAP and NOUNMAP change nothing: zeros are always written without giving up space.
Asked asked_for(const ublksrv_io_desc &description, Sector total)
{
	Asked asked;
	switch (ublksrv_get_op(&description)) {
	case UBLK_IO_OP_READ:
		asked.op = Op::read;
		break;
	case UBLK_IO_OP_WRITE:
		asked.op = Op::write;
		break;
	case UBLK_IO_OP_DISCARD:
		asked.op = Op::discard;
		break;
	case UBLK_IO_OP_WRITE_ZEROES:
		asked.op = Op::write_zeroes;
		break;
	case UBLK_IO_OP_FLUSH:
		asked.flush = true;
		return asked;
	default:
		asked.error = EOPNOTSUPP;
		return asked;
	}
	asked.fua = asked.op != Op::read && description.op_flags & UBLK_IO_F_FUA;
	asked.sector = description.start_sector;
	asked.sectors = description.nr_sectors;
	if (!asked.sectors || asked.sectors > most_sectors(asked.op) ||
	    !range_fits(asked.sector, asked.sectors, total))
		asked.error = EIO;
	return asked;
}

ublk_params parameters_of(const Shape &shape)
{
	ublk_params parameters = {};
	parameters.len = sizeof(parameters);
	parameters.types = UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_DISCARD;
	ublk_param_basic &basic = parameters.basic;
	basic.attrs = UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA;
	basic.logical_bs_shift = shift_of(shape.logical_block);
	basic.physical_bs_shift = shift_of(max_of(shape.logical_block, shape.physical_block));
	// Zero would say one byte; these say nothing.
	basic.io_min_shift = basic.io_opt_shift = basic.physical_bs_shift;
	basic.max_sectors = kMaxBytes / kSectorBytes;
	basic.dev_sectors = shape.sectors;
	ublk_param_discard &discard = parameters.discard;
	discard.discard_granularity = shape.logical_block;
	discard.max_discard_sectors = kMaxDiscardSectors;
	discard.max_write_zeroes_sectors = kMaxZeroesSectors;
	discard.max_discard_segments = 1;
	return parameters;
}

}  // namespace remap::frontend::ublk
