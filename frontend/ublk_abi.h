// SPDX-License-Identifier: GPL-2.0-or-later
// What the ublk driver understands. linux/ublk_cmd.h of Linux 6.1, which Debian 12 builds with, has the
// structures, but not yet the commands as ioctl numbers, which the driver has taken since 6.4 and which a
// kernel without CONFIG_BLKDEV_UBLK_LEGACY_OPCODES takes alone; those are as in include/uapi/linux of 6.12.
#pragma once

#include <linux/ublk_cmd.h>
#include <sys/ioctl.h>

#include <cstddef>

#include <liburing.h>

#include "core/base/types.h"

namespace remap::frontend::ublk {

inline constexpr u32 kGetInfo = _IOR('u', UBLK_CMD_GET_DEV_INFO, ublksrv_ctrl_cmd);
inline constexpr u32 kAdd = _IOWR('u', UBLK_CMD_ADD_DEV, ublksrv_ctrl_cmd);
inline constexpr u32 kDelete = _IOWR('u', UBLK_CMD_DEL_DEV, ublksrv_ctrl_cmd);
inline constexpr u32 kStart = _IOWR('u', UBLK_CMD_START_DEV, ublksrv_ctrl_cmd);
inline constexpr u32 kStop = _IOWR('u', UBLK_CMD_STOP_DEV, ublksrv_ctrl_cmd);
inline constexpr u32 kSetParameters = _IOWR('u', UBLK_CMD_SET_PARAMS, ublksrv_ctrl_cmd);
// Since 6.9: does not wait until nobody has the device open.
inline constexpr u32 kDeleteSoon = _IOR('u', 0x14, ublksrv_ctrl_cmd);

inline constexpr u32 kFetch = _IOWR('u', UBLK_IO_FETCH_REQ, ublksrv_io_cmd);
inline constexpr u32 kCommitAndFetch = _IOWR('u', UBLK_IO_COMMIT_AND_FETCH_REQ, ublksrv_io_cmd);

// Of a command that is for no queue, and of a device that is to get the next free number.
inline constexpr u16 kNoQueue = 0xffff;
inline constexpr u32 kAnyNumber = 0xffffffff;

// Where the driver looks for the command in an entry of the ring: 16 bytes, or 80 with SQE128.
inline void *command_in(io_uring_sqe *sqe)
{
	return reinterpret_cast<u8 *>(sqe) + offsetof(io_uring_sqe, cmd);
}

}  // namespace remap::frontend::ublk
