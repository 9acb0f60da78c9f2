// SPDX-License-Identifier: GPL-2.0-or-later
// What an errno of a read, write or flush means to the core.
#pragma once

#include "core/platform/io_status.h"

namespace remap::host {

IoStatus io_status_of(int error);

}  // namespace remap::host
