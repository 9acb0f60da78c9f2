// SPDX-License-Identifier: GPL-2.0-or-later
// What an errno of a read, write or flush means to the core, and what users of a served device are told.
#pragma once

#include "core/platform/io_status.h"

namespace remap::host {

IoStatus io_status_of(int error);
// 0: it went well.
int errno_of(IoStatus status);
// The same for users of a block device, whose driver makes a block status of it again.
int block_errno_of(IoStatus status);

}  // namespace remap::host
