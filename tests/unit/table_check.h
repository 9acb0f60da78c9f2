// SPDX-License-Identifier: GPL-2.0-or-later
// Holds a table against its model and against its own real structure.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "core/table/table.h"
#include "tests/unit/table_model.h"
#include "tests/unit/test_platform.h"

namespace remap::test {

using TestTable = Table<TestPlatform>;

inline constexpr Sector kTableSectors = u64{1} << 24;

inline std::string show(const Extent &e)
{
	return "[" + std::to_string(e.main) + "+" + std::to_string(e.length) + " -> " +
	       std::to_string(e.place) + " state " + std::to_string(static_cast<int>(e.state)) +
	       (e.boundary ? " boundary]" : "]");
}

inline bool same(const Extent &a, const Extent &b)
{
	return a.main == b.main && a.length == b.length && a.place == b.place &&
	       a.state == b.state && a.boundary == b.boundary;
}

// One lookup. Exact up to where the bound on work may cut it.
inline void check_lookup(const TestTable &table, const TableModel &model, Sector at, u64 want)
{
	const Answer got = table.lookup(at, want);
	const Answer real = model.lookup(at);
	const u64 all = std::min(real.sectors, want);
	const u64 least = std::min<u64>(all, (TestTable::kMaxLookupParts - 1) * 256);
	ASSERT_EQ(static_cast<int>(got.state), static_cast<int>(real.state)) << at << "+" << want;
	ASSERT_EQ(got.place, real.place) << at << "+" << want;
	ASSERT_LE(got.sectors, all) << at << "+" << want;
	ASSERT_GE(got.sectors, least) << at << "+" << want;
}

inline void check_added(const TestTable &table, const TableModel &model, Sector at)
{
	Sector start = 0, model_start = 0;
	u64 length = 0, model_length = 0;
	const bool got = table.added_extent(at, &start, &length);
	ASSERT_EQ(got, model.added_extent(at, &model_start, &model_length)) << at;
	if (got) {
		ASSERT_EQ(start, model_start) << at;
		ASSERT_EQ(length, model_length) << at;
	}
}

inline void check_counts(const TestTable &table, const TableModel &model)
{
	const auto counts = model.counts();
	ASSERT_EQ(table.extents(), counts.extents);
	ASSERT_EQ(table.mapped_sectors(), counts.mapped);
	ASSERT_EQ(table.lost_sectors(), counts.lost);
	ASSERT_EQ(table.pending_sectors(), counts.pending);
}

inline void check_enumeration(const TestTable &table, const TableModel &model)
{
	Sector from = 0;
	for (;;) {
		Extent got, real;
		const bool more = model.next(from, &real);
		ASSERT_EQ(table.next(from, &got), more) << from;
		if (!more)
			break;
		ASSERT_TRUE(same(got, real)) << from << " " << show(got) << " " << show(real);
		from = got.main + got.length;
	}
}

// `rule`: whether the bucket rule has to hold (not after allocations that failed).
inline void check_structure(const TestTable &table, const TestPlatform &platform, bool rule = true)
{
	using Kind = Structure::Kind;
	u64 buckets = 0, pieces = 0, bytes = 0, slots = 0, leaves = 0;
	table.walk([&](const Structure &part) {
		buckets += part.buckets;
		pieces += part.pieces;
		bytes += part.bytes;
		if (part.kind == Kind::page)
			slots += part.entries;
		if (part.kind != Kind::page && part.kind != Kind::leaf)
			return;
		leaves += part.kind == Kind::leaf;
		EXPECT_LE(2 * part.entries, 3 * part.buckets);
		if (rule && !part.least) {
			EXPECT_GE(2 * part.entries, part.buckets);
		}
	});
	ASSERT_EQ(table.buckets(), buckets);
	ASSERT_EQ(table.pieces(), pieces);
	ASSERT_EQ(table.memory_bytes(), bytes);
	ASSERT_EQ(table.memory_bytes(), platform.bytes());
	ASSERT_GE(buckets, 64u);
	ASSERT_LE(leaves, slots);
}

// Everything: enumeration, counts, structure, and `lookups` lookups at random sectors and at the
// borders of random stretches.
template <class Random>
void check_all(const TestTable &table, const TableModel &model, const TestPlatform &platform,
	       Random &random, int lookups, bool rule = true)
{
	check_counts(table, model);
	check_structure(table, platform, rule);
	check_enumeration(table, model);
	const Sector size = model.main_sectors();
	auto check_at = [&](Sector at) {
		if (at >= size)
			return;
		const u64 most = u64{1} << (random() % 24);
		const u64 want = std::min<u64>(1 + random() % most, size - at);
		check_lookup(table, model, at, want);
		check_lookup(table, model, at, size - at);
		check_added(table, model, at);
		Extent got, real;
		const u64 cut = 1 + random() % most;
		const bool more = model.next(at, &real, cut);
		ASSERT_EQ(table.next(at, &got, cut), more) << at;
		if (more) {
			ASSERT_TRUE(same(got, real)) << at << " " << show(got) << " " << show(real);
		}
	};
	for (int i = 0; i < lookups; i++) {
		const Sector at = random() % size;
		check_at(at);
		const auto it = model.map().lower_bound(at);
		if (it == model.map().end())
			continue;
		const Sector end = it->first + it->second.length;
		for (const Sector border : {it->first - 1, it->first, it->first + 1, end - 1, end})
			check_at(border);
		if (testing::Test::HasFatalFailure())
			return;
	}
}

// Limbo drains once no reader is in the way.
inline void drain_limbo(TestTable &table)
{
	for (int i = 0; i < 10'000'000 && table.tidy(); i++) {
	}
}

} // namespace remap::test
