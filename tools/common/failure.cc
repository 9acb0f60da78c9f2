// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/failure.h"

#include <cerrno>

namespace dmremap {

ExitCode exit_code_of(int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return ExitCode::no_permission;
	case ENOMEM:
		return ExitCode::no_memory;
	case EEXIST:
	case EBUSY:
		return ExitCode::busy;
	case ENXIO:
	case ENODEV:
	case EIO:
	case ENODATA:
	case EROFS:
		return ExitCode::wrong_device;
	default:
		return ExitCode::wrong_arguments;
	}
}

int errno_of(ExitCode code)
{
	switch (code) {
	case ExitCode::ok:
		return 0;
	case ExitCode::wrong_arguments:
		return EINVAL;
	case ExitCode::no_permission:
		return EACCES;
	case ExitCode::no_memory:
		return ENOMEM;
	case ExitCode::wrong_device:
		return ENXIO;
	case ExitCode::busy:
		return EBUSY;
	}
	return EINVAL;
}

}  // namespace dmremap
