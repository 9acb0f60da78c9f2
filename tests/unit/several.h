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

// A spare that is prepared to join a set.
inline MemoryDisk prepared_for(const RemapSet &set, Sector sectors)
{
	Shape shape = set.shape;
	shape.spare_sectors = sectors;
	shape.more.clear();
	shape.blank = true;
	RemapSet alone(shape, RemapSet::Begin::unopened);
	alone.host.draw_from(100 * (set.devices() + set.engine.journal().epoch()));
	Terms terms;
	terms.max_extents = set.engine.spares().max_extents();
	Refusal why;
	EXPECT_TRUE(alone.engine
			    .create({shape.main_sectors, SpareSizes(sectors), shape.block_sectors,
				     shape.physical_sectors},
				    terms, why)
			    .ok())
		<< why.text();
	EXPECT_TRUE(alone.engine.prepare(set.engine.journal().superblock(), why).ok()) << why.text();
	return alone.host.spare;
}

// Names it in the table line, behind the others, and loads the set with it.
inline Error add_spare(RemapSet &set, Sector sectors)
{
	set.suspend();
	set.host.more.push_back(prepared_for(set, sectors));
	return set.reload();
}

}  // namespace remap::test
