// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/io_errno.h"

#include <cerrno>

namespace remap::host {

namespace {

// The kernel's blk_errors[] (block/blk-core.c), for those that can arrive here.
struct BlockError {
	IoStatus status;
	int error;
};
constexpr BlockError kBlockErrors[] = {
	{IoStatus::ok, 0},
	{IoStatus::medium, ENODATA},
	{IoStatus::target, EREMOTEIO},
	{IoStatus::protection, EILSEQ},
	{IoStatus::transport, ENOLINK},
	{IoStatus::timeout, ETIMEDOUT},
	{IoStatus::resource, ENOMEM},
	{IoStatus::not_supported, EOPNOTSUPP},
	{IoStatus::no_space, ENOSPC},
};
// What else arrives, from files and from devices that are gone.
constexpr BlockError kOtherErrors[] = {
	{IoStatus::transport, ENXIO}, {IoStatus::transport, ENODEV}, {IoStatus::resource, EAGAIN},
	{IoStatus::resource, EBUSY},  {IoStatus::no_space, EDQUOT},  {IoStatus::interrupted, EINTR},
	{IoStatus::timeout, ETIME},
	// A reservation of another host: it is that one's disk.
	{IoStatus::transport, EBADE},
};

}  // namespace

IoStatus io_status_of(int error)
{
	for (const BlockError &one : kBlockErrors)
		if (one.error == error)
			return one.status;
	for (const BlockError &one : kOtherErrors)
		if (one.error == error)
			return one.status;
	return IoStatus::io;
}

int block_errno_of(IoStatus status)
{
	for (const BlockError &one : kBlockErrors)
		if (one.status == status)
			return one.error;
	return EIO;
}

// No ENODATA for a bad sector, as a block device has it for O_DIRECT: protocols and files know EIO.
int errno_of(IoStatus status)
{
	switch (status) {
	case IoStatus::ok:
		return 0;
	case IoStatus::no_space:
		return ENOSPC;
	case IoStatus::resource:
		return ENOMEM;
	case IoStatus::not_supported:
		return EOPNOTSUPP;
	default:
		return EIO;
	}
}

}  // namespace remap::host
