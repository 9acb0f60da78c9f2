// SPDX-License-Identifier: GPL-2.0-or-later
// Superblocks: any of the six slots changed, with or without a CRC that fits. The first byte chooses
// the base and whether it is mended; then edits, each of: slot and whether it is sealed, and edit()'s
// bytes.
#include "fuzz/image.h"

using namespace remap;
using namespace remap::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, usize bytes)
{
	Input input(data, bytes);
	const u32 base = input.byte();
	Image image(&filled_set(base & 1));
	while (!input.empty()) {
		const u32 which = input.byte();
		const u32 site = which % kSites;
		const u32 slot = which / kSites % Site::kSlots;
		Block &block = image.change(layout().site(site) / kBlockSectors + slot);
		edit(input, block.data(), sizeof(SuperblockDisk));
		if (which & 0x80)
			seal_superblock(image, site, slot);
	}
	load_every_way(image, base & 8);
	return 0;
}
