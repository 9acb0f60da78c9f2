// SPDX-License-Identifier: GPL-2.0-or-later
// ImageFile: a file that becomes a disk. It is made, or it is there already with exactly the size asked
// for; a file of another size is somebody's and stays as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tools/common/descriptor.h"
#include "tools/common/loop_device.h"

namespace dmremap::loopback {

struct ImageFile {
	std::string path; // absolute
	uint64_t bytes = 0;
	bool exists = false;

	// Looks, and changes nothing. `size_option` is named when the size is wrong.
	static ImageFile look(const std::string &path, uint64_t bytes, const char *size_option);

	// Opens it for a loop device; when it does not exist, makes it. `before_named` is called with
	// the identity of a new file before it has a name, so that a record of it can be made first.
	// A sparse file takes no room until it is written.
	Descriptor open(bool sparse,
			const std::function<void(const FileIdentity &)> &before_named) const;
};

}  // namespace dmremap::loopback
