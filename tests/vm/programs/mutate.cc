// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-mutate: damages the metadata of a spare, as the seed says, and tells what may become of it.
//
//	vm-test-mutate SPARE OLD SEED
//
// OLD is what the spare held at an earlier time. Prints one line: the promise that still holds, and
// what was done.
//
//	served     only one end of the spare, or only the middle site, was damaged: all of it is there
//	honest     more was: all of it is there, or the set is refused
//	forged     blocks that look right say something else: nobody can know, but all must agree
#include "stamp.h"

#include <random>
#include <string>
#include <vector>

#include "core/format/checkpoint_block.h"
#include "core/format/journal_block.h"
#include "core/format/superblock.h"

namespace {

using namespace remap;

using Bytes = std::vector<u8>;

Bytes load(const char *path)
{
	const int fd = open_device(path, O_RDONLY);
	Bytes bytes(static_cast<size_t>(lseek(fd, 0, SEEK_END)));
	if (pread(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
		die(path);
	close(fd);
	return bytes;
}

class Mutator {
public:
	Mutator(char **argv)
	    : name_(argv[1]), spare_(load(argv[1])), old_(load(argv[2])),
	      random_(strtoull(argv[3], nullptr, 10)), layout_(layout_of(spare_))
	{
		if (old_.size() != spare_.size() || !layout_.valid())
			die("these are not two images of one spare");
	}

	void run()
	{
		const u64 kind = pick(10);
		if (kind < 6)
			damage_one_end();
		else if (kind == 6)
			damage_middle();
		else if (kind == 7)
			damage_anywhere();
		else
			forge();
		store();
		printf("%s: %s\n", promise_, what_.c_str());
	}

private:
	static Layout layout_of(const Bytes &bytes)
	{
		const auto *first = reinterpret_cast<const SuperblockDisk *>(bytes.data());
		return Layout::of(bytes.size() / remap::kSectorBytes, first->max_extents);
	}

	u64 pick(u64 limit) { return random_() % limit; }
	u8 *block(u64 number) { return spare_.data() + number * kMetadataBlockBytes; }
	u64 end_blocks() const { return layout_.data() / kBlockSectors; }
	// A block of the head (0) or of the tail (1); sites and the beginning of the log oftener.
	u64 block_of(u32 end)
	{
		const u64 site = layout_.site(end ? 2 : 0) / kBlockSectors;
		const u64 journal = layout_.journal(end) / kBlockSectors;
		switch (pick(5)) {
		case 0:
			return site + pick(kSiteBlocks);
		case 1:
		case 2:
			return journal + pick(kMinJournalBlocks / 2);
		case 3:
			return layout_.area(end, static_cast<u32>(pick(2))) / kBlockSectors +
			       pick(min_of(layout_.area_blocks(), u64{4}));
		}
		const u64 first = end ? spare_.size() / kMetadataBlockBytes - end_blocks() : 0;
		return first + pick(end_blocks());
	}

	void say(const std::string &words) { what_ += (what_.empty() ? "" : ", ") + words; }

	void flip(u64 number)
	{
		const u64 bit = pick(kMetadataBlockBytes * 8);
		block(number)[bit / 8] ^= static_cast<u8>(1u << bit % 8);
		say("bit " + std::to_string(bit) + " of block " + std::to_string(number));
	}

	void fill(u64 first, u64 count, u64 how)
	{
		static constexpr const char *kWords[] = {"zeros", "garbage", "old"};
		for (u64 i = first * kMetadataBlockBytes; i < (first + count) * kMetadataBlockBytes; ++i)
			spare_[i] = how == 0   ? 0
				    : how == 1 ? static_cast<u8>(random_())
					       : old_[i];
		say(std::string(kWords[how]) + " in " + std::to_string(count) + " blocks from " +
		    std::to_string(first));
	}

	void swap(u64 one, u64 other)
	{
		std::swap_ranges(block(one), block(one) + kMetadataBlockBytes, block(other));
		say("blocks " + std::to_string(one) + " and " + std::to_string(other) + " swapped");
	}

	void damage_block(u32 end)
	{
		const u64 kind = pick(5);
		if (kind == 0)
			flip(block_of(end));
		else if (kind == 1)
			swap(block_of(end), block_of(end));
		else
			fill(block_of(end), 1, kind - 2);
	}

	void damage_one_end()
	{
		const u32 end = static_cast<u32>(pick(2));
		promise_ = "served";
		if (pick(6) == 0) {
			fill(end ? spare_.size() / kMetadataBlockBytes - end_blocks() : 0, end_blocks(),
			     pick(3));
			return;
		}
		for (u64 i = pick(12) + 1; i; --i)
			damage_block(end);
	}

	void damage_middle()
	{
		promise_ = "served";
		const u64 middle = layout_.middle_site() / kBlockSectors;
		if (pick(2))
			flip(middle + pick(2));
		fill(middle + pick(2), 1, pick(3));
	}

	// Few bits, so that no commit loses its block in both copies without a trace.
	void damage_anywhere()
	{
		promise_ = "honest";
		for (u64 i = pick(3) + 1; i; --i)
			flip(pick(4) ? block_of(static_cast<u32>(pick(2)))
				     : layout_.middle_site() / kBlockSectors + pick(2));
	}

	template <typename Disk> void edit(Disk *disk)
	{
		u8 *bytes = reinterpret_cast<u8 *>(disk);
		for (u64 i = pick(4) + 1; i; --i)
			bytes[pick(pick(2) ? 512 : sizeof(*disk))] ^= static_cast<u8>(1u << pick(8));
		disk->crc = crc_of(*disk);
	}

	// The same edit in one copy or in both.
	void forge()
	{
		promise_ = "forged";
		const u64 which = pick(3);
		const u64 number = pick(which == 0 ? 2 : 4);
		const u64 sector = pick(kBlockSectors);
		const u64 both = pick(3);
		const std::mt19937_64 here = random_;
		for (u32 end = 0; end < 2; ++end) {
			if (both < 2 && both != end)
				continue;
			random_ = here;
			if (which == 0)
				edit(reinterpret_cast<SuperblockDisk *>(
					block(layout_.site(end ? 2 : 0) / kBlockSectors + number)));
			else if (which == 1)
				edit(&reinterpret_cast<JournalBlockDisk *>(block(
					layout_.journal(end) / kBlockSectors + number))->sector[sector]);
			else
				edit(reinterpret_cast<CheckpointBlockDisk *>(block(
					layout_.area(end, number & 1) / kBlockSectors + number / 2)));
		}
		static constexpr const char *kWords[] = {"superblock slot", "journal block",
							 "checkpoint block"};
		say(std::string("forged ") + kWords[which] + ' ' + std::to_string(number) +
		    (both < 2 ? both ? " at the tail" : " at the head" : " at both ends"));
	}

	void store()
	{
		const int fd = open_device(name_, O_WRONLY);
		if (pwrite(fd, spare_.data(), spare_.size(), 0) != static_cast<ssize_t>(spare_.size()) ||
		    fsync(fd))
			die(name_);
	}

	const char *name_;
	Bytes spare_;
	Bytes old_;
	std::mt19937_64 random_;
	Layout layout_;
	const char *promise_ = "";
	std::string what_;
};

} // namespace

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: vm-test-mutate SPARE OLD SEED\n");
		return 2;
	}
	Mutator(argv).run();
	return 0;
}
