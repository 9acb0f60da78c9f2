// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/core.h"

template class remap::Engine<remap::sim::Host>;

namespace remap::sim {

namespace {

std::string broken;

} // namespace

const std::string &broken_invariant() { return broken; }

void forget_broken_invariant() { broken.clear(); }

u64 places_of_set(const Core &core)
{
	u64 places = 0;
	for_each_member(members_in_use(core.journal().superblock()),
			[&](u32 m) { places += core.layout(m).data_sectors(); });
	return places;
}

} // namespace remap::sim

// The run goes on as a kernel would, and counts as one that broke a promise.
extern "C" void remap_host_broken(const char *condition, const char *file, int line)
{
	using remap::sim::broken;
	if (broken.empty())
		broken = std::string(file) + ":" + std::to_string(line) + ": " + condition;
}

extern "C" bool remap_host_is_broken(void) { return !remap::sim::broken.empty(); }
