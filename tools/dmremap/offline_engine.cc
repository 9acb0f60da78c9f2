// SPDX-License-Identifier: GPL-2.0-or-later
// The core for the tools, compiled once.
#include "tools/dmremap/offline_set.h"

namespace remap {

template class Engine<host::PosixHost>;
template class Journal<host::PosixHost>;

}  // namespace remap
