// SPDX-License-Identifier: GPL-2.0-or-later
// Which device is which member of a set, and the sets that are refused since one is not.
#include <utility>

#include "tests/unit/several.h"

namespace remap::test {
namespace {

void expect_refused(RemapSet &set, Error error, const std::string &sentence)
{
	std::vector<MemoryDisk::Content> before;
	for (DeviceIndex device = 0; device < set.devices(); ++device)
		before.push_back(set.host.disk(device).written());
	EXPECT_EQ(set.reload(), error);
	EXPECT_EQ(set.sentence, sentence);
	for (DeviceIndex device = 0; device < set.devices(); ++device)
		EXPECT_TRUE(before[device] == set.host.disk(device).written()) << device;
}

TEST(Members, AnotherOrderIsTheSameSet)
{
	RemapSet set({.blank = true, .more = {16384, 8192}});
	ASSERT_EQ(set.send("add_remap 1000 " + std::to_string(border_of(set) - 4) + " 8"), 1);
	ASSERT_EQ(set.write(1000, 8, 500), IoStatus::ok);
	set.suspend();
	std::swap(set.host.more[0], set.host.more[1]);
	for (const u32 turn : {0, 1, 2}) {
		ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
		EXPECT_EQ(set.engine.spares().device(1), 3u - turn % 2);
		for (Sector at = 0; at < 8; ++at)
			EXPECT_EQ(set.stamp(1000 + at), 500 + at);
		ASSERT_EQ(set.send("relocate " + std::to_string(8000 + turn * 8) + " 8"), 1);
		set.check_books();
		set.suspend();
		std::swap(set.host.more[0], set.host.more[1]);
	}
}

TEST(Members, OneThatIsMissingIsNamed)
{
	RemapSet set({.blank = true, .more = {16384, 8192}});
	set.suspend();
	const std::string name = set_of(set), first = uuid_of(set, 0), third = uuid_of(set, 2);
	const MemoryDisk last = set.host.more[1];
	set.host.more.pop_back();
	expect_refused(set, Error::wrong_set,
		       "member 2, " + third + ", of set " + name +
			       " is missing; the set has more spares than were named");
	set.host.more.emplace_back(8192, MemoryDisk::kBlank);
	expect_refused(set, Error::wrong_set,
		       "member 2, " + third + ", of set " + name +
			       " is missing; spare 3 holds no superblock");
	// Alone it is no set of one.
	set.host.spare = last;
	set.host.more.clear();
	set.shape.spare_sectors = 8192;
	expect_refused(set, Error::wrong_set,
		       "member 0, " + first + ", of set " + name +
			       " is missing; the set has more spares than were named");
}

TEST(Members, AMemberOfAnotherSet)
{
	RemapSet set(kTwo);
	set.suspend();
	// Hosts in tests all draw the same numbers: another name by hand.
	Uuid name = set.engine.journal().superblock().set;
	name.bytes[0] ^= 1;
	for (u32 site = 0; site < kSites; ++site)
		for (u32 slot = 0; slot < Site::kSlots; ++slot) {
			const Sector at = slot_at(set.engine.layout(1), site, slot);
			auto disk = read_at<SuperblockDisk>(set.host.more[0], at);
			disk.set = name;
			disk.other = 0;
			disk.crc = crc_of(disk);
			put_at(set.host.more[0], at, slot ? SuperblockDisk{} : disk);
		}
	const std::string ours = set_of(set), words = words_of(name);
	const std::string tail = "; all spares that are named must be of one set";
	EXPECT_EQ(set.reload(), Error::wrong_set);
	EXPECT_TRUE(set.sentence == "spare 1 belongs to set " + ours + ", another one to set " +
					    words + tail ||
		    set.sentence == "spare 2 belongs to set " + words +
					    ", another one to set " + ours + tail)
		<< set.sentence;
	set.terms.set = name;
	expect_refused(set, Error::wrong_set,
		       "spare 1 belongs to set " + ours + ", but set " + words + " is demanded");
}

TEST(Members, TheSameOneTwice)
{
	RemapSet set({.blank = true, .more = {32768}});
	ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
	set.suspend();
	const std::string first = uuid_of(set, 0);
	set.host.more[0] = set.host.spare;
	expect_refused(set, Error::wrong_set,
		       "spare 1 and spare 2 both are member 0, " + first +
			       ", of the set: one is a copy of the other");
}

TEST(Members, OneTooMany)
{
	RemapSet set(kTwo);
	set.suspend();
	const std::string name = set_of(set);
	set.host.more.emplace_back(8192, MemoryDisk::kBlank);
	expect_refused(set, Error::wrong_set,
		       "spare 3 is no member of set " + name +
			       "; 'dmremap spare add' makes it one");
	RemapSet single({.blank = true});
	single.suspend();
	const std::string alone = set_of(single);
	single.host.more.emplace_back(8192, MemoryDisk::kBlank);
	expect_refused(single, Error::wrong_set,
		       "spare 2 is no member of set " + alone +
			       "; 'dmremap spare add' makes it one");
}

// A copy of a member that was taken before the set went on.
TEST(Members, OneThatWasLeftBehind)
{
	for (const u32 member : {0, 1}) {
		RemapSet set(kTwo);
		ASSERT_EQ(set.send("add_remap 1000 5000 100"), 1);
		set.suspend();
		MemoryDisk old = set.host.disk(kFirstSpare + member);
		ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
		ASSERT_EQ(set.write(1000, 8, 500), IoStatus::ok);
		set.suspend();
		const u64 epoch = set.engine.journal().epoch();
		const std::string name = set_of(set);
		std::swap(set.host.disk(kFirstSpare + member), old);
		expect_refused(set, Error::wrong_set,
			       "spare " + std::to_string(member + 1) + ", member " +
				       std::to_string(member) + " of set " + name +
				       ", never heard of epoch " + std::to_string(epoch) +
				       ": what it holds is out of date");
	}
}

TEST(Members, AMemberThatIsGoneInTheRecords)
{
	RemapSet set({.blank = true});
	set.suspend();
	const std::string name = set_of(set);
	edit_sites(set, [](SuperblockDisk &disk) { disk.members[1].state = 2; });
	expect_refused(set, Error::wrong_set,
		       "set " + name +
			       " goes on without its member 1, 00000000-0000-0000-0000-000000000000, "
			       "which is not here; with allow_degraded it starts, and what is on that "
			       "spare gives errors");
	// A member without a size no set can have had.
	set.terms.allow_degraded = true;
	expect_refused(set, Error::damaged, "the superblock is valid, but what it says cannot be");
}

TEST(Members, ASizeThatChanged)
{
	RemapSet set(kTwo);
	set.suspend();
	const std::string name = set_of(set);
	MemoryDisk grown(16400, MemoryDisk::kBlank);
	for (const auto &[sector, block] : set.host.more[0].written())
		grown.put(sector, block);
	// Its middle and tail are not found any more, but its head is.
	set.host.more[0] = grown;
	expect_refused(set, Error::wrong_set,
		       "spare 2 has 16400 sectors, set " + name + " was made on one of 16384");
}

}  // namespace
}  // namespace remap::test
