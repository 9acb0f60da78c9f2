// SPDX-License-Identifier: GPL-2.0-or-later
// Permission to make a set on a spare, and the making of it: what `format`, `restore` and `create
// --format` have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "tools/dmremap/confirm.h"
#include "tools/dmremap/offline_set.h"

namespace dmremap {

// What may be overwritten on the spare, in so many words.
struct Permission {
	bool overwrite = false; // somebody's data or file system
	std::string wipe_set;	// what is left of this set

	void add_options(CLI::App &command);
	void put_into(remap::Terms *terms) const;
};

// Surveys the spares for a new set. Throws Failure when one is not free to be formatted.
void require_free(OfflineSet &set, const remap::DeviceFacts &main, const SpareFiles &spares,
		  const Permission &permission);

// "Metadata takes 36.5 MiB of 1024.0 MiB (3.6 %), 1.0 GiB are left for remaps; up to N extents."
std::string cost_text(const remap::Spares &spares);

}  // namespace dmremap
