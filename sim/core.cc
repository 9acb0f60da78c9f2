// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/core.h"

template class remap::Engine<remap::sim::Host>;

namespace {

bool broken = false;

} // namespace

// An invariant that is broken counts as a violation; the run goes on as a kernel would.
extern "C" void remap_host_broken(const char *condition, const char *file, int line)
{
	(void)condition;
	(void)file;
	(void)line;
	broken = true;
}

extern "C" bool remap_host_is_broken(void) { return broken; }
