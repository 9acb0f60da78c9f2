// SPDX-License-Identifier: GPL-2.0-or-later
// Every refusal: its errno, its sentence, and nothing changed.
#include <cerrno>

#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

struct Refused {
	const char *message;
	int number;
	const char *sentence;
};

// A set that holds a little of everything, in blocks of one sector.
void fill_a_little(RemapSet &set)
{
	EXPECT_EQ(set.send("add_remap 1000 5000 100"), 1);
	EXPECT_EQ(set.send("add_remap 2000 6000 16 nocopy"), 1);
	EXPECT_EQ(set.send("relocate 3000 8"), 1);
	EXPECT_EQ(set.write(1000, 50, 77), IoStatus::ok);
}

class Refusals : public ::testing::TestWithParam<Refused> {};

TEST_P(Refusals, SaysWhyAndChangesNothing)
{
	RemapSet set;
	fill_a_little(set);
	const Snapshot before = set.snapshot();
	const Refused &refused = GetParam();
	const u64 count = set.number("stats", "refused");
	EXPECT_EQ(set.refusal(refused.message), refused.number) << set.reply;
	EXPECT_EQ(set.reply, "");
	EXPECT_EQ(set.last_error(), refused.sentence);
	EXPECT_TRUE(set.host.logged(refused.sentence));
	EXPECT_EQ(set.number("stats", "refused"), count + 1);
	set.expect_same(before);
}

// 65536 sectors of main; of 32768 of the spare 30864 are the data area.
const Refused kRefused[] = {
	{"", EINVAL, "unknown message ''; 'help' lists the messages"},
	{"frobnicate 1 2", EINVAL, "unknown message 'frobnicate'; 'help' lists the messages"},
	{"add_remapx 1 2 3", EINVAL, "unknown message 'add_remapx'; 'help' lists the messages"},
	{"status now", EINVAL, "status: found 1 arguments; the message is: status"},
	{"add_remap", EINVAL,
	 "add_remap: found 0 arguments; the message is: add_remap MAIN SPARE LEN [nocopy]"},
	{"add_remap 1 2", EINVAL,
	 "add_remap: found 2 arguments; the message is: add_remap MAIN SPARE LEN [nocopy]"},
	{"add_remap 1 2 nocopy", EINVAL,
	 "add_remap: found 3 arguments; the message is: add_remap MAIN SPARE LEN [nocopy]"},
	{"add_remap 1 2 3 4", EINVAL,
	 "add_remap: found 4 arguments; the message is: add_remap MAIN SPARE LEN [nocopy]"},
	{"relocate 1", EINVAL, "relocate: found 1 arguments; the message is: relocate MAIN LEN"},
	{"remove_remap stale-ok", EINVAL,
	 "remove_remap: found 1 arguments; the message is: remove_remap MAIN [LEN] [stale-ok]"},
	{"clear_all 5", EINVAL,
	 "clear_all: found 1 arguments; the message is: clear_all [stale-ok]"},
	{"list 1 2 3", EINVAL, "list: found 3 arguments; the message is: list [FROM [COUNT]]"},
	{"add_remap x 2 3", EINVAL,
	 "add_remap: MAIN 'x' is not a number; decimal digits are expected"},
	{"add_remap 1 0x10 3", EINVAL,
	 "add_remap: SPARE '0x10' is not a number; decimal digits are expected"},
	{"add_remap 1 2 +3", EINVAL,
	 "add_remap: LEN '+3' is not a number; decimal digits are expected"},
	{"remove_remap 1000 nocopy", EINVAL,
	 "remove_remap: LEN 'nocopy' is not a number; decimal digits are expected"},
	{"relocate -5 8", EINVAL, "relocate: MAIN '-5' is negative; it must be 0 or more"},
	{"add_remap 18446744073709551616 1 1", EINVAL,
	 "add_remap: MAIN '18446744073709551616' is too large for any device"},
	{"add_remap 1 2 3333333333333333333333333333333333333333", EINVAL,
	 "add_remap: LEN '33333333333333333333333333333333...' is too large for any device"},
	{"add_remap 10 20 0", EINVAL, "add_remap: LEN is 0; it must be at least 1"},
	{"relocate 10 0", EINVAL, "relocate: LEN is 0; it must be at least 1"},
	{"remove_remap 1000 0", EINVAL, "remove_remap: LEN is 0; it must be at least 1"},
	{"list 0 0", EINVAL, "list: COUNT is 0; it must be at least 1"},
	{"add_remap 65530 0 7", ERANGE,
	 "add_remap: MAIN 65530 with LEN 7 reaches beyond main, which has 65536 sectors"},
	{"add_remap 18446744073709551615 0 2", ERANGE,
	 "add_remap: MAIN 18446744073709551615 with LEN 2 reaches beyond main, which has 65536 "
	 "sectors"},
	{"relocate 0 18446744073709551615", ERANGE,
	 "relocate: MAIN 0 with LEN 18446744073709551615 reaches beyond main, which has 65536 "
	 "sectors"},
	{"remove_remap 65536", ERANGE,
	 "remove_remap: MAIN 65536 is beyond main, which has 65536 sectors"},
	{"remove_remap 65535 2", ERANGE,
	 "remove_remap: MAIN 65535 with LEN 2 reaches beyond main, which has 65536 sectors"},
	{"add_remap 0 30864 1", ERANGE,
	 "add_remap: SPARE 30864 with LEN 1 reaches beyond the data area, which has 30864 sectors"},
	{"add_remap 0 30863 2", ERANGE,
	 "add_remap: SPARE 30863 with LEN 2 reaches beyond the data area, which has 30864 sectors"},
	{"add_remap 0 18446744073709551615 2", ERANGE,
	 "add_remap: SPARE 18446744073709551615 with LEN 2 reaches beyond the data area, which has "
	 "30864 sectors"},
	{"add_remap 1000 5000 100", EEXIST,
	 "add_remap: the range is mapped already (sector 1000)"},
	{"add_remap 990 20000 11", EEXIST, "add_remap: the range is mapped already (sector 1000)"},
	{"add_remap 1050 20000 1", EEXIST, "add_remap: the range is mapped already (sector 1050)"},
	{"add_remap 1099 20000 10", EEXIST, "add_remap: the range is mapped already (sector 1099)"},
	{"relocate 900 2000", EEXIST, "relocate: the range is mapped already (sector 1000)"},
	{"add_remap 50 4990 11", EEXIST,
	 "add_remap: part of SPARE 4990 with LEN 11 is in use already"},
	{"add_remap 50 5099 1", EEXIST,
	 "add_remap: part of SPARE 5099 with LEN 1 is in use already"},
	{"remove_remap 999", ENOENT, "remove_remap: nothing is mapped there (sector 999)"},
	{"remove_remap 1100", ENOENT, "remove_remap: nothing is mapped there (sector 1100)"},
	{"remove_remap 1000 101", ENOENT, "remove_remap: nothing is mapped there (sector 1100)"},
	{"remove_remap 2000", ENODATA,
	 "remove_remap: the range has lost sectors; it stays mapped until they are written "
	 "(sector 2000)"},
	{"remove_remap 1000 stale-ok", EBUSY,
	 "remove_remap: stale-ok gives up the newest data, so the device must not be open"},
	{"clear_all stale-ok", EBUSY,
	 "clear_all: stale-ok gives up the newest data, so the device must not be open"},
	{"relocate 4000 30800", ENOSPC,
	 "relocate: LEN 30800 does not fit: the spare has 30740 free sectors"},
	{"scan now", EINVAL, "scan: 'now' is none of start|stop|status"},
	{"scan", EINVAL, "scan: found 0 arguments; the message is: scan start|stop|status"},
	{"sync now", EINVAL, "sync: found 1 arguments; the message is: sync"},
};

INSTANTIATE_TEST_SUITE_P(Engine, Refusals, ::testing::ValuesIn(kRefused));

TEST(EngineRefusal, Misaligned)
{
	RemapSet set({.block_sectors = 8});
	ASSERT_EQ(set.send("add_remap 80 160 16"), 1);
	const Snapshot before = set.snapshot();
	EXPECT_EQ(set.refusal("add_remap 4 800 8"), EINVAL);
	EXPECT_EQ(set.last_error(), "add_remap: MAIN 4 and LEN 8 must be multiples of the logical "
				    "block, 8 sectors");
	EXPECT_EQ(set.refusal("add_remap 800 804 8"), EINVAL);
	EXPECT_EQ(set.last_error(),
		  "add_remap: SPARE 804 must be a multiple of the logical block, 8 sectors");
	EXPECT_EQ(set.refusal("relocate 800 12"), EINVAL);
	EXPECT_EQ(set.refusal("remove_remap 80 4"), EINVAL);
	EXPECT_EQ(set.refusal("relocate 800 0"), EINVAL);
	EXPECT_EQ(set.last_error(), "relocate: LEN is 0; it must be at least 8");
	set.expect_same(before);
}

TEST(EngineRefusal, SuspendedUntilResumed)
{
	RemapSet set;
	fill_a_little(set);
	const Snapshot before = set.snapshot();
	set.engine.presuspend();
	for (const char *message : {"add_remap 10 20 5", "relocate 10 5", "remove_remap 1000",
				    "clear_all", "sync"}) {
		EXPECT_EQ(set.refusal(message), EINTR) << message;
		EXPECT_NE(set.last_error().find("interrupted"), std::string::npos);
	}
	set.engine.postsuspend();
	for (const char *message : {"add_remap 10 20 5", "relocate 10 5", "remove_remap 1000",
				    "clear_all", "sync"}) {
		EXPECT_EQ(set.refusal(message), EBUSY) << message;
		EXPECT_NE(set.last_error().find("the device is suspended; resume it"),
			  std::string::npos);
	}
	set.expect_same(before, false); // the spare has been marked clean
	EXPECT_EQ(set.send("list"), 1);
	EXPECT_EQ(set.resume(), Error::ok);
	EXPECT_EQ(set.send("add_remap 10 20 5"), 1);
}

TEST(EngineRefusal, Interrupted)
{
	RemapSet set;
	fill_a_little(set);
	const Snapshot before = set.snapshot();
	set.host.stop = true;
	EXPECT_EQ(set.refusal("add_remap 10 20 5"), EINTR);
	EXPECT_EQ(set.refusal("clear_all"), EINTR);
	set.host.stop = false;
	set.host.drain_interrupted = true;
	EXPECT_EQ(set.refusal("relocate 10 5"), EINTR);
	EXPECT_EQ(set.refusal("remove_remap 1000"), EINTR);
	EXPECT_EQ(set.last_error(),
		  "remove_remap: interrupted; what was finished before is kept");
	set.expect_same(before);
}

// What would change the table changes what is written where, also when it needs no copy.
TEST(EngineRefusal, ReadOnly)
{
	RemapSet set;
	fill_a_little(set);
	const Snapshot before = set.snapshot();
	set.host.writes = false;
	set.host.open = false;
	for (const char *message : {"add_remap 9000 9000 8", "add_remap 9000 9000 8 nocopy",
				    "relocate 9000 8", "remove_remap 1000",
				    "remove_remap 2000 stale-ok", "clear_all"}) {
		EXPECT_EQ(set.refusal(message), EROFS) << message;
		EXPECT_NE(set.last_error().find("the set is read-only"), std::string::npos);
	}
	set.expect_same(before);
	set.host.writes = true;
	EXPECT_EQ(set.send("remove_remap 1000"), 1);
}

TEST(EngineRefusal, AnyLetterCase)
{
	RemapSet set;
	EXPECT_EQ(set.send("ADD_Remap 1000 5000 100 NoCopy"), 1);
	EXPECT_EQ(set.engine.table().lost_sectors(), 100u);
	set.host.open = false;
	EXPECT_EQ(set.send("REMOVE_REMAP 1000 STALE-OK"), 1);
	EXPECT_EQ(set.send("Clear_All"), 1);
	EXPECT_EQ(set.send("HELP"), 1);
}

TEST(EngineRefusal, TableFull)
{
	// The table of a small spare holds one extent for each 4 KiB of it.
	RemapSet set({.spare_sectors = 3200});
	ASSERT_EQ(set.number("status", "max_extents"), 400u);
	for (u32 i = 0; i < 400; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(2 * i) + " 1"), 1);
	const Snapshot before = set.snapshot();
	EXPECT_EQ(set.refusal("relocate 2000 1"), ENOSPC);
	EXPECT_EQ(set.last_error(), "relocate: the table holds as many extents as it can");
	set.expect_same(before, false);
}

}  // namespace
}  // namespace remap::test
