// SPDX-License-Identifier: GPL-2.0-or-later
// What an error says of the place where it happened.
#pragma once

#include "core/platform/io_status.h"

namespace remap {

enum class Blame : u8 {
	nobody,
	sector,	 // a bad sector
	perhaps, // a bad sector, if the device still answers elsewhere
	path,	 // anything but the sector: nobody acts on it
};

constexpr Blame blame(IoStatus status)
{
	switch (status) {
	case IoStatus::ok:
		return Blame::nobody;
	case IoStatus::medium:
		return Blame::sector;
	case IoStatus::target:
	case IoStatus::io:
		return Blame::perhaps;
	default:
		return Blame::path;
	}
}

// Why the last I/O that failed was recovered or not; `health` names it.
// X(name, what it says)
#define REMAP_VERDICTS(X)                                                                        \
	X(none, "nothing failed")                                                                \
	X(sector, "a bad sector")                                                                \
	X(path, "the path to the device, or a resource")                                         \
	X(device, "the device: it does not answer elsewhere either")                             \
	X(read_only, "no write of main has succeeded since they began to fail")                  \
	X(budget, "more remaps than the budget allows")                                          \
	X(spare_full, "no place on the spare is left")                                           \
	X(spare, "the spare failed")                                                             \
	X(table_full, "the table holds as many extents as it can")                               \
	X(memory, "no memory")                                                                   \
	X(metadata, "the metadata cannot be written")

enum class Judgement : u8 {
#define X(name, text) name,
	REMAP_VERDICTS(X)
#undef X
};

constexpr const char *word_of(Judgement judgement)
{
	switch (judgement) {
#define X(name, text)                                                                            \
	case Judgement::name:                                                                    \
		return #name;
		REMAP_VERDICTS(X)
#undef X
	}
	return "unknown";
}

constexpr const char *text_of(Judgement judgement)
{
	switch (judgement) {
#define X(name, text)                                                                            \
	case Judgement::name:                                                                    \
		return text;
		REMAP_VERDICTS(X)
#undef X
	}
	return "unknown";
}

}  // namespace remap
