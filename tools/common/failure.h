// SPDX-License-Identifier: GPL-2.0-or-later
// Failure: a sentence for the user and the exit code that goes with it. The codes are cryptsetup's.
#pragma once

#include <stdexcept>
#include <string>

namespace dmremap {

enum class ExitCode {
	ok = 0,
	wrong_arguments = 1,
	no_permission = 2,
	no_memory = 3,
	wrong_device = 4,
	busy = 5,
};

class Failure : public std::runtime_error {
public:
	Failure(ExitCode code, const std::string &sentence)
	    : std::runtime_error(sentence), code_(code)
	{
	}
	ExitCode code() const { return code_; }

private:
	ExitCode code_;
};

// The code for an errno that a device answered with, and an errno that gives the code.
ExitCode exit_code_of(int error);
int errno_of(ExitCode code);

}  // namespace dmremap
