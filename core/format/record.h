// SPDX-License-Identifier: GPL-2.0-or-later
// Record: one change of the table in the journal, and one stretch of it in a checkpoint. 24 bytes.
//
// A record says what holds for its range afterwards, never what to do with what was there before.
// So a checkpoint may be written while the table goes on changing: what it caught too early or too
// late, the records behind it put right (core/journal/checkpoint.h).
#pragma once

#include "core/base/bits.h"
#include "core/format/little_endian.h"
#include "core/table/extent.h"

namespace remap {

enum class RecordKind : u8 {
	map = 1,     // [main, +length) has this place and state; pending has no place
	unmap = 2,   // [main, +length) is not mapped
	restate = 3, // what is mapped in [main, +length) has this state
	bad = 4,     // [place, +length) of a spare failed: never handed out again
};

struct Record {
	RecordKind kind = RecordKind::map;
	Extent extent;
};

struct RecordDisk {
	Le64 main;   // sectors
	Le64 packed; // bits 0-43 place, 44-47 kind, 48-49 state, 50 boundary
	Le64 length; // sectors
};
static_assert(sizeof(RecordDisk) == 24);
static_assert(offsetof(RecordDisk, packed) == 8 && offsetof(RecordDisk, length) == 16);

inline constexpr u32 kRecordKindShift = kPlaceBits;
inline constexpr u32 kRecordStateShift = 48;
inline constexpr u32 kRecordBoundaryShift = 50;
inline constexpr u32 kRecordBits = 51;

inline RecordDisk pack(const Record &record)
{
	const Extent &extent = record.extent;
	return {extent.main,
		extent.place | u64{static_cast<u8>(record.kind)} << kRecordKindShift |
			u64{static_cast<u8>(extent.state)} << kRecordStateShift |
			u64{extent.boundary} << kRecordBoundaryShift,
		extent.length};
}

// Whether a record of this kind may have this content.
inline bool well_formed(const Record &record)
{
	const Extent &extent = record.extent;
	const bool mapped = extent.state == State::active || extent.state == State::lost;
	const bool plain = !extent.place && !extent.boundary;
	switch (record.kind) {
	case RecordKind::map:
		return mapped || (extent.state == State::pending && plain);
	case RecordKind::unmap:
		return extent.state == State::none && plain;
	case RecordKind::restate:
		return mapped && plain;
	case RecordKind::bad:
		return extent.state == State::none && !extent.boundary && !extent.main;
	}
	return false;
}

// Whether the whole of it lies on a main of `main_sectors` and on spares with `places` data sectors in
// all; the bits alone say nothing of that.
inline bool in_bounds(const Record &record, Sector main_sectors, Sector places)
{
	const Extent &extent = record.extent;
	if (!extent.length)
		return false;
	const bool on_main = record.kind == RecordKind::bad ||
			     range_fits(extent.main, extent.length, main_sectors);
	const bool on_spare = record.kind == RecordKind::bad ||
			      (record.kind == RecordKind::map && extent.state != State::pending);
	return on_main &&
	       (!on_spare || range_fits(extent.place, extent.length, places));
}

// false: no record that this version, or any, could have written.
inline bool unpack(const RecordDisk &disk, Record *out)
{
	const u64 packed = disk.packed;
	out->kind = static_cast<RecordKind>(packed >> kRecordKindShift & 0xf);
	out->extent = {disk.main, disk.length, packed & low_mask(kPlaceBits),
		       static_cast<State>(packed >> kRecordStateShift & 3),
		       (packed >> kRecordBoundaryShift & 1) != 0};
	return packed >> kRecordBits == 0 && well_formed(*out);
}

}  // namespace remap
