// SPDX-License-Identifier: GPL-2.0-or-later
// The checkpoint: blocks of either area changed in one copy or both, and sealed; and the root in every
// superblock that names it, so that what the blocks say is read. The first byte chooses the base and
// whether the root fits and the set is mended; then edits, each of: block, which copies, and edit()'s
// bytes.
#include "fuzz/image.h"

using namespace remap;
using namespace remap::fuzz;

namespace {

CheckpointBlockDisk &block_at(Image &image, u32 copy, u32 area, u64 index)
{
	Block &block = image.change(layout().area(copy, area) / kBlockSectors + index);
	return *reinterpret_cast<CheckpointBlockDisk *>(block.data());
}

void edit_block(Input &input, Image &image, u32 which, u32 how)
{
	const Input edits = input;
	const u32 area = which & 1;
	const u64 index = (which >> 1) % layout().area_blocks();
	for (u32 copy = 0; copy < kCopies; ++copy) {
		if (!(how >> copy & 1))
			continue;
		Input same = edits;
		CheckpointBlockDisk &block = block_at(image, copy, area, index);
		edit(same, &block, how & 8 ? 128 : sizeof(block));
		if (how & 4)
			block.crc = crc_of(block);
		input = same;
	}
}

// Puts the CRCs of the blocks as they are into the roots; the input chooses how many blocks.
void fit_root(Input &input, Image &image)
{
	const u64 extra = input.byte() % 3;
	for (u32 site = 0; site < kSites; ++site)
		for (u32 slot = 0; slot < Site::kSlots; ++slot) {
			Block &block =
				image.change(layout().site(site) / kBlockSectors + slot);
			SuperblockDisk &disk = *reinterpret_cast<SuperblockDisk *>(block.data());
			const u64 blocks = disk.checkpoint_blocks + extra;
			const u32 area = disk.checkpoint_area;
			if (area > 1 || blocks > layout().area_blocks())
				continue;
			u32 crc = 0;
			for (u64 i = 0; i < blocks; ++i)
				crc = Crc32c::of(&block_at(image, 0, area, i).crc, 4, crc);
			disk.checkpoint_blocks = blocks;
			disk.checkpoint_crc = crc;
			seal_superblock(image, site, slot);
		}
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, usize bytes)
{
	Input input(data, bytes);
	const u32 base = input.byte();
	Image image(&filled_set(base & 1));
	Input root = input;
	(void)input.byte();
	while (!input.empty()) {
		const u32 which = input.byte();
		const u32 how = input.byte();
		edit_block(input, image, which, how | !(how & 3));
	}
	if (base & 2)
		fit_root(root, image);
	load_every_way(image, base & 8);
	return 0;
}
