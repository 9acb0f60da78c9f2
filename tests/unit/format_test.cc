// SPDX-License-Identifier: GPL-2.0-or-later
// Every structure on the disk: what is packed is unpacked, and what is not ours is seen.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "core/format/journal_block.h"
#include "core/format/superblock.h"

namespace remap::test {
namespace {

// RFC 3720, appendix B.4.
TEST(Crc32c, VectorsOfTheRfc)
{
	u8 data[32] = {};
	EXPECT_EQ(Crc32c::of(data, 32), 0x8a9136aau);
	std::memset(data, 0xff, sizeof(data));
	EXPECT_EQ(Crc32c::of(data, 32), 0x62a8ab43u);
	for (u8 i = 0; i < 32; ++i)
		data[i] = i;
	EXPECT_EQ(Crc32c::of(data, 32), 0x46dd794eu);
	for (u8 i = 0; i < 32; ++i)
		data[i] = static_cast<u8>(31 - i);
	EXPECT_EQ(Crc32c::of(data, 32), 0x113fdb5cu);
	const u8 command[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
				0x28, 0, 0, 0, 0, 0, 0, 0, 0x02};
	EXPECT_EQ(Crc32c::of(command, sizeof(command)), 0xd9963a56u);
	EXPECT_EQ(Crc32c::of("123456789", 9), 0xe3069283u);
}

TEST(Crc32c, InPiecesAsInOne)
{
	std::mt19937_64 random(1);
	u8 data[300];
	for (u8 &byte : data)
		byte = static_cast<u8>(random());
	const u32 whole = Crc32c::of(data, sizeof(data));
	for (usize cut = 0; cut <= sizeof(data); ++cut)
		ASSERT_EQ(Crc32c::of(data + cut, sizeof(data) - cut, Crc32c::of(data, cut)), whole);
}

TEST(LittleEndian, BytesInOrder)
{
	const Le64 value = 0x0102030405060708;
	const u8 bytes[] = {8, 7, 6, 5, 4, 3, 2, 1};
	EXPECT_EQ(std::memcmp(&value, bytes, sizeof(bytes)), 0);
	EXPECT_EQ(value.get(), 0x0102030405060708u);
	EXPECT_EQ(Le16(0xffee).get(), 0xffeeu);
	EXPECT_EQ(Le32(0xfedcba98).get(), 0xfedcba98u);
}

TEST(Uuid, TextAndBack)
{
	std::mt19937_64 random(2);
	for (u32 i = 0; i < 100; ++i) {
		Uuid uuid;
		for (u8 &byte : uuid.bytes)
			byte = static_cast<u8>(random());
		uuid.make_random();
		char line[64];
		Text text(line, sizeof(line));
		text << uuid;
		ASSERT_EQ(std::strlen(line), 36u);
		EXPECT_EQ(line[14], '4');
		EXPECT_TRUE(std::strchr("89ab", line[19]));
		Uuid back;
		ASSERT_TRUE(Uuid::parse(line, &back));
		EXPECT_EQ(back, uuid);
	}
	Uuid same;
	EXPECT_FALSE(Uuid::parse("", &same));
	EXPECT_FALSE(Uuid::parse("01234567-89ab-4def-8123-456789abcde", &same));
	EXPECT_FALSE(Uuid::parse("01234567-89ab-4def-8123-456789abcdef0", &same));
	EXPECT_FALSE(Uuid::parse("0123456789ab-4def-8123-456789abcdef", &same));
	EXPECT_TRUE(same.nil());
}

Record random_record(std::mt19937_64 &random)
{
	Record record;
	record.kind = static_cast<RecordKind>(1 + random() % 4);
	Extent &extent = record.extent;
	extent.length = random();
	extent.main = record.kind == RecordKind::bad ? 0 : random();
	if (record.kind == RecordKind::bad || record.kind == RecordKind::map)
		extent.place = random() & low_mask(kPlaceBits);
	if (record.kind == RecordKind::map || record.kind == RecordKind::restate)
		extent.state = random() % 2 ? State::active : State::lost;
	if (record.kind == RecordKind::map)
		extent.boundary = random() % 2;
	return record;
}

bool same_record(const Record &a, const Record &b)
{
	return a.kind == b.kind && a.extent.main == b.extent.main &&
	       a.extent.length == b.extent.length && a.extent.place == b.extent.place &&
	       a.extent.state == b.extent.state && a.extent.boundary == b.extent.boundary;
}

TEST(RecordFormat, RoundTrip)
{
	std::mt19937_64 random(3);
	for (u32 i = 0; i < 10000; ++i) {
		const Record record = random_record(random);
		Record back;
		ASSERT_TRUE(unpack(pack(record), &back));
		ASSERT_TRUE(same_record(record, back));
	}
	const Record pending = {RecordKind::map, {7, 8, 0, State::pending, false}};
	Record back;
	ASSERT_TRUE(unpack(pack(pending), &back));
	EXPECT_TRUE(same_record(pending, back));
}

TEST(RecordFormat, WhatNobodyWritesIsSeen)
{
	const auto well = [](const Record &record) {
		Record back;
		return unpack(pack(record), &back);
	};
	EXPECT_FALSE(well({static_cast<RecordKind>(0), {1, 1, 0, State::none, false}}));
	EXPECT_FALSE(well({static_cast<RecordKind>(5), {1, 1, 0, State::none, false}}));
	EXPECT_FALSE(well({static_cast<RecordKind>(15), {1, 1, 0, State::none, false}}));
	EXPECT_FALSE(well({RecordKind::map, {1, 1, 5, State::none, false}}));
	EXPECT_FALSE(well({RecordKind::map, {1, 1, 5, State::pending, false}}));
	EXPECT_FALSE(well({RecordKind::map, {1, 1, 0, State::pending, true}}));
	EXPECT_FALSE(well({RecordKind::unmap, {1, 1, 0, State::active, false}}));
	EXPECT_FALSE(well({RecordKind::unmap, {1, 1, 3, State::none, false}}));
	EXPECT_FALSE(well({RecordKind::unmap, {1, 1, 0, State::none, true}}));
	EXPECT_FALSE(well({RecordKind::restate, {1, 1, 0, State::pending, false}}));
	EXPECT_FALSE(well({RecordKind::restate, {1, 1, 4, State::lost, false}}));
	EXPECT_FALSE(well({RecordKind::bad, {1, 1, 4, State::none, false}}));
	for (u32 bit = kRecordBits; bit < 64; ++bit) {
		RecordDisk disk = pack({RecordKind::map, {1, 1, 5, State::active, false}});
		disk.packed = disk.packed | u64{1} << bit;
		Record back;
		EXPECT_FALSE(unpack(disk, &back)) << "bit " << bit;
	}
}

TEST(RecordFormat, Bounds)
{
	const auto map = [](Sector main, u64 length, Sector place) {
		return Record{RecordKind::map, {main, length, place, State::active, false}};
	};
	EXPECT_TRUE(in_bounds(map(90, 10, 40), 100, 50));
	EXPECT_FALSE(in_bounds(map(91, 10, 40), 100, 50));
	EXPECT_FALSE(in_bounds(map(90, 10, 41), 100, 50));
	EXPECT_FALSE(in_bounds(map(90, 0, 40), 100, 50));
	EXPECT_FALSE(in_bounds(map(~u64{0}, 2, 40), 100, 50));
	EXPECT_FALSE(in_bounds(map(5, ~u64{0}, 40), 100, 50));
	EXPECT_TRUE(in_bounds({RecordKind::unmap, {90, 10, 0, State::none, false}}, 100, 5));
	EXPECT_FALSE(in_bounds({RecordKind::unmap, {90, 11, 0, State::none, false}}, 100, 5));
}

Uuid uuid_of(std::mt19937_64 &random)
{
	Uuid uuid;
	for (u8 &byte : uuid.bytes)
		byte = static_cast<u8>(random());
	return uuid;
}

TEST(JournalFormat, RoundTripOfEveryCount)
{
	std::mt19937_64 random(4);
	const Uuid set = uuid_of(random);
	for (u32 count = 0; count <= kRecordsPerBlock; ++count) {
		std::vector<Record> records;
		for (u32 i = 0; i < count; ++i)
			records.push_back(random_record(random));
		JournalBlockDisk block;
		std::memset(static_cast<void *>(&block), 0xa5, sizeof(block));
		const u32 last = pack(&block, set, 7, 1000, 0x12345678, records.data(), count);
		u32 previous = 0x12345678;
		u32 seen = 0;
		for (u32 s = 0; s < kBlockSectors; ++s) {
			const JournalSectorDisk &sector = block.sector[s];
			ASSERT_TRUE(is_valid(sector, set));
			ASSERT_EQ(sector.previous, previous);
			ASSERT_EQ(sector.epoch, 7u);
			ASSERT_EQ(sector.sequence, 8000u + s);
			previous = sector.crc;
			for (u32 i = 0; i < sector.count; ++i) {
				Record back;
				ASSERT_TRUE(unpack(sector.records[i], &back));
				ASSERT_TRUE(same_record(records[seen++], back));
			}
		}
		ASSERT_EQ(seen, count);
		ASSERT_EQ(last, previous);
	}
}

template <class T, class Whole> void expect_each_bit_counts(const T &good, Whole &&whole)
{
	ASSERT_TRUE(whole(good));
	for (usize bit = 0; bit < sizeof(T) * 8; ++bit) {
		T bad = good;
		reinterpret_cast<u8 *>(&bad)[bit / 8] ^= static_cast<u8>(1 << bit % 8);
		ASSERT_FALSE(whole(bad)) << "bit " << bit;
	}
}

TEST(JournalFormat, EachBitCounts)
{
	std::mt19937_64 random(5);
	const Uuid set = uuid_of(random);
	const Record record = random_record(random);
	JournalBlockDisk block;
	pack(&block, set, 7, 1000, 5, &record, 1);
	expect_each_bit_counts(block.sector[0], [&](const JournalSectorDisk &sector) {
		return is_valid(sector, set);
	});
}

TEST(JournalFormat, OldIsZeroOrAnEarlierLap)
{
	std::mt19937_64 random(6);
	const Uuid set = uuid_of(random);
	JournalBlockDisk block;
	pack(&block, set, 7, 1000, 5, nullptr, 0);
	EXPECT_TRUE(is_old(block.sector[0], set, 8001));
	EXPECT_FALSE(is_old(block.sector[0], set, 8000));
	EXPECT_FALSE(is_old(block.sector[0], uuid_of(random), 8001));
	JournalSectorDisk zero{};
	EXPECT_TRUE(is_old(zero, set, 0));
	zero.zero_end[7] = 1;
	EXPECT_FALSE(is_old(zero, set, 8001));
}

TEST(CheckpointFormat, RoundTripAndEachBit)
{
	std::mt19937_64 random(7);
	const Uuid set = uuid_of(random);
	for (const u32 count : {u32{1}, u32{77}, kEntriesPerBlock}) {
		CheckpointBlockDisk block;
		std::memset(static_cast<void *>(&block), 0xa5, sizeof(block));
		std::vector<Record> records;
		for (u32 i = 0; i < count; ++i) {
			records.push_back(random_record(random));
			block.records[i] = pack(records.back());
		}
		const CheckpointId id = {random(), random()};
		const u32 crc = seal(&block, set, id, 9, count);
		EXPECT_EQ(crc, block.crc.get());
		ASSERT_TRUE(is_valid(block, set, id, 9));
		EXPECT_FALSE(is_valid(block, set, id, 8));
		EXPECT_FALSE(is_valid(block, set, {id.epoch, id.number + 1}, 9));
		EXPECT_FALSE(is_valid(block, set, {id.epoch + 1, id.number}, 9));
		EXPECT_FALSE(is_valid(block, uuid_of(random), id, 9));
		for (u32 i = 0; i < count; ++i) {
			Record back;
			ASSERT_TRUE(unpack(block.records[i], &back));
			ASSERT_TRUE(same_record(records[i], back));
		}
		for (u32 i = count; i < kEntriesPerBlock; ++i)
			ASSERT_EQ(block.records[i].packed, 0u);
		if (count == 1)
			expect_each_bit_counts(block, [&](const CheckpointBlockDisk &one) {
				return is_valid(one, set, id, 9);
			});
	}
}

Superblock random_superblock(std::mt19937_64 &random)
{
	Superblock block;
	block.set = uuid_of(random);
	for (u64 *field : {&block.compat, &block.ro_compat, &block.incompat, &block.epoch,
			   &block.generation, &block.announced, &block.main_sectors,
			   &block.max_extents, &block.root.id.epoch, &block.root.id.number,
			   &block.root.blocks, &block.journal_start, &block.epoch_start,
			   &block.journal_end, &block.chain_end})
		*field = random();
	for (u32 *field : {&block.block_bytes, &block.root.area, &block.root.crc,
			   &block.journal_previous, &block.chain, &block.other})
		*field = static_cast<u32>(random());
	block.state = static_cast<SetState>(1 + random() % 4);
	block.member = static_cast<u8>(random());
	block.site = static_cast<u8>(random());
	block.copies = static_cast<u8>(random());
	for (u32 i = 0; i < kMainIdBytes; ++i)
		block.main_id[i] = static_cast<char>('a' + random() % 26);
	for (Member &member : block.members) {
		member.uuid = uuid_of(random);
		member.sectors = random();
		member.opened_epoch = random();
		member.state = static_cast<MemberState>(random() % 3);
	}
	return block;
}

// Packed twice, so that a field which one direction forgets shows.
TEST(SuperblockFormat, RoundTrip)
{
	std::mt19937_64 random(8);
	const Layout layout = Layout::of(100000);
	for (u32 i = 0; i < 1000; ++i) {
		const Superblock from = random_superblock(random);
		SuperblockDisk disk;
		std::memset(static_cast<void *>(&disk), 0xa5, sizeof(disk));
		pack(&disk, from, layout);
		ASSERT_TRUE(is_whole(disk));
		Superblock to;
		unpack(disk, &to);
		EXPECT_EQ(to.set, from.set);
		EXPECT_EQ(to.epoch, from.epoch);
		EXPECT_EQ(to.journal_end, from.journal_end);
		EXPECT_EQ(to.root.crc, from.root.crc);
		EXPECT_STREQ(to.main_id, from.main_id);
		EXPECT_EQ(to.members[3].opened_epoch, from.members[3].opened_epoch);
		SuperblockDisk again;
		pack(&again, to, layout);
		ASSERT_EQ(std::memcmp(&disk, &again, sizeof(disk)), 0);
	}
}

// Each field reaches bytes of its own.
TEST(SuperblockFormat, NoFieldIsForgotten)
{
	std::mt19937_64 random(9);
	const Superblock from = random_superblock(random);
	SuperblockDisk disk;
	pack(&disk, from, Layout::of(100000));
	const auto nonzero = [&](usize at, usize bytes) {
		const u8 *first = reinterpret_cast<const u8 *>(&disk) + at;
		return std::any_of(first, first + bytes, [](u8 byte) { return byte != 0; });
	};
	for (usize at = 0; at < 176; at += 8)
		EXPECT_TRUE(nonzero(at, 8)) << at;
	EXPECT_TRUE(nonzero(offsetof(SuperblockDisk, journal_previous), 4));
	EXPECT_TRUE(nonzero(offsetof(SuperblockDisk, chain), 4));
	EXPECT_TRUE(nonzero(offsetof(SuperblockDisk, chain_end), 8));
	EXPECT_TRUE(nonzero(offsetof(SuperblockDisk, other), 4));
	for (usize at = offsetof(SuperblockDisk, main_id);
	     at < offsetof(SuperblockDisk, chain_end); at += 8)
		EXPECT_TRUE(nonzero(at, 8) || at >= offsetof(SuperblockDisk, members)) << at;
	EXPECT_FALSE(nonzero(offsetof(SuperblockDisk, zero_end), 11));
}

TEST(SuperblockFormat, EachBitCounts)
{
	std::mt19937_64 random(10);
	SuperblockDisk disk;
	pack(&disk, random_superblock(random), Layout::of(100000));
	expect_each_bit_counts(disk, [](const SuperblockDisk &one) { return is_whole(one); });
}

TEST(SuperblockFormat, RegionsFollowEachOtherWithoutAGap)
{
	for (Sector sectors = 2000; sectors < 3000000; sectors = sectors * 3 / 2) {
		const Layout layout = Layout::of(sectors);
		ASSERT_TRUE(layout.valid());
		const Sector journal = layout.journal_blocks() * kBlockSectors;
		const Sector area = layout.area_blocks() * kBlockSectors;
		EXPECT_EQ(layout.journal(0), kSiteSectors);
		EXPECT_EQ(layout.area(0, 0), layout.journal(0) + journal);
		EXPECT_EQ(layout.area(0, 1), layout.area(0, 0) + area);
		EXPECT_EQ(layout.data(), layout.area(0, 1) + area);
		EXPECT_EQ(layout.data_end(), layout.area(1, 1));
		EXPECT_EQ(layout.area(1, 0), layout.area(1, 1) + area);
		EXPECT_EQ(layout.journal(1), layout.area(1, 0) + area);
		EXPECT_EQ(layout.tail_site(), layout.journal(1) + journal);
		EXPECT_EQ(layout.tail_site() + kSiteSectors, round_down(sectors, kBlockSectors));
		EXPECT_GE(layout.entries(), layout.max_extents() + kEntriesPerBlock);
		EXPECT_GE(layout.journal_blocks(), layout.area_blocks());
	}
}

}  // namespace
}  // namespace remap::test
