// SPDX-License-Identifier: GPL-2.0-or-later
// Shrinking a run that breaks a promise to one that a person can read.
#pragma once

#include "sim/setup.h"

namespace remap::sim {

// Runs without what is not needed to break a promise. REQUIRES: the trace breaks one.
Trace shrink(const Trace &trace);

} // namespace remap::sim
