// SPDX-License-Identifier: GPL-2.0-or-later
// Dump: what a set holds, apart from any device, and as the text that `dump` prints and `restore`
// reads. docs/user/tools.md has the lines.
//
// Reading is strict: every line is known, in its place, and the last one is there, so a text that was
// cut off or mixed up is refused. Whether extents can be on such spares is the core's to judge.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "core/format/uuid.h"
#include "core/spare/spares.h"
#include "core/table/extent.h"

namespace dmremap {

// Where a place is: on which member of the set, and at which sector of its device.
struct Physical {
	remap::u32 member = 0;
	remap::Sector sector = 0;
	bool operator==(const Physical &) const = default;
};

// Of the set that is dumped.
struct DumpMember {
	remap::u32 number = 0;
	remap::Sector sectors = 0;	   // on the device
	std::optional<remap::Place> first; // of its places; empty: behind those of the member before
	bool gone = false;
};

struct DumpExtent {
	remap::Extent extent;
	// Only for the reader's eyes, compared when it is there.
	std::optional<Physical> physical;
};

// Places of the spares that failed.
struct DumpBad {
	remap::Sector place = 0;
	remap::u64 length = 0;
};

struct Dump {
	remap::Uuid set;
	remap::Sector main_sectors = 0;
	std::string main_id; // at most 64 bytes; empty: not known
	remap::u32 block_bytes = 0;
	std::vector<DumpMember> members; // ascending in number; at most kMaxSpares
	remap::u64 max_extents = 0;
	std::vector<DumpExtent> extents;
	std::vector<DumpBad> bad;
};

// Where everything is, on devices in the members' order. They may have other sizes than the dump's.
remap::Spares spares_of(const Dump &dump);
remap::Spares spares_of(const Dump &dump, const remap::SpareSizes &sizes);

std::string to_text(const Dump &dump);

// Throws std::invalid_argument with the line's number, what was found and what would be right.
Dump parse_dump(std::istream &in);

const char *state_word(remap::State state);

// REQUIRES: the place is in the data area.
Physical physical_of(const remap::Spares &spares, remap::Sector place);
// Of a set with so many members; the only member is not named.
std::string text_of(const Physical &physical, std::size_t members);

}  // namespace dmremap
