// SPDX-License-Identifier: GPL-2.0-or-later
// In a program a broken invariant is the end: nothing is written by a core that is wrong.
#include <cstdio>
#include <cstdlib>

#include "core/base/check.h"

extern "C" void remap_host_broken(const char *condition, const char *file, int line)
{
	std::fprintf(stderr, "%s:%d: an internal check failed: %s; please report it\n", file, line,
		     condition);
	std::abort();
}

extern "C" bool remap_host_is_broken(void) { return false; }
