// SPDX-License-Identifier: GPL-2.0-or-later
// What an errno of a device says of the sector where it came up, if anything.
#include "host/io_errno.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "core/health/blame.h"

namespace remap::host {
namespace {

TEST(IoErrno, SaysWhoIsToBlame)
{
	EXPECT_EQ(blame(io_status_of(ENODATA)), Blame::sector);
	for (const int error : {EIO, EREMOTEIO})
		EXPECT_EQ(blame(io_status_of(error)), Blame::perhaps) << error;
	// Of the path, of resources, and a reservation: it is another host's disk.
	for (const int error : {ENOLINK, ETIMEDOUT, ETIME, EBADE, ENXIO, ENODEV, ENOMEM, EAGAIN, EBUSY,
				ENOSPC, EOPNOTSUPP, EILSEQ})
		EXPECT_EQ(blame(io_status_of(error)), Blame::path) << error;
}

}  // namespace
}  // namespace remap::host
