// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/io_errno.h"

#include <cerrno>

namespace remap::host {

// The kernel's blk_errors[] backwards (block/blk-core.c), for those that can arrive here.
IoStatus io_status_of(int error)
{
	switch (error) {
	case 0:
		return IoStatus::ok;
	case ENODATA:
		return IoStatus::medium;
	case EREMOTEIO:
		return IoStatus::target;
	case EILSEQ:
		return IoStatus::protection;
	case ENOLINK:
	case ENXIO:
	case ENODEV:
		return IoStatus::transport;
	case ETIMEDOUT:
		return IoStatus::timeout;
	case ENOMEM:
	case EAGAIN:
	case EBUSY:
		return IoStatus::resource;
	case EOPNOTSUPP:
		return IoStatus::not_supported;
	case ENOSPC:
	case EDQUOT:
		return IoStatus::no_space;
	case EINTR:
		return IoStatus::interrupted;
	default:
		return IoStatus::io;
	}
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

int block_errno_of(IoStatus status)
{
	switch (status) {
	case IoStatus::ok:
		return 0;
	case IoStatus::medium:
		return ENODATA;
	case IoStatus::target:
		return EREMOTEIO;
	case IoStatus::protection:
		return EILSEQ;
	case IoStatus::transport:
		return ENOLINK;
	case IoStatus::timeout:
		return ETIMEDOUT;
	case IoStatus::resource:
		return ENOMEM;
	case IoStatus::not_supported:
		return EOPNOTSUPP;
	case IoStatus::no_space:
		return ENOSPC;
	default:
		return EIO;
	}
}

}  // namespace remap::host
