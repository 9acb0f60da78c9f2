// SPDX-License-Identifier: GPL-2.0-or-later
// Members that are made: as a dump has them, with gaps, and out of what was another set's.
#include "tests/unit/several.h"

namespace remap::test {
namespace {

TEST(MembersMake, NumbersAndPlacesAreAsTold)
{
	RemapSet set(kTwo, RemapSet::Begin::unopened);
	set.terms.max_extents = 1024;
	set.terms.places = {3, {2, 0}, {50000, 900000}};
	ASSERT_EQ(set.open(), Error::ok) << set.sentence;
	EXPECT_EQ(set.value("status", "spares"), "0:in_use,2:in_use");
	EXPECT_EQ(set.refusal("add_remap 1000 0 8"), ERANGE) << "a gap";
	ASSERT_EQ(set.send("add_remap 1000 50000 8"), 1) << set.last_error();
	ASSERT_EQ(set.send("add_remap 2000 900100 8"), 1) << set.last_error();
	for (const Sector at : {1000, 2000})
		ASSERT_EQ(set.write(at, 8, at), IoStatus::ok);
	ASSERT_EQ(set.user_flush(), IoStatus::ok);
	set.terms.places = {};
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	const Superblock &made = set.engine.journal().superblock();
	EXPECT_EQ(made.members[0].sectors, 16384u);
	EXPECT_EQ(made.members[0].first_place, 900000u);
	EXPECT_EQ(made.members[1].state, MemberState::absent);
	EXPECT_EQ(made.members[2].first_place, 50000u);
	EXPECT_EQ(set.engine.spares().device(0), 2u);
	for (const Sector at : {1000, 2000})
		for (Sector sector = at; sector < at + 8; ++sector)
			EXPECT_EQ(set.stamp(sector), sector);
	set.check_books();
}

TEST(MembersMake, PlacesThatOverlapAreRefused)
{
	RemapSet set(kTwo, RemapSet::Begin::unopened);
	set.terms.max_extents = 1024;
	set.terms.places = {2, {0, 1}, {0, 100}};
	EXPECT_EQ(set.open(), Error::wrong_argument);
	EXPECT_EQ(set.sentence, "the places of two spares overlap, or reach too far");
}

// What was another set's, with epochs beyond those of the set that it is to join.
TEST(MembersMake, AWipedSpareOfALaterEpochJoins)
{
	RemapSet other({.spare_sectors = 16384, .blank = true});
	for (u32 i = 0; i < 5; ++i)
		ASSERT_EQ(other.crash_and_reload(), Error::ok);
	const Uuid name = other.engine.journal().superblock().set;
	RemapSet set({.blank = true});
	ASSERT_LT(set.engine.journal().epoch(), other.engine.journal().epoch());
	Terms terms;
	terms.max_extents = set.engine.spares().max_extents();
	terms.wipe_set = name;
	Refusal why;
	std::destroy_at(&other.engine);
	std::construct_at(&other.engine, other.host);
	ASSERT_TRUE(other.engine
			    .create({set.shape.main_sectors, SpareSizes(16384), set.shape.block_sectors,
				     set.shape.physical_sectors},
				    terms, why)
			    .ok())
		<< why.text();
	ASSERT_TRUE(other.engine.prepare(set.engine.journal().superblock(), why).ok()) << why.text();
	set.suspend();
	set.host.more.push_back(other.host.spare);
	ASSERT_EQ(set.reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.value("status", "spares"), "0:in_use,1:in_use");
}

}  // namespace
}  // namespace remap::test
