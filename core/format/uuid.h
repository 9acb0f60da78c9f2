// SPDX-License-Identifier: GPL-2.0-or-later
// UUIDs (RFC 4122) that name a set and its members.
#pragma once

#include "core/base/text.h"
#include "core/base/types.h"

namespace remap {

struct Uuid {
	u8 bytes[16] = {};

	bool operator==(const Uuid &) const = default;
	bool nil() const { return *this == Uuid{}; }

	// Marks 16 random bytes as a UUID of version 4.
	void make_random()
	{
		bytes[6] = static_cast<u8>((bytes[6] & 0x0f) | 0x40);
		bytes[8] = static_cast<u8>((bytes[8] & 0x3f) | 0x80);
	}

	// The usual 36 characters, in either case. false: it is something else.
	static bool parse(const char *text, Uuid *out)
	{
		Uuid uuid;
		for (u32 i = 0; i < 16; ++i) {
			if (hyphen_before(i) && *text++ != '-')
				return false;
			const int high = digit(*text);
			const int low = high < 0 ? -1 : digit(text[1]);
			if (low < 0)
				return false;
			uuid.bytes[i] = static_cast<u8>(high << 4 | low);
			text += 2;
		}
		if (*text)
			return false;
		*out = uuid;
		return true;
	}

private:
	static constexpr bool hyphen_before(u32 byte)
	{
		return byte == 4 || byte == 6 || byte == 8 || byte == 10;
	}
	static constexpr int digit(char c)
	{
		if (c >= '0' && c <= '9')
			return c - '0';
		const char lower = static_cast<char>(c | 0x20);
		return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
	}
	friend Text &operator<<(Text &text, const Uuid &uuid)
	{
		for (u32 i = 0; i < 16; ++i) {
			if (hyphen_before(i))
				text << '-';
			text << "0123456789abcdef"[uuid.bytes[i] >> 4]
			     << "0123456789abcdef"[uuid.bytes[i] & 15];
		}
		return text;
	}
};
static_assert(sizeof(Uuid) == 16);

}  // namespace remap
