// SPDX-License-Identifier: GPL-2.0-or-later
// Which devices can form a set. Each rule has its sentence; the numbers go to the log.
#pragma once

#include "core/base/bits.h"
#include "core/base/text.h"
#include "core/spare/spares.h"
#include "core/table/extent.h"

namespace remap {

struct DeviceFacts {
	Sector sectors = 0;
	u64 identity = 0;        // equal for equal devices
	u32 logical_block = 512; // bytes
	bool zoned = false;
};

// Whether main can have remaps. nullptr: it can. Else the sentence, with what was found in `found`; so
// with what follows.
inline const char *check_main(const DeviceFacts &main, u64 length, Text &found)
{
	if (!main.sectors || main.sectors > kMaxMainSectors) {
		found << "main has " << main.sectors << " sectors";
		return "main is too small or too large";
	}
	if (!length || length > main.sectors) {
		found << "length is " << length << ", main has " << main.sectors << " sectors";
		return "the table's length reaches beyond main";
	}
	return nullptr;
}

// Whether a spare can have main's. The name: of one of several, in front of what was found.
inline const char *check_spare(const DeviceFacts &main, const DeviceFacts &spare, const char *name,
			       Text &found)
{
	if (spare.logical_block > main.logical_block) {
		found << "logical block of main " << main.logical_block << ", of " << name << ' '
		      << spare.logical_block << " bytes";
		return "the spare's logical block is larger than main's: a file system on main "
		       "could no longer be read";
	}
	if (main.logical_block > kMetadataBlockBytes) {
		found << "logical block of main " << main.logical_block << " bytes";
		return "main's logical block is larger than 4096 bytes";
	}
	if (spare.sectors > kMaxSpareSectors) {
		found << name << " has " << spare.sectors << " sectors";
		return "the spare is larger than 2 PiB";
	}
	const Layout layout = Layout::of(spare.sectors);
	if (!layout.valid()) {
		found << name << " has " << spare.sectors << " sectors, the metadata alone takes "
		      << layout.reserved_sectors();
		return "the spare is smaller than its own metadata";
	}
	return nullptr;
}

// How a sentence that goes on with what was found calls a spare.
inline const char *short_name(u32 spare, u32 count)
{
	return count == 1 ? "spare" : spare_name(kFirstSpare + spare, count);
}

// Whether the spares are different devices. REQUIRES: `count` from 1 to kMaxSpares.
inline const char *check_different(const DeviceFacts *spares, u32 count, Text &found)
{
	for (u32 i = 0; i < count; ++i)
		for (u32 j = 0; j < i; ++j)
			if (spares[j].identity == spares[i].identity) {
				found << short_name(j, count) << " and " << short_name(i, count);
				return "two of the spares are the same device";
			}
	return nullptr;
}

// REQUIRES: as above.
inline const char *check_devices(const DeviceFacts &main, const DeviceFacts *spares, u32 count,
				 u64 length, Text &found)
{
	for (u32 i = 0; i < count; ++i)
		if (main.identity == spares[i].identity)
			return "main and spare are the same device";
	const char *sentence = check_different(spares, count, found);
	if (sentence)
		return sentence;
	if (main.zoned)
		return "main is a zoned device; only conventional ones can be remapped";
	for (u32 i = 0; i < count; ++i)
		if (spares[i].zoned)
			return "spare is a zoned device; only conventional ones can hold remaps";
	sentence = check_main(main, length, found);
	for (u32 i = 0; !sentence && i < count; ++i)
		sentence = check_spare(main, spares[i], short_name(i, count), found);
	return sentence;
}

inline const char *check_devices(const DeviceFacts &main, const DeviceFacts &spare, u64 length,
				 Text &found)
{
	return check_devices(main, &spare, 1, length, found);
}

}  // namespace remap
