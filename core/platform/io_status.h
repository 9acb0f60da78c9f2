// SPDX-License-Identifier: GPL-2.0-or-later
// How an I/O ended, in classes that matter for what to do next. Hosts translate to and from these:
// the kernel shim from blk_status_t, the POSIX host from errno.
#pragma once

#include "core/base/types.h"

namespace remap {

// X(name, what it says). The numbers are part of remap_core.h; append only.
#define REMAP_IO_STATUSES(X)                                                                     \
	X(ok, "done")                                                                            \
	X(medium, "unreadable or unwritable sector")                                             \
	X(target, "the device reports a fault of its own")                                       \
	X(io, "I/O error without a reason")                                                      \
	X(protection, "protection information does not match")                                   \
	X(transport, "path, link or target lost")                                                \
	X(timeout, "the command took too long")                                                  \
	X(resource, "out of a resource for the moment")                                          \
	X(not_supported, "the device does not know the operation")                               \
	X(no_space, "thin device out of space")                                                  \
	X(interrupted, "the caller was asked to stop")

enum class IoStatus : u8 {
#define X(name, text) name,
	REMAP_IO_STATUSES(X)
#undef X
};

constexpr const char *text_of(IoStatus status)
{
	switch (status) {
#define X(name, text)                                                                            \
	case IoStatus::name:                                                                     \
		return text;
		REMAP_IO_STATUSES(X)
#undef X
	}
	return "unknown";
}

}  // namespace remap
