// SPDX-License-Identifier: GPL-2.0-or-later
// Operation: one line of a workload, and its text form, in which a failing run is printed and
// replayed.
#pragma once

#include <optional>
#include <string>

#include "core/base/types.h"

namespace remap::sim {

// X(name): the word in a trace.
#define SIM_ACTS(X)                                                                                \
	X(write)                                                                                   \
	X(write_fua)                                                                               \
	X(write_zeroes)                                                                            \
	X(discard)                                                                                 \
	X(read)                                                                                    \
	X(flush)                                                                                   \
	X(add)                                                                                     \
	X(add_nocopy)                                                                              \
	X(crowd)                                                                                   \
	X(relocate)                                                                                \
	X(together)                                                                                \
	X(remove)                                                                                  \
	X(remove_part)                                                                             \
	X(remove_stale)                                                                            \
	X(clear)                                                                                   \
	X(sync)                                                                                    \
	X(suspend)                                                                                 \
	X(reload)                                                                                  \
	X(reload_read_only)                                                                        \
	X(crash)                                                                                   \
	X(signal)                                                                                  \
	X(spoil_main)                                                                              \
	X(spoil_spare)                                                                             \
	X(refuse_spare)                                                                            \
	X(refuse_main)                                                                             \
	X(rot)                                                                                     \
	X(land)                                                                                    \
	X(sever_main)                                                                              \
	X(freeze_main)                                                                             \
	X(darken)                                                                                  \
	X(scan)                                                                                    \
	X(join)                                                                                    \
	X(leave)                                                                                   \
	X(perish)                                                                                  \
	X(check)

enum class Act : u8 {
#define X(name) name,
	SIM_ACTS(X)
#undef X
};

inline constexpr const char *kActNames[] = {
#define X(name) #name,
	SIM_ACTS(X)
#undef X
};

struct Operation {
	Act act = Act::check;
	u64 at = 0;	// a sector of main; crash: after how many events
	u64 length = 0; // sectors; darken: which zones
	u64 place = 0;	// of an add
	u64 salt = 0;	// decides the interleaving from here on

	std::string text() const
	{
		return std::string(kActNames[static_cast<usize>(act)]) + " " + std::to_string(at) +
		       " " + std::to_string(length) + " " + std::to_string(place) + " " +
		       std::to_string(salt);
	}
	static std::optional<Operation> parse(const std::string &line);
};

} // namespace remap::sim
