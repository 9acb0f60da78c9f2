// SPDX-License-Identifier: GPL-2.0-or-later
// A block of the journal: eight sectors that describe themselves, so that it shows which of them a
// torn write brought to the disk. A block is one commit.
//
// Sectors are numbered from the format on: sector s of block b has sequence 8 b + s, and block b
// lies at place b modulo the length of the ring. Each names the CRC of the one before it, so a
// sector of another history does not fit, even with the right number.
#pragma once

#include "core/base/zero.h"
#include "core/format/crc32c.h"
#include "core/format/layout.h"
#include "core/format/record.h"
#include "core/format/uuid.h"

namespace remap {

struct JournalSectorDisk {
	static constexpr u32 kRecords = 19;

	Le32 crc;      // of the sector with this field zero
	Le32 previous; // crc of the sector before
	Uuid set;
	Le64 epoch;
	Le64 sequence;
	Le16 count; // records in use
	u8 zero[6];
	RecordDisk records[kRecords];
	u8 zero_end[8];
};
static_assert(sizeof(JournalSectorDisk) == kSectorBytes);
static_assert(alignof(JournalSectorDisk) == 1);
static_assert(offsetof(JournalSectorDisk, previous) == 4);
static_assert(offsetof(JournalSectorDisk, set) == 8);
static_assert(offsetof(JournalSectorDisk, epoch) == 24);
static_assert(offsetof(JournalSectorDisk, sequence) == 32);
static_assert(offsetof(JournalSectorDisk, count) == 40);
static_assert(offsetof(JournalSectorDisk, zero) == 42);
static_assert(offsetof(JournalSectorDisk, records) == 48);
static_assert(offsetof(JournalSectorDisk, zero_end) == 504);

struct JournalBlockDisk {
	JournalSectorDisk sector[kBlockSectors];
};
static_assert(sizeof(JournalBlockDisk) == kMetadataBlockBytes);

inline constexpr u32 kRecordsPerBlock = kBlockSectors * JournalSectorDisk::kRecords;

inline u32 crc_of(const JournalSectorDisk &sector)
{
	const Le32 zero;
	const u32 crc = Crc32c::of(&zero, sizeof(zero));
	return Crc32c::of(&sector.previous, sizeof(sector) - sizeof(sector.crc), crc);
}

inline bool is_valid(const JournalSectorDisk &sector, const Uuid &set)
{
	return sector.set == set && sector.count <= JournalSectorDisk::kRecords &&
	       sector.crc == crc_of(sector);
}

// A sector behind the end of the log, as it should be: never written, or left from an earlier lap.
inline bool is_old(const JournalSectorDisk &sector, const Uuid &set, u64 sequence)
{
	return is_zero(&sector, sizeof(sector)) ||
	       (is_valid(sector, set) && sector.sequence < sequence);
}

// Fills a block with up to kRecordsPerBlock records. `previous` is the CRC of the sector before the
// block; returns that of its last sector.
inline u32 pack(JournalBlockDisk *block, const Uuid &set, u64 epoch, u64 sequence, u32 previous,
		const Record *records, u32 count)
{
	__builtin_memset(static_cast<void *>(block), 0, sizeof(*block));
	for (u32 s = 0; s < kBlockSectors; ++s) {
		JournalSectorDisk &sector = block->sector[s];
		const u32 here = min_of(count, JournalSectorDisk::kRecords);
		sector.previous = previous;
		sector.set = set;
		sector.epoch = epoch;
		sector.sequence = sequence * kBlockSectors + s;
		sector.count = static_cast<u16>(here);
		for (u32 i = 0; i < here; ++i)
			sector.records[i] = pack(*records++);
		count -= here;
		previous = crc_of(sector);
		sector.crc = previous;
	}
	return previous;
}

}  // namespace remap
