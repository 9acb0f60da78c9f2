// SPDX-License-Identifier: GPL-2.0-or-later
// A block of a checkpoint. It names the checkpoint and its place in it, so that a block that is
// left over from an earlier one, or that was written elsewhere, is not taken for it.
#pragma once

#include "core/format/crc32c.h"
#include "core/format/layout.h"
#include "core/format/record.h"
#include "core/format/uuid.h"

namespace remap {

// No two checkpoints of a set have the same: the epoch in which it was begun, and a count within.
struct CheckpointId {
	u64 epoch = 0;
	u64 number = 0;
	bool operator==(const CheckpointId &) const = default;
};

struct CheckpointBlockDisk {
	static constexpr u8 kMagic[8] = {'r', 'e', 'm', 'a', 'p', 'c', 'k', 'p'};

	u8 magic[8];
	Le32 crc; // of the block with this field zero
	Le32 count;
	Uuid set;
	Le64 epoch;
	Le64 number;
	Le64 index; // in the checkpoint
	u8 zero[8];
	RecordDisk records[kEntriesPerBlock];
};
static_assert(sizeof(CheckpointBlockDisk) == kMetadataBlockBytes);
static_assert(alignof(CheckpointBlockDisk) == 1);
static_assert(offsetof(CheckpointBlockDisk, crc) == 8);
static_assert(offsetof(CheckpointBlockDisk, count) == 12);
static_assert(offsetof(CheckpointBlockDisk, set) == 16);
static_assert(offsetof(CheckpointBlockDisk, epoch) == 32);
static_assert(offsetof(CheckpointBlockDisk, number) == 40);
static_assert(offsetof(CheckpointBlockDisk, index) == 48);
static_assert(offsetof(CheckpointBlockDisk, zero) == 56);
static_assert(offsetof(CheckpointBlockDisk, records) == kCheckpointHeaderBytes);
static_assert(sizeof(RecordDisk) == kCheckpointEntryBytes);

inline u32 crc_of(const CheckpointBlockDisk &block)
{
	const Le32 zero;
	u32 crc = Crc32c::of(block.magic, sizeof(block.magic));
	crc = Crc32c::of(&zero, sizeof(zero), crc);
	return Crc32c::of(&block.count, sizeof(block) - offsetof(CheckpointBlockDisk, count), crc);
}

inline bool is_valid(const CheckpointBlockDisk &block, const Uuid &set, const CheckpointId &id,
		     u64 index)
{
	return __builtin_memcmp(block.magic, CheckpointBlockDisk::kMagic, sizeof(block.magic)) ==
		       0 &&
	       block.set == set && block.epoch == id.epoch && block.number == id.number &&
	       block.index == index && block.count <= kEntriesPerBlock &&
	       block.crc == crc_of(block);
}

// Completes a block whose first `count` records are filled in; the rest of it is made zero.
inline u32 seal(CheckpointBlockDisk *block, const Uuid &set, const CheckpointId &id, u64 index,
		u32 count)
{
	__builtin_memcpy(block->magic, CheckpointBlockDisk::kMagic, sizeof(block->magic));
	block->count = count;
	block->set = set;
	block->epoch = id.epoch;
	block->number = id.number;
	block->index = index;
	__builtin_memset(block->zero, 0, sizeof(block->zero));
	for (u32 i = count; i < kEntriesPerBlock; ++i)
		block->records[i] = RecordDisk{};
	const u32 crc = crc_of(*block);
	block->crc = crc;
	return crc;
}

}  // namespace remap
