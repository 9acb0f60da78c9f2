// SPDX-License-Identifier: GPL-2.0-or-later
// What destroys or decides asks first: YES in capitals, as cryptsetup does.
#pragma once

#include <string>

namespace dmremap {

// Whether and how a command that writes was told to go on.
struct Consent {
	bool yes = false;     // --yes: do not ask
	bool dry_run = false; // --dry-run: say what would be done, and end

	// Prints nothing more than the question. Throws Failure when the answer is not YES, so
	// whoever calls it has said before what is going to happen. false: --dry-run.
	bool granted() const;
};

}  // namespace dmremap
