// SPDX-License-Identifier: GPL-2.0-or-later
// A set of two spares whose second one dies, or is taken away.
#pragma once

#include <string>

#include "tests/unit/several.h"

namespace remap::test {

// A set of two spares with something on the first, on the second and across their border.
inline void fill(RemapSet &set)
{
	const Sector border = border_of(set);
	ASSERT_EQ(set.send("add_remap 1000 100 8"), 1);
	ASSERT_EQ(set.send("add_remap 2000 " + std::to_string(border + 100) + " 8"), 1);
	ASSERT_EQ(set.send("add_remap 3000 " + std::to_string(border - 4) + " 8"), 1);
	for (const Sector at : {1000, 2000, 3000})
		ASSERT_EQ(set.write(at, 8, at), IoStatus::ok);
	ASSERT_EQ(set.user_flush(), IoStatus::ok);
}

inline void expect_content(RemapSet &set, Sector at, u64 sectors)
{
	for (Sector sector = at; sector < at + sectors; ++sector)
		EXPECT_EQ(set.stamp(sector), sector) << sector;
}

inline void expect_errors(RemapSet &set, Sector at, u64 sectors)
{
	for (Sector sector = at; sector < at + sectors; ++sector)
		EXPECT_NE(set.read(sector, 1)->result(), IoStatus::ok) << sector;
}

// The second spare dies as a whole; a change of the table makes the set notice.
inline void lose_second(RemapSet &set, IoStatus status = IoStatus::io)
{
	set.host.more[0].fail_all(status);
	ASSERT_EQ(set.send("relocate 5000 8"), 1);
	ASSERT_EQ(set.value("status", "spares"), "0:in_use,1:gone");
}

inline MemoryDisk take_second(RemapSet &set)
{
	MemoryDisk second = set.host.more[0];
	set.host.more.clear();
	return second;
}

}  // namespace remap::test
