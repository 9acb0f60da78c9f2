// SPDX-License-Identifier: GPL-2.0-or-later
// Integer names used everywhere in the core, and the units of the data they count.
//
// The core is freestanding: it includes no libc and no OS header, so that the object that runs in
// the kernel is, line for line, the one that the tests and tools run.
#pragma once

#include <cstddef>
#include <cstdint>

namespace remap {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i64 = std::int64_t;
using usize = std::size_t;

// A position or a count in units of 512 bytes, whatever the block size of the device.
using Sector = u64;

inline constexpr u32 kSectorBytes = 512;
inline constexpr u32 kSectorsPerMiB = 2048;

// The largest main device the formats have room for: 2^48 sectors are 128 PiB.
inline constexpr u32 kSectorBits = 48;
inline constexpr Sector kMaxMainSectors = Sector{1} << kSectorBits;

}  // namespace remap
