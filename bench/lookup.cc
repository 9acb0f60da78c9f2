// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/lookup.h"

namespace remap::bench {

u64 table_place(const HeapTable &table, Sector at, u64 want, u64 *sectors)
{
	const Answer answer = table.lookup(at, want);
	*sectors = answer.sectors;
	return answer.state == State::none ? 0 : answer.place;
}

u64 null_place(const HeapTable &, Sector at, u64 want, u64 *sectors)
{
	*sectors = want;
	return at;
}

} // namespace remap::bench
