// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap-status/units.h"

#include <ctime>

namespace dmremap {

std::string timestamp()
{
	const time_t now = time(nullptr);
	tm utc;
	char text[32];
	gmtime_r(&now, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return text;
}

}  // namespace dmremap
