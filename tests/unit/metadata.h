// SPDX-License-Identifier: GPL-2.0-or-later
// What a test does to the metadata on a spare: reads it, changes it, breaks it.
#pragma once

#include <functional>

#include "tests/unit/remap_set.h"

namespace remap::test {

template <class T> T read_at(const MemoryDisk &disk, Sector sector)
{
	static_assert(sizeof(T) % kSectorBytes == 0);
	T out;
	u8 *to = reinterpret_cast<u8 *>(&out);
	for (u32 i = 0; i < sizeof(T) / kSectorBytes; ++i) {
		const Block block = disk.content(sector + i);
		std::memcpy(to + usize{i} * kSectorBytes, &block, kSectorBytes);
	}
	return out;
}

template <class T> void put_at(MemoryDisk &disk, Sector sector, const T &value)
{
	static_assert(sizeof(T) % kSectorBytes == 0);
	const u8 *from = reinterpret_cast<const u8 *>(&value);
	for (u32 i = 0; i < sizeof(T) / kSectorBytes; ++i) {
		Block block;
		std::memcpy(&block, from + usize{i} * kSectorBytes, kSectorBytes);
		disk.put(sector + i, block);
	}
}

// ---- superblocks ----

inline Sector slot_at(const Layout &layout, u32 site, u32 slot)
{
	return layout.site(site) + slot * kBlockSectors;
}

// The newest whole superblock of a site.
inline SuperblockDisk superblock_of(const RemapSet &set, u32 site)
{
	SuperblockDisk best{};
	for (u32 slot = 0; slot < Site::kSlots; ++slot) {
		const auto disk = read_at<SuperblockDisk>(
			set.host.spare, slot_at(set.engine.layout(), site, slot));
		if (!is_whole(disk))
			continue;
		Superblock a, b;
		unpack(disk, &a);
		unpack(best, &b);
		if (!is_whole(best) || newer(a, b))
			best = disk;
	}
	return best;
}

// Changes every whole superblock of a site, as a writer that has the CRC right.
inline void edit_site(RemapSet &set, u32 site, const std::function<void(SuperblockDisk &)> &change)
{
	const SuperblockDisk newest = superblock_of(set, site);
	u32 older = 0;
	for (const bool last : {false, true})
		for (u32 slot = 0; slot < Site::kSlots; ++slot) {
			const Sector at = slot_at(set.engine.layout(), site, slot);
			auto disk = read_at<SuperblockDisk>(set.host.spare, at);
			if (!is_whole(disk) || (disk.crc == newest.crc) != last)
				continue;
			change(disk);
			if (last && older)
				disk.other = older;
			disk.crc = crc_of(disk);
			older = disk.crc;
			put_at(set.host.spare, at, disk);
		}
}

inline void edit_sites(RemapSet &set, const std::function<void(SuperblockDisk &)> &change)
{
	for (u32 site = 0; site < kSites; ++site)
		edit_site(set, site, change);
}

// ---- damage ----

enum class Damage { unreadable, zeros, garbage, flipped };
inline constexpr Damage kDamages[] = {Damage::unreadable, Damage::zeros, Damage::garbage,
				      Damage::flipped};

inline const char *name_of(Damage damage)
{
	const char *names[] = {"unreadable", "zeros", "garbage", "one bit flipped"};
	return names[static_cast<int>(damage)];
}

inline void damage_at(MemoryDisk &disk, Sector from, u64 count, Damage damage)
{
	for (Sector at = from; at < from + count; ++at) {
		Block block = disk.content(at);
		switch (damage) {
		case Damage::unreadable:
			disk.mark_unreadable(at);
			continue;
		case Damage::zeros:
			block = Block::zeros();
			break;
		case Damage::garbage:
			block = Block::stamped(0x9e3779b97f4a7c15 * (at + 1));
			break;
		case Damage::flipped:
			block.words[at % block.words.size()] ^= u64{1} << at % 64;
			break;
		}
		disk.put(at, block);
	}
}

// ---- regions ----

struct Region {
	Sector from;
	u64 count;
};

inline Region site_region(const Layout &layout, u32 site)
{
	return {layout.site(site), kSiteSectors};
}
inline Region journal_region(const Layout &layout, u32 copy)
{
	return {layout.journal(copy), layout.journal_blocks() * kBlockSectors};
}
inline Region area_region(const Layout &layout, u32 copy, u32 which)
{
	return {layout.area(copy, which), layout.area_blocks() * kBlockSectors};
}
// A copy whole, without its site.
inline Region copy_region(const Layout &layout, u32 copy)
{
	return copy ? Region{layout.data_end(), layout.tail_site() - layout.data_end()}
		    : Region{kSiteSectors, layout.data() - kSiteSectors};
}

// The sector of block `sequence` of the log in a copy.
inline Sector log_block(const Layout &layout, u32 copy, u64 sequence)
{
	return layout.journal(copy) + sequence % layout.journal_blocks() * kBlockSectors;
}

// Both copies hold the same log and the same checkpoint, and the sites name both and the end.
inline void expect_copies_equal(const RemapSet &set)
{
	const Layout &layout = set.engine.layout();
	const Superblock &now = set.engine.journal().superblock();
	const u64 end = set.engine.journal().journal_end();
	// Places that an epoch left free hold anything that is no block of the log.
	const auto is_block = [&](u32 copy, u64 sequence) {
		const auto first = read_at<JournalSectorDisk>(set.host.spare,
							      log_block(layout, copy, sequence));
		return is_valid(first, now.set) && first.sequence == sequence * kBlockSectors;
	};
	for (u64 sequence = now.journal_start; sequence < end; ++sequence)
		for (u32 s = 0; s < kBlockSectors &&
				(is_block(0, sequence) || is_block(1, sequence)); ++s)
			ASSERT_EQ(set.host.spare.content(log_block(layout, 0, sequence) + s),
				  set.host.spare.content(log_block(layout, 1, sequence) + s))
				<< "block " << sequence;
	for (u64 i = 0; i < now.root.blocks * kBlockSectors; ++i)
		ASSERT_EQ(set.host.spare.content(layout.area(0, now.root.area) + i),
			  set.host.spare.content(layout.area(1, now.root.area) + i))
			<< "sector " << i << " of the checkpoint";
	EXPECT_EQ(now.copies, copies_of(1));
}

// What a load must bring back.
struct Remembered {
	explicit Remembered(const RemapSet &set) : extents(set.extents()), added(set.added()) {}
	void expect_in(const RemapSet &set) const
	{
		EXPECT_TRUE(same_extents(extents, set.extents())) << "the table is another";
		EXPECT_EQ(added, set.added());
	}

	std::vector<Extent> extents;
	std::vector<Added> added;
};

}  // namespace remap::test
