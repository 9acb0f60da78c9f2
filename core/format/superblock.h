// SPDX-License-Identifier: GPL-2.0-or-later
// The superblock: what a set is, which of its copies count, and where its log begins.
//
// It lies in the first 512 bytes of a slot, so that no torn write can mix two of them: a sector is
// written whole or not, and the CRC sees what is neither. docs/development/FORMAT.md has the
// fields in words.
#pragma once

#include "core/format/checkpoint_block.h"
#include "core/format/layout.h"

namespace remap {

inline constexpr u32 kFormatVersion = 1;
inline constexpr u32 kMaxMembers = 4;
inline constexpr u32 kSites = 3;  // of a member: head, middle, tail
inline constexpr u32 kCopies = 2; // of a member: head, tail
inline constexpr usize kMainIdBytes = 64;
// On a spare that was prepared for a set and has not joined it: it has no number yet, and its own name
// is the first.
inline constexpr u8 kNoMember = 0xff;

enum class SetState : u8 {
	formatting = 1, // nothing counts yet
	ready = 2,	// formatted, never served I/O
	opened = 3,	// in use, or not closed after that
	clean = 4,	// closed; the log ends at journal_end
};

enum class MemberState : u8 {
	absent = 0, // no such member
	in_use = 1,
	gone = 2, // lost or given up; what it holds may not be current
	asked = 3, // the same, and the operator is about to give it up: not decided on one site alone
};

struct Member {
	Uuid uuid;
	Sector sectors = 0;
	u64 opened_epoch = 0; // the last epoch that had it in use; gone and 0: an operator gave it up
	MemberState state = MemberState::absent;
	u64 first_place = 0; // where its data area begins in the run of all (core/spare/spares.h)

	bool in_use() const { return state == MemberState::in_use; }
	bool gone() const { return state == MemberState::gone || asked(); }
	bool asked() const { return state == MemberState::asked; }
	bool given_up() const { return gone() && !opened_epoch; }
};

// Where the newest complete checkpoint is; no blocks: the table was empty.
struct CheckpointRoot {
	CheckpointId id;
	u64 blocks = 0;
	u32 area = 0;
	u32 crc = 0; // over the blocks' CRCs in their order
};

struct Superblock {
	Uuid set;
	u64 compat = 0;	   // may be ignored
	u64 ro_compat = 0; // unknown bits: nothing may be written
	u64 incompat = 0;  // unknown bits: nothing may be read either
	u64 epoch = 0;
	u64 generation = 0;
	u64 announced = 0; // the highest epoch that anybody was about to begin
	SetState state = SetState::formatting;
	u8 member = 0; // on whose site this is, or kNoMember
	u8 site = 0;
	u8 copies = 0; // in use: bit 2 m for member m's head copy, 2 m + 1 for its tail copy
	Sector main_sectors = 0;
	u32 block_bytes = 0; // logical block of the set
	u64 max_extents = 0;
	u64 journal_blocks = 0; // these two: as read; what is written follows from max_extents
	u64 area_blocks = 0;
	CheckpointRoot root;
	u64 journal_start = 0;	  // the first block of the log
	u32 journal_previous = 0; // the CRC that its first sector names
	u64 epoch_start = 0;	  // the first block that this epoch may have written
	u64 chain_end = 0;	  // behind the last block of the epochs before
	u32 chain = 0;		  // that block's CRC: all before epoch_start is read back from it
	u64 journal_end = 0;	  // clean: the block behind the last
	u32 other = 0;		  // CRC of what the other slot held when this one was written
	Sector scan_next = 0;	  // where the scan of main goes on, and
	bool scan_on = false;	  // whether an operator has started it
	char main_id[kMainIdBytes + 1] = "";
	Member members[kMaxMembers];
};

struct MemberDisk {
	Uuid uuid;
	Le64 sectors;
	Le64 opened_epoch;
	u8 state;
	Le56 first_place;
};
static_assert(sizeof(MemberDisk) == 40);
static_assert(offsetof(MemberDisk, first_place) == 33);

// Of the member on whose site it is: first sectors on the device. Derived from the sizes; written
// down so that a reader needs no arithmetic, and compared at load.
struct RegionsDisk {
	Le64 journal[kCopies];
	Le64 area[kCopies][2];
	Le64 data;
	Le64 middle;
	Le64 data_end;
};
static_assert(sizeof(RegionsDisk) == 72);

struct SuperblockDisk {
	static constexpr u8 kMagic[8] = {'d', 'm', '-', 'r', 'e', 'm', 'a', 'p'};

	u8 magic[8];
	Le32 crc; // of the 512 bytes with this field zero
	Le32 version;
	Uuid set;
	Le64 compat;
	Le64 ro_compat;
	Le64 incompat;
	Le64 epoch;
	Le64 generation;
	Le64 announced;
	u8 state;
	u8 member;
	u8 site;
	u8 copies;
	Le32 block_bytes;
	Le64 main_sectors;
	Le64 max_extents;
	Le64 journal_blocks;
	Le64 area_blocks;
	Le64 checkpoint_epoch;
	Le64 checkpoint_number;
	Le64 checkpoint_blocks;
	Le32 checkpoint_area;
	Le32 checkpoint_crc;
	Le64 journal_start;
	Le64 epoch_start;
	Le64 journal_end;
	Le32 journal_previous;
	Le32 chain;
	u8 main_id[kMainIdBytes];
	MemberDisk members[kMaxMembers];
	RegionsDisk regions;
	Le64 chain_end;
	Le32 other;
	Le64 scan_next;
	u8 scan_on;
	u8 zero_end[11];
};
static_assert(sizeof(SuperblockDisk) == kSectorBytes);
static_assert(alignof(SuperblockDisk) == 1);
static_assert(offsetof(SuperblockDisk, crc) == 8);
static_assert(offsetof(SuperblockDisk, version) == 12);
static_assert(offsetof(SuperblockDisk, set) == 16);
static_assert(offsetof(SuperblockDisk, compat) == 32);
static_assert(offsetof(SuperblockDisk, epoch) == 56);
static_assert(offsetof(SuperblockDisk, generation) == 64);
static_assert(offsetof(SuperblockDisk, announced) == 72);
static_assert(offsetof(SuperblockDisk, state) == 80);
static_assert(offsetof(SuperblockDisk, block_bytes) == 84);
static_assert(offsetof(SuperblockDisk, main_sectors) == 88);
static_assert(offsetof(SuperblockDisk, max_extents) == 96);
static_assert(offsetof(SuperblockDisk, journal_blocks) == 104);
static_assert(offsetof(SuperblockDisk, area_blocks) == 112);
static_assert(offsetof(SuperblockDisk, checkpoint_epoch) == 120);
static_assert(offsetof(SuperblockDisk, checkpoint_area) == 144);
static_assert(offsetof(SuperblockDisk, checkpoint_crc) == 148);
static_assert(offsetof(SuperblockDisk, journal_start) == 152);
static_assert(offsetof(SuperblockDisk, epoch_start) == 160);
static_assert(offsetof(SuperblockDisk, journal_end) == 168);
static_assert(offsetof(SuperblockDisk, journal_previous) == 176);
static_assert(offsetof(SuperblockDisk, chain) == 180);
static_assert(offsetof(SuperblockDisk, main_id) == 184);
static_assert(offsetof(SuperblockDisk, members) == 248);
static_assert(offsetof(SuperblockDisk, regions) == 408);
static_assert(offsetof(SuperblockDisk, chain_end) == 480);
static_assert(offsetof(SuperblockDisk, other) == 488);
static_assert(offsetof(SuperblockDisk, scan_next) == 492);
static_assert(offsetof(SuperblockDisk, scan_on) == 500);
static_assert(offsetof(SuperblockDisk, zero_end) == 501);

// A slot: the superblock, and zeros up to 4 KiB.
struct SlotDisk {
	SuperblockDisk superblock;
	u8 zero[kMetadataBlockBytes - sizeof(SuperblockDisk)];
};
static_assert(sizeof(SlotDisk) == kMetadataBlockBytes);

inline u32 crc_of(const SuperblockDisk &disk)
{
	const Le32 zero;
	u32 crc = Crc32c::of(disk.magic, sizeof(disk.magic));
	crc = Crc32c::of(&zero, sizeof(zero), crc);
	return Crc32c::of(&disk.version, sizeof(disk) - offsetof(SuperblockDisk, version), crc);
}

inline bool has_magic(const SuperblockDisk &disk)
{
	return __builtin_memcmp(disk.magic, SuperblockDisk::kMagic, sizeof(disk.magic)) == 0;
}

// Whether it is a superblock, whole, of whatever version.
inline bool is_whole(const SuperblockDisk &disk)
{
	return has_magic(disk) && disk.crc == crc_of(disk);
}

inline RegionsDisk regions_of(const Layout &layout)
{
	return {{layout.journal(0), layout.journal(1)},
		{{layout.area(0, 0), layout.area(0, 1)}, {layout.area(1, 0), layout.area(1, 1)}},
		layout.data(),
		layout.middle_site(),
		layout.data_end()};
}

inline void pack(SuperblockDisk *disk, const Superblock &from, const Layout &layout)
{
	__builtin_memset(static_cast<void *>(disk), 0, sizeof(*disk));
	__builtin_memcpy(disk->magic, SuperblockDisk::kMagic, sizeof(disk->magic));
	disk->version = kFormatVersion;
	disk->set = from.set;
	disk->compat = from.compat;
	disk->ro_compat = from.ro_compat;
	disk->incompat = from.incompat;
	disk->epoch = from.epoch;
	disk->generation = from.generation;
	disk->announced = from.announced;
	disk->state = static_cast<u8>(from.state);
	disk->member = from.member;
	disk->site = from.site;
	disk->copies = from.copies;
	disk->block_bytes = from.block_bytes;
	disk->main_sectors = from.main_sectors;
	disk->max_extents = from.max_extents;
	disk->journal_blocks = layout.journal_blocks();
	disk->area_blocks = layout.area_blocks();
	disk->checkpoint_epoch = from.root.id.epoch;
	disk->checkpoint_number = from.root.id.number;
	disk->checkpoint_blocks = from.root.blocks;
	disk->checkpoint_area = from.root.area;
	disk->checkpoint_crc = from.root.crc;
	disk->journal_start = from.journal_start;
	disk->epoch_start = from.epoch_start;
	disk->journal_end = from.journal_end;
	disk->journal_previous = from.journal_previous;
	disk->chain = from.chain;
	disk->chain_end = from.chain_end;
	disk->other = from.other;
	disk->scan_next = from.scan_next;
	disk->scan_on = from.scan_on;
	__builtin_memcpy(disk->main_id, from.main_id, kMainIdBytes);
	for (u32 m = 0; m < kMaxMembers; ++m) {
		const Member &member = from.members[m];
		disk->members[m] = {member.uuid, member.sectors, member.opened_epoch,
				    static_cast<u8>(member.state), member.first_place};
	}
	disk->regions = regions_of(layout);
	disk->crc = crc_of(*disk);
}

// REQUIRES: is_whole(), version kFormatVersion. What the fields mean is checked by who reads them.
inline void unpack(const SuperblockDisk &disk, Superblock *to)
{
	*to = Superblock{};
	to->set = disk.set;
	to->compat = disk.compat;
	to->ro_compat = disk.ro_compat;
	to->incompat = disk.incompat;
	to->epoch = disk.epoch;
	to->generation = disk.generation;
	to->announced = disk.announced;
	to->state = static_cast<SetState>(disk.state);
	to->member = disk.member;
	to->site = disk.site;
	to->copies = disk.copies;
	to->block_bytes = disk.block_bytes;
	to->main_sectors = disk.main_sectors;
	to->max_extents = disk.max_extents;
	to->journal_blocks = disk.journal_blocks;
	to->area_blocks = disk.area_blocks;
	to->root = {{disk.checkpoint_epoch, disk.checkpoint_number},
		    disk.checkpoint_blocks,
		    disk.checkpoint_area,
		    disk.checkpoint_crc};
	to->journal_start = disk.journal_start;
	to->epoch_start = disk.epoch_start;
	to->journal_end = disk.journal_end;
	to->journal_previous = disk.journal_previous;
	to->chain = disk.chain;
	to->chain_end = disk.chain_end;
	to->other = disk.other;
	to->scan_next = disk.scan_next;
	to->scan_on = disk.scan_on;
	__builtin_memcpy(to->main_id, disk.main_id, kMainIdBytes);
	for (u32 m = 0; m < kMaxMembers; ++m) {
		const MemberDisk &member = disk.members[m];
		to->members[m] = {member.uuid, member.sectors, member.opened_epoch,
				  static_cast<MemberState>(member.state), member.first_place};
	}
}

}  // namespace remap
