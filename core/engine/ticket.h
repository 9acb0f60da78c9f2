// SPDX-License-Identifier: GPL-2.0-or-later
// Tickets: what an I/O that failed takes with it until it is recovered.
#pragma once

#include "core/base/types.h"

namespace remap {

// Not to be handed to Engine::recover().
inline constexpr u8 kNoTicket = 0;
// Not a failed write of main.
inline constexpr u8 kPlainTicket = 1;
// A failed write of main; it belongs to this run of failures (judge.h).
constexpr u8 ticket_of(u32 run) { return static_cast<u8>(2 + run % 254); }

}  // namespace remap
