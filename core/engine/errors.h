// SPDX-License-Identifier: GPL-2.0-or-later
// I/O that ended with an error and goes upward with it.
#pragma once

#include "core/engine/engine.h"

namespace remap {

template <Platform P> void Engine<P>::io_failed(Op op)
{
	if (op == Op::read)
		counters_.read_errors.add_relaxed(1);
	else
		counters_.write_errors.add_relaxed(1);
}

template <Platform P> void Engine<P>::flush_failed(DeviceIndex device)
{
	counters_.flush_errors.add_relaxed(1);
	debt_.user_flush_failed(device);
}

}  // namespace remap
