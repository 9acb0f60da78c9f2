// SPDX-License-Identifier: GPL-2.0-or-later
// The three things the program does. Each throws Failure, and then has left things as they were.
#pragma once

#include "tools/dm-remap-loopback-setup/bad_sectors.h"
#include "tools/dm-remap-loopback-setup/options.h"
#include "tools/dm-remap-loopback-setup/record.h"

namespace dmremap::loopback {

void set_up(const Options &options);
void add_bad_sectors(const Options &options);
void clean_up(const Options &options);

// ---- what they share ----

// Which sectors the options make bad, of `total`, besides those that are `bad` already.
struct Chosen {
	BadSectors sectors;
	std::string how; // "at random, seed 7 (--seed 7 chooses the same)"
};
Chosen chosen_sectors(const Options &options, uint64_t total, const BadSectors &bad);

// Removes what the record names, the last thing first, and in the end the record. Throws Failure at
// the first thing that cannot be removed; the rest stays recorded.
void remove_made(Record &record, bool verbose);

}  // namespace dmremap::loopback
