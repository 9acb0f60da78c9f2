// SPDX-License-Identifier: GPL-2.0-or-later
// Which devices can form a set. Each rule has its sentence; the numbers go to the log.
#pragma once

#include "core/base/bits.h"
#include "core/base/text.h"
#include "core/format/layout.h"
#include "core/table/extent.h"

namespace remap {

struct DeviceFacts {
	Sector sectors = 0;
	u64 identity = 0;        // equal for equal devices
	u32 logical_block = 512; // bytes
	bool zoned = false;
};

// nullptr: they can. Else the sentence, with what was found in `found`.
inline const char *check_devices(const DeviceFacts &main, const DeviceFacts &spare, u64 length,
				 Text &found)
{
	if (main.identity == spare.identity)
		return "main and spare are the same device";
	if (main.zoned || spare.zoned)
		return main.zoned ? "main is a zoned device; only conventional ones can be remapped"
				  : "spare is a zoned device; only conventional ones can hold remaps";
	if (!main.sectors || main.sectors > kMaxMainSectors) {
		found << "main has " << main.sectors << " sectors";
		return "main is too small or too large";
	}
	if (!length || length > main.sectors) {
		found << "length is " << length << ", main has " << main.sectors << " sectors";
		return "the table's length reaches beyond main";
	}
	if (spare.logical_block > main.logical_block) {
		found << "logical block of main " << main.logical_block << ", of spare "
		      << spare.logical_block << " bytes";
		return "the spare's logical block is larger than main's: a file system on main "
		       "could no longer be read";
	}
	if (main.logical_block > kMetadataBlockBytes) {
		found << "logical block of main " << main.logical_block << " bytes";
		return "main's logical block is larger than 4096 bytes";
	}
	if (spare.sectors > kMaxSpareSectors) {
		found << "spare has " << spare.sectors << " sectors";
		return "the spare is larger than 2 PiB";
	}
	const Layout layout = Layout::of(spare.sectors);
	if (!layout.valid()) {
		found << "spare has " << spare.sectors << " sectors, the metadata alone takes "
		      << layout.reserved_sectors();
		return "the spare is smaller than its own metadata";
	}
	return nullptr;
}

}  // namespace remap
