// SPDX-License-Identifier: GPL-2.0-or-later
// What the driver asks for, in the words of an IoRequest; and what a device says of itself.
#pragma once

#include "core/engine/mapping.h"
#include "frontend/ublk_abi.h"

namespace remap::frontend::ublk {

// Of reads and writes, and so of a tag's memory.
inline constexpr u32 kMaxBytes = 262144;
// The most that a discard asks for at once; and a write of zeros, of which each block is tried by itself
// when it meets a bad one.
inline constexpr u32 kMaxDiscardSectors = (u32{1} << 30) / kSectorBytes;
inline constexpr u32 kMaxZeroesSectors = (u32{1} << 20) / kSectorBytes;

struct Asked {
	Op op = Op::read;
	bool flush = false;
	bool fua = false;
	Sector sector = 0;
	u32 sectors = 0;
	int error = 0; // an errno: it is answered with that

	bool has_data() const { return !flush && op <= Op::write; }
	// What the driver is told of one that went well.
	u32 bytes() const { return has_data() ? sectors * kSectorBytes : 0; }
};

// `total`: sectors of the device.
Asked asked_for(const ublksrv_io_desc &description, Sector total);

struct Shape {
	Sector sectors;
	u32 logical_block;  // bytes, as the physical one
	u32 physical_block;
};

ublk_params parameters_of(const Shape &shape);

}  // namespace remap::frontend::ublk
