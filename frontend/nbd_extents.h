// SPDX-License-Identifier: GPL-2.0-or-later
// What block status tells of an export: two metadata contexts.
//   base:allocation   a hole of main's file that nothing is mapped in is a hole that reads as
//   zeros;
//                     all else is data
//   dm-remap:state    the state of each sector: the numbers of ExtentState
#pragma once

#include <array>
#include <string>
#include <vector>

#include "frontend/nbd_protocol.h"
#include "host/volume.h"

namespace remap::frontend::nbd {

struct Context {
	u32 id;
	const char *name;
};
inline constexpr std::array<Context, 2> kContexts = {
	{{1, "base:allocation"}, {2, "dm-remap:state"}}};

// Of base:allocation.
inline constexpr u32 kHole = 1 | 2; // and zero
// Of dm-remap:state.
enum ExtentState : u32 { kOnMain = 0, kOnSpare = 1, kLost = 2, kPending = 4 };

// The contexts that a client's query means: its name, or with `namespaces` "base:" for all below.
std::vector<Context> matching(const std::string &query, bool namespaces);

// A client asks again for what is behind so many extents.
inline constexpr u32 kExtents = 64;
inline constexpr u32 kStatusBytes = kContexts.size() * (24 + 8 * kExtents);

// The answer to a block status: a chunk for each of `contexts` (a bit for each id), in `out`, which
// has kStatusBytes. Returns how many of them. Neighbours among the extents of a chunk differ; what
// other clients write meanwhile may be in it or not. On the reactor's thread. REQUIRES: contexts;
// the range is in the export and not empty.
u32 status_chunks(host::Volume &volume, u32 contexts, const RequestHeader &header, char *out);

} // namespace remap::frontend::nbd
