// SPDX-License-Identifier: GPL-2.0-or-later
// The table's lookup as the I/O path calls it: a function of its own, compiled with
// -mgeneral-regs-only. The peers are inlined into the benchmark and may use what the CPU has.
#pragma once

#include "bench/bench_platform.h"

namespace remap::bench {

using HeapTable = Table<HeapPlatform>;

// The place, or 0 when nothing is mapped; for how many sectors, in *sectors.
u64 table_place(const HeapTable &table, Sector at, u64 want, u64 *sectors);
// A function that does nothing: what the call and the loop cost.
u64 null_place(const HeapTable &table, Sector at, u64 want, u64 *sectors);

} // namespace remap::bench
