// SPDX-License-Identifier: GPL-2.0-or-later
// Small arithmetic on powers of two and ranges.
#pragma once

#include "core/base/types.h"

namespace remap {

template <class T> constexpr T min_of(T a, T b) { return a < b ? a : b; }
template <class T> constexpr T max_of(T a, T b) { return a > b ? a : b; }

// `unit` need not be a power of two.
constexpr u64 div_round_up(u64 value, u64 unit) { return (value + unit - 1) / unit; }

// `unit` must be a power of two.
constexpr u64 round_down(u64 value, u64 unit) { return value & ~(unit - 1); }
constexpr u64 round_up(u64 value, u64 unit) { return round_down(value + unit - 1, unit); }
constexpr bool is_aligned(u64 value, u64 unit) { return (value & (unit - 1)) == 0; }
constexpr bool is_power_of_two(u64 value) { return value && !(value & (value - 1)); }

// The number of the lowest set bit. REQUIRES: value != 0.
constexpr u32 lowest_bit(u64 value) { return static_cast<u32>(__builtin_ctzll(value)); }

// `count` ones from bit 0 on. REQUIRES: count <= 64.
constexpr u64 low_mask(u32 count) { return count >= 64 ? ~u64{0} : (u64{1} << count) - 1; }

// Whether [start, start + length) lies inside [0, limit), with no overflow on the way.
constexpr bool range_fits(u64 start, u64 length, u64 limit)
{
	return start <= limit && length <= limit - start;
}

constexpr bool ranges_overlap(u64 a, u64 a_length, u64 b, u64 b_length)
{
	return a < b + b_length && b < a + a_length;
}

}  // namespace remap
