// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/confirm.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "tools/common/failure.h"

namespace dmremap {

bool Consent::granted() const
{
	if (dry_run) {
		fmt::print("nothing was written (--dry-run)\n");
		return false;
	}
	if (yes)
		return true;
	fmt::print("Go on? Type YES in capitals: ");
	std::fflush(stdout);
	std::string answer;
	std::getline(std::cin, answer);
	if (answer != "YES")
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("the answer was '{}', not YES; nothing was written (--yes "
					  "answers beforehand)",
					  answer));
	return true;
}

}  // namespace dmremap
