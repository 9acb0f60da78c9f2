// SPDX-License-Identifier: GPL-2.0-or-later
// A set with several spares, and the names in it.
#pragma once

#include <string>

#include "tests/unit/metadata.h"

namespace remap::test {

inline const Shape kTwo = {.blank = true, .more = {16384}};

// The border between the first member and the second.
inline Sector border_of(const RemapSet &set) { return set.engine.spares().first_place(1); }

inline std::string words_of(const Uuid &uuid)
{
	char words[40];
	Text text(words, sizeof(words));
	text << uuid;
	return words;
}
inline std::string uuid_of(const RemapSet &set, u32 member)
{
	return words_of(set.engine.journal().superblock().members[member].uuid);
}
inline std::string set_of(const RemapSet &set)
{
	return words_of(set.engine.journal().superblock().set);
}

}  // namespace remap::test
