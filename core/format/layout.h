// SPDX-License-Identifier: GPL-2.0-or-later
// Where things lie on a spare.
//
//	head                                   middle                          tail
//	| site | journal | area 0 | area 1 | data ... | site | data ... | area 1 | area 0 | journal | site |
//
// Two full copies of the metadata, one at each end, and three superblock sites, so that the loss
// of any one stretch of the spare loses nothing. What users address is the data area: its sectors
// are counted from 0 and run on across the middle site, so no command can name metadata.
//
// Everything is a multiple of 4 KiB, so that a write to metadata is never a read-modify-write on a
// drive with 4-KiB physical blocks.
#pragma once

#include "core/base/bits.h"
#include "core/base/types.h"

namespace remap {

inline constexpr u32 kMetadataBlockBytes = 4096;
inline constexpr u32 kBlockSectors = kMetadataBlockBytes / kSectorBytes;

// Two alternating superblock slots of one block each.
inline constexpr u64 kSiteBlocks = 2;
inline constexpr Sector kSiteSectors = kSiteBlocks * kBlockSectors;
// A checkpoint block: 64 bytes of header, then entries of 24 bytes.
inline constexpr u32 kCheckpointHeaderBytes = 64;
inline constexpr u32 kCheckpointEntryBytes = 24;
inline constexpr u32 kEntriesPerBlock =
	(kMetadataBlockBytes - kCheckpointHeaderBytes) / kCheckpointEntryBytes;
static_assert(kEntriesPerBlock == 168);
// The journal is as long as an area, so that rewriting an area costs at most one byte for each
// byte of journal; never shorter than this, so that a small set does not checkpoint all the time.
inline constexpr u64 kMinJournalBlocks = 64;
// One extent for each 4 KiB of spare unless told otherwise; the table numbers them in 32 bits.
inline constexpr u64 kMaxExtents = 0xffffffff;
inline constexpr u64 kMinExtents = 64;

class Layout {
public:
	constexpr Layout() = default;

	// The layout of a spare of `spare_sectors` sectors with room for `max_extents` extents.
	// valid() tells whether anything is left for data.
	static constexpr Layout of(Sector spare_sectors, u64 max_extents)
	{
		Layout layout;
		layout.max_extents_ = max_extents;
		layout.area_blocks_ = div_round_up(max_extents, kEntriesPerBlock) + 1;
		layout.journal_blocks_ = max_of(kMinJournalBlocks, layout.area_blocks_);
		const u64 blocks = spare_sectors / kBlockSectors;
		const u64 end = layout.end_blocks();
		const u64 reserved = 2 * end + kSiteBlocks;
		layout.reserved_sectors_ = reserved * kBlockSectors;
		if (blocks <= reserved || spare_sectors > kMaxSpareDataSectors)
			return layout;
		layout.head_end_ = end * kBlockSectors;
		layout.tail_start_ = (blocks - end) * kBlockSectors;
		layout.middle_ = (end + (blocks - reserved) / 2) * kBlockSectors;
		layout.data_sectors_ = (blocks - reserved) * kBlockSectors;
		return layout;
	}

	static constexpr Layout of(Sector spare_sectors)
	{
		const u64 wanted = spare_sectors / kBlockSectors;
		return of(spare_sectors, max_of(kMinExtents, min_of(wanted, kMaxExtents)));
	}

	constexpr bool valid() const { return data_sectors_ != 0; }
	constexpr u64 max_extents() const { return max_extents_; }
	// What an area has room for: at least a block's worth more, for stretches that fall apart.
	constexpr u64 entries() const { return area_blocks_ * kEntriesPerBlock; }
	// What the metadata takes, in sectors; right also when valid() is false.
	constexpr Sector reserved_sectors() const { return reserved_sectors_; }
	constexpr Sector data_sectors() const { return data_sectors_; }
	// The first data sector behind the middle site.
	constexpr Sector border() const { return middle_ - head_end_; }

	// REQUIRES: data < data_sectors().
	constexpr Sector physical(Sector data) const
	{
		const Sector skipped = data < border() ? 0 : kSiteSectors;
		return head_end_ + data + skipped;
	}

	// How many of `want` sectors from `data` on follow each other on the device.
	constexpr u64 contiguous(Sector data, u64 want) const
	{
		return data < border() ? min_of(want, border() - data) : want;
	}

	// ---- metadata, in sectors of the device; copy 0 is the head's, 1 the tail's ----
	constexpr u64 journal_blocks() const { return journal_blocks_; }
	constexpr u64 area_blocks() const { return area_blocks_; }
	// The first sector of a copy's journal. The tail is the head's mirror image.
	constexpr Sector journal(u32 copy) const
	{
		return copy ? tail_site() - journal_blocks_ * kBlockSectors : kSiteSectors;
	}
	// Of one of its two checkpoint areas.
	constexpr Sector area(u32 copy, u32 which) const
	{
		const Sector sectors = area_blocks_ * kBlockSectors;
		return copy ? journal(1) - (which + 1) * sectors
			    : journal(0) + journal_blocks_ * kBlockSectors + which * sectors;
	}
	constexpr Sector data() const { return head_end_; }
	constexpr Sector data_end() const { return tail_start_; }
	// Site 0 is the head's, 1 the middle's, 2 the tail's. They depend on the size of the spare
	// alone, so that they are found before anything is known of the set.
	constexpr Sector site(u32 number) const
	{
		return number == 0 ? head_site() : number == 1 ? middle_site() : tail_site();
	}
	constexpr Sector head_site() const { return 0; }
	constexpr Sector middle_site() const { return middle_; }
	constexpr Sector tail_site() const { return tail_start_ + head_end_ - kSiteSectors; }

private:
	static constexpr Sector kMaxSpareDataSectors = Sector{1} << 42;

	constexpr u64 end_blocks() const
	{
		return kSiteBlocks + journal_blocks_ + 2 * area_blocks_;
	}

	u64 max_extents_ = 0;
	u64 area_blocks_ = 0;
	u64 journal_blocks_ = 0;
	Sector reserved_sectors_ = 0;
	Sector head_end_ = 0;
	Sector middle_ = 0;
	Sector tail_start_ = 0;
	Sector data_sectors_ = 0;
};

}  // namespace remap
