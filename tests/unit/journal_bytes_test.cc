// SPDX-License-Identifier: GPL-2.0-or-later
// Every byte of the metadata is decided: whatever was in the core's buffers before, the same
// history writes the same.
#include "tests/unit/metadata.h"

namespace remap::test {
namespace {

MemoryDisk::Content live(u8 fill)
{
	RemapSet set({.blank = true}, RemapSet::Begin::unopened);
	set.host.buffer_fill = fill;
	EXPECT_EQ(set.open(), Error::ok) << set.sentence;
	set.host.main.mark_unreadable(1010, 3);
	for (u32 i = 0; i < 200; ++i) {
		const std::string at = std::to_string(900 + 40 * i);
		EXPECT_EQ(set.send("relocate " + at + " " + std::to_string(1 + i % 30)), 1);
		if (i % 3 == 0) {
			EXPECT_EQ(set.send("remove_remap " + at), 1) << set.last_error();
		}
		if (i % 50 == 20) {
			EXPECT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
		}
	}
	EXPECT_EQ(set.send("sync"), 1);
	set.suspend();
	return set.host.spare.written();
}

TEST(JournalBytes, NoneIsLeftToChance)
{
	const MemoryDisk::Content good = live(0);
	EXPECT_GT(good.size(), 1000u);
	for (const u8 fill : {0x5a, 0xff})
		EXPECT_TRUE(good == live(fill)) << u32{fill};
}

}  // namespace
}  // namespace remap::test
