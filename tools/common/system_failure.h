// SPDX-License-Identifier: GPL-2.0-or-later
// A Failure that says what the system answered.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "tools/common/failure.h"

namespace dmremap {

[[noreturn]] inline void fail(const std::string &what, int error)
{
	throw Failure(exit_code_of(error), what + ": " + strerror(error));
}

}  // namespace dmremap
