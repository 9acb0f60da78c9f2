// SPDX-License-Identifier: GPL-2.0-or-later
// Preparation: a spare is made one that joins a set as soon as a table line, or the command line of
// a server, names it beside the others.
#pragma once

#include "tools/common/device.h"
#include "tools/dmremap/permission.h"

namespace dmremap {

// What has to be known of a set for that.
struct SetToJoin {
	remap::Superblock set; // its name, max_extents, and what main is
	std::string main;      // path; empty: not known
};

// Of a device; or of whatever the word names: a device, or a spare. Throws Failure.
SetToJoin set_to_join(const Device &device);
SetToJoin set_to_join(const std::string &named);

// A device as a table line names it, as a path that can be opened.
std::string path_of(const std::string &named);

// Says what it is going to do, asks, and does it; a spare that is prepared for this set stays as it
// is. false: --dry-run. Throws Failure.
bool prepare_spare(const std::string &path, const SetToJoin &to, const Permission &permission,
		   const Consent &consent);

} // namespace dmremap
