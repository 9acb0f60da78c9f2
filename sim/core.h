// SPDX-License-Identifier: GPL-2.0-or-later
// The core, instantiated once for the simulated machine.
#pragma once

#include "core/engine/engine.h"
#include "sim/host.h"

namespace remap {

extern template class Engine<sim::Host>;

} // namespace remap

namespace remap::sim {

using Core = Engine<Host>;

// Places on the members that the set has in use.
u64 places_of_set(const Core &core);

// What REMAP_CHECK() found since it was last forgotten; empty: nothing.
const std::string &broken_invariant();
void forget_broken_invariant();

} // namespace remap::sim
