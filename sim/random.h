// SPDX-License-Identifier: GPL-2.0-or-later
// Random: the simulator's only source of chance. Own code rather than <random>, so that a seed
// means the same on every library and every machine.
#pragma once

#include "core/base/types.h"

namespace remap::sim {

class Random {
public:
	explicit Random(u64 seed)
	{
		for (u64 &word : state_)
			word = mix(&seed);
	}

	u64 next()
	{
		const u64 result = rotate(state_[1] * 5, 7) * 9;
		const u64 shifted = state_[1] << 17;
		state_[2] ^= state_[0];
		state_[3] ^= state_[1];
		state_[1] ^= state_[2];
		state_[0] ^= state_[3];
		state_[2] ^= shifted;
		state_[3] = rotate(state_[3], 45);
		return result;
	}

	// 0 to limit - 1; 0 when limit is 0.
	u64 below(u64 limit) { return limit ? next() % limit : 0; }
	bool one_in(u64 count) { return below(count) == 0; }
	bool percent(u32 share) { return below(100) < share; }

private:
	static u64 rotate(u64 value, u32 by) { return value << by | value >> (64 - by); }

	static u64 mix(u64 *seed)
	{
		u64 z = *seed += 0x9e3779b97f4a7c15;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		return z ^ (z >> 31);
	}

	u64 state_[4];
};

} // namespace remap::sim
