// SPDX-License-Identifier: GPL-2.0-or-later
// OpenFailure: why a device or an image file cannot be used, in a sentence, and the errno behind it.
#pragma once

#include <stdexcept>
#include <string>

namespace remap::host {

class OpenFailure : public std::runtime_error {
public:
	OpenFailure(int error, const std::string &sentence)
	    : std::runtime_error(sentence), error_(error)
	{
	}
	// EBUSY: somebody uses it.
	int error() const { return error_; }

private:
	int error_;
};

}  // namespace remap::host
