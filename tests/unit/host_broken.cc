// SPDX-License-Identifier: GPL-2.0-or-later
// In tests a broken invariant ends the program.
#include <cstdio>
#include <cstdlib>

extern "C" void remap_host_broken(const char *condition, const char *file, int line)
{
	std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, condition);
	std::abort();
}

extern "C" bool remap_host_is_broken(void) { return false; }
