// SPDX-License-Identifier: GPL-2.0-or-later
// Integers as they lie on a disk: little-endian, at any address, on any machine.
#pragma once

#include "core/base/types.h"

namespace remap {

template <class T, usize kBytes = sizeof(T)> class LittleEndian {
public:
	constexpr LittleEndian() = default;
	constexpr LittleEndian(T value) { set(value); }

	constexpr T get() const
	{
		T value = 0;
		for (usize i = kBytes; i-- > 0;)
			value = static_cast<T>(u64{value} << 8 | bytes_[i]);
		return value;
	}
	constexpr operator T() const { return get(); }

private:
	constexpr void set(T value)
	{
		for (usize i = 0; i < kBytes; ++i)
			bytes_[i] = static_cast<u8>(u64{value} >> (8 * i));
	}

	u8 bytes_[kBytes] = {};
};

using Le16 = LittleEndian<u16>;
using Le32 = LittleEndian<u32>;
using Le56 = LittleEndian<u64, 7>;
using Le64 = LittleEndian<u64>;
static_assert(sizeof(Le16) == 2 && sizeof(Le32) == 4 && sizeof(Le56) == 7 && sizeof(Le64) == 8);
static_assert(alignof(Le64) == 1);

}  // namespace remap
