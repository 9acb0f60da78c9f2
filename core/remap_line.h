// SPDX-License-Identifier: GPL-2.0-or-later
// What remap_line and remap_waiter (remap_core.h) are behind their C names.
#pragma once

#include "core/engine/waiting_line.h"
#include "core/remap_core.h"

namespace remap {

// What a line asks of its platform: nothing but whether a bug is planted.
struct Sound {
};
inline Sound sound;

using KernelLine = WaitingLine<Sound>;
static_assert(sizeof(KernelLine) == sizeof(remap_line) && alignof(KernelLine) == alignof(remap_line));
static_assert(sizeof(Waiter) == sizeof(remap_waiter));
static_assert(offsetof(Waiter, next) == offsetof(remap_waiter, next));
static_assert(offsetof(Waiter, sector) == offsetof(remap_waiter, sector));
static_assert(offsetof(Waiter, sectors) == offsetof(remap_waiter, sectors));
static_assert(offsetof(Waiter, writes) == offsetof(remap_waiter, writes));
static_assert(offsetof(Waiter, device) == offsetof(remap_waiter, device));
static_assert(KernelLine::kLooks == REMAP_LOOKS);

inline KernelLine &line_of(remap_line *line) { return *reinterpret_cast<KernelLine *>(line); }
inline const KernelLine &line_of(const remap_line *line)
{
	return *reinterpret_cast<const KernelLine *>(line);
}
inline Waiter &waiter_of(remap_waiter &waiter) { return reinterpret_cast<Waiter &>(waiter); }
inline const Waiter &waiter_of(const remap_waiter &waiter)
{
	return reinterpret_cast<const Waiter &>(waiter);
}
inline remap_waiter *waiter_of(Waiter *waiter) { return reinterpret_cast<remap_waiter *>(waiter); }

}  // namespace remap
