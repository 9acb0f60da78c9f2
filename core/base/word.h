// SPDX-License-Identifier: GPL-2.0-or-later
// Words of a message or a table line: comparing and reading numbers.
#pragma once

#include "core/base/types.h"

namespace remap {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Equal but for the case of letters.
constexpr bool same_word(const char *a, const char *b)
{
	for (; *a && lower(*a) == lower(*b); ++a, ++b) {
	}
	return lower(*a) == lower(*b);
}

enum class NumberFault : u8 { none, not_a_number, negative, overflow };

constexpr const char *text_of(NumberFault fault)
{
	switch (fault) {
	case NumberFault::none:
		return "is a number";
	case NumberFault::not_a_number:
		return "is not a number; decimal digits are expected";
	case NumberFault::negative:
		return "is negative; it must be 0 or more";
	case NumberFault::overflow:
		return "is too large for any device";
	}
	return "";
}

// Reads a decimal number of digits only. *value is set only when the result is `none`.
constexpr NumberFault parse_number(const char *word, u64 *value)
{
	const bool minus = word[0] == '-';
	const char *digits = word + (minus ? 1 : 0);
	if (!*digits)
		return NumberFault::not_a_number;
	for (const char *c = digits; *c; ++c)
		if (*c < '0' || *c > '9')
			return NumberFault::not_a_number;
	if (minus)
		return NumberFault::negative;
	u64 sum = 0;
	for (const char *c = digits; *c; ++c) {
		const u64 digit = static_cast<u64>(*c - '0');
		if (sum > (~u64{0} - digit) / 10)
			return NumberFault::overflow;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return NumberFault::none;
}

}  // namespace remap
