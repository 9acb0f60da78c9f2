// SPDX-License-Identifier: GPL-2.0-or-later
// The log: sectors of the first 32 blocks that a set writes to either ring or of both changed, sealed
// one by one or as a chain that fits again. The first byte chooses the base, whether the chain is made
// to fit, and whether the set is mended; then edits, each of: sector, which rings, and edit()'s bytes.
#include "fuzz/image.h"

using namespace remap;
using namespace remap::fuzz;

namespace {

constexpr u32 kBlocks = 32;
constexpr u32 kFirst = 1; // the first load leaves block 0 free

JournalSectorDisk &sector_at(Image &image, u32 copy, u32 number)
{
	Block &block =
		image.change(layout().journal(copy) / kBlockSectors + kFirst + number / kBlockSectors);
	return reinterpret_cast<JournalBlockDisk *>(block.data())->sector[number % kBlockSectors];
}

void edit_sector(Input &input, Image &image, u32 number, u32 how)
{
	const Input edits = input;
	for (u32 copy = 0; copy < kCopies; ++copy) {
		if (!(how >> copy & 1))
			continue;
		Input same = edits;
		JournalSectorDisk &sector = sector_at(image, copy, number);
		edit(same, &sector, sizeof(sector));
		if (how & 4)
			sector.crc = crc_of(sector);
		input = same;
	}
}

// From the second sector on, each names the CRC of the one before it.
void chain(Image &image, u32 copy, u32 sectors)
{
	u32 previous = sector_at(image, copy, 0).crc;
	for (u32 number = 1; number < sectors; ++number) {
		JournalSectorDisk &sector = sector_at(image, copy, number);
		sector.previous = previous;
		sector.crc = crc_of(sector);
		previous = sector.crc;
	}
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, usize bytes)
{
	Input input(data, bytes);
	const u32 base = input.byte();
	Image image(&filled_set(base & 1));
	while (!input.empty()) {
		const u32 number = input.byte() % (kBlocks * kBlockSectors);
		const u32 how = input.byte();
		edit_sector(input, image, number, how | !(how & 3));
	}
	for (u32 copy = 0; copy < kCopies; ++copy)
		if (base >> (1 + copy) & 1)
			chain(image, copy, 64);
	load_every_way(image, base & 8);
	return 0;
}
