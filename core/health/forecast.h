// SPDX-License-Identifier: GPL-2.0-or-later
// Forecast: how fast the use of the spare grows, and when the spare is full if that goes on.
//
// The growth is the slope of the straight line with the least sum of squared distances from the
// points (linear regression; e.g. NIST/SEMATECH e-Handbook of Statistical Methods, 4.4.3.1):
//
//	slope = (n * sum(x*y) - sum(x) * sum(y)) / (n * sum(x*x) - sum(x)^2)
//
// in integers, since the kernel has no others: times and uses are shifted until they have 16 and 24
// bits, which costs less than a thousandth of the spans they cover.
#pragma once

#include "core/base/bits.h"
#include "core/health/history.h"

namespace remap {

enum class Trend : u8 {
	unknown, // fewer than kLeast points
	steady,	 // the use does not grow
	growing,
};

constexpr const char *word_of(Trend trend)
{
	return trend == Trend::growing ? "growing" : trend == Trend::steady ? "steady" : "unknown";
}

struct Forecast {
	static constexpr u32 kLeast = 3;
	static constexpr u64 kDay = 86400;
	static constexpr u64 kNever = ~u64{0};

	Trend trend = Trend::unknown;
	u64 per_day = 0;	   // sectors; 0 unless it grows
	u64 full_seconds = kNever; // from now on; kNever unless it grows
};

// a * b / c, rounded down; the largest number if that is larger. REQUIRES: c != 0.
constexpr u64 mul_div(u64 a, u64 b, u64 c)
{
	// Bit by bit: a kernel has no division of 128 bits.
	const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
	u64 quotient = 0;
	u64 rest = 0;
	for (u32 i = 128; i--;) {
		const bool carry = rest >> 63;
		rest = rest << 1 | static_cast<u64>(product >> i & 1);
		const bool fits = carry || rest >= c;
		if (fits && i >= 64)
			return ~u64{0};
		if (fits)
			rest -= c;
		quotient = quotient << 1 | fits;
	}
	return quotient;
}

// How far a number has to be shifted to the right to have at most `bits` bits.
constexpr u32 excess_bits(u64 value, u32 bits)
{
	u32 shift = 0;
	while (value >> shift >> bits)
		++shift;
	return shift;
}

// `now`: the use at this moment, the last point. Any context.
inline Forecast forecast(History::Points points, const History::Point &now, u64 total)
{
	Forecast result;
	const History::Point *last = points.count ? &points.point[points.count - 1] : nullptr;
	if (!last || now.seconds - last->seconds >= History::kSpacing)
		points.add(now);
	if (points.count < Forecast::kLeast)
		return result;
	u64 lowest = ~u64{0};
	u64 highest = 0;
	for (u32 i = 0; i < points.count; ++i) {
		lowest = min_of(lowest, points.point[i].used);
		highest = max_of(highest, points.point[i].used);
	}
	const u64 begin = points.point[0].seconds;
	const u32 time_shift = excess_bits(points.point[points.count - 1].seconds - begin, 16);
	const u32 use_shift = excess_bits(highest - lowest, 24);
	i64 n = points.count, x_sum = 0, y_sum = 0, xy_sum = 0, xx_sum = 0;
	for (u32 i = 0; i < points.count; ++i) {
		const i64 x = static_cast<i64>((points.point[i].seconds - begin) >> time_shift);
		const i64 y = static_cast<i64>((points.point[i].used - lowest) >> use_shift);
		x_sum += x;
		y_sum += y;
		xy_sum += x * y;
		xx_sum += x * x;
	}
	const i64 rise = n * xy_sum - x_sum * y_sum;
	const i64 run = n * xx_sum - x_sum * x_sum;
	result.trend = rise > 0 && run > 0 ? Trend::growing : Trend::steady;
	if (result.trend == Trend::steady)
		return result;
	// Sectors per second are `rise` << use_shift over `run` << time_shift.
	const u64 up = static_cast<u64>(rise);
	const u64 along = static_cast<u64>(run);
	const u64 left = total > now.used ? total - now.used : 0;
	result.per_day = mul_div(Forecast::kDay << use_shift, up, along << time_shift);
	result.full_seconds = mul_div(left, along << time_shift, up) >> use_shift;
	return result;
}

}  // namespace remap
