// SPDX-License-Identifier: GPL-2.0-or-later
// CRC32C (Castagnoli, polynomial 0x1edc6f41, reflected; RFC 3720 appendix B.4), eight bytes a turn
// by tables (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC
// Generation", 2008). Where the compiler may use SSE 4.2, its instruction for this very polynomial does the
// same; a kernel and the packages' programs are built for processors without it.
#pragma once

#include "core/base/types.h"

namespace remap {

// What each byte does to the CRC, up to seven bytes before the end of a turn.
struct Crc32cTables {
	u32 of[8][256] = {};

	constexpr Crc32cTables()
	{
		for (u32 byte = 0; byte < 256; ++byte)
			of[0][byte] = one(byte);
		for (u32 table = 1; table < 8; ++table)
			for (u32 byte = 0; byte < 256; ++byte) {
				const u32 last = of[table - 1][byte];
				of[table][byte] = last >> 8 ^ of[0][last & 0xff];
			}
	}
	static constexpr u32 one(u32 crc)
	{
		for (u32 bit = 0; bit < 8; ++bit)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
		return crc;
	}
};

class Crc32c {
public:
	// The CRC of `bytes` bytes; `before` is that of what came before them, 0 at the beginning.
	static u32 of(const void *data, usize bytes, u32 before = 0)
	{
		const u8 *at = static_cast<const u8 *>(data);
		u32 crc = ~before;
		for (; bytes >= 8; bytes -= 8, at += 8)
			crc = eight(crc ^ word(at), word(at + 4));
		for (; bytes; --bytes)
			crc = crc >> 8 ^ kTables.of[0][(crc ^ *at++) & 0xff];
		return ~crc;
	}

private:
	static constexpr Crc32cTables kTables{};

	static u32 word(const u8 *at)
	{
		return u32{at[0]} | u32{at[1]} << 8 | u32{at[2]} << 16 | u32{at[3]} << 24;
	}
	// `low` holds the CRC of what came before as well.
	static u32 eight(u32 low, u32 high)
	{
#ifdef __SSE4_2__
		return static_cast<u32>(__builtin_ia32_crc32di(0, u64{high} << 32 | low));
#else
		return kTables.of[7][low & 0xff] ^ kTables.of[6][low >> 8 & 0xff] ^
		       kTables.of[5][low >> 16 & 0xff] ^ kTables.of[4][low >> 24] ^
		       kTables.of[3][high & 0xff] ^ kTables.of[2][high >> 8 & 0xff] ^
		       kTables.of[1][high >> 16 & 0xff] ^ kTables.of[0][high >> 24];
#endif
	}
};

}  // namespace remap
