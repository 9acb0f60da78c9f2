// SPDX-License-Identifier: GPL-2.0-or-later
// The text of a dump: what is accepted is printed, and that must be accepted and printed the same.
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "core/base/types.h"
#include "tools/dmremap/dump_text.h"

extern "C" int LLVMFuzzerTestOneInput(const remap::u8 *data, remap::usize bytes)
{
	std::istringstream in(std::string(reinterpret_cast<const char *>(data), bytes));
	std::string first;
	try {
		first = to_text(dmremap::parse_dump(in));
	} catch (const std::invalid_argument &) {
		return 0;
	}
	std::istringstream again(first);
	if (to_text(dmremap::parse_dump(again)) != first) {
		std::fprintf(stderr, "broken promise: a dump is read as it was printed\n");
		std::abort();
	}
	return 0;
}
