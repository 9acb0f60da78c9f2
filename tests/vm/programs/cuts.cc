// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-cuts: random I/O through a mapped device against a model of what each sector holds, and
// then a look at both devices below for where it went.
//
//	vm-test-cuts TARGET MAIN SPARE SECTORS BLOCK SEED OPERATIONS <MAP
//
// MAP has a line "MAIN PLACE LENGTH" for each remap, PLACE counted in sectors of the spare device.
// The first SECTORS sectors of main hold stamps of generation 1, the spare holds copies of them at
// the places and zeros elsewhere. Everything is a multiple of BLOCK sectors. What a discard leaves
// is zeros or what was there; which, is seen at once and must stay so.
#include "stamp.h"

#include <algorithm>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <random>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unordered_set>
#include <vector>

namespace {

constexpr uint64_t kNowhere = ~uint64_t{0};
constexpr uint64_t kMostSectors = 512;

struct Extent {
	uint64_t main;
	uint64_t place;
	uint64_t length;
};

class Cuts {
public:
	Cuts(char **argv, uint64_t sectors, uint64_t block, uint64_t seed)
	    : names_{argv[1], argv[2], argv[3]}, target_(open_device(argv[1], O_RDWR | O_DIRECT)),
	      sectors_(sectors), block_(block), random_(seed), generation_(sectors, 1),
	      place_(sectors, kNowhere), buffer_(allocate_stamps(kMostSectors))
	{
	}

	void read_map()
	{
		unsigned long long main, place, length;
		while (scanf("%llu %llu %llu", &main, &place, &length) == 3) {
			extents_.push_back({main, place, length});
			for (uint64_t i = 0; i < length; ++i)
				place_[main + i] = place + i;
			for (uint64_t i = 0; i < length; ++i)
				used_.insert(place + i);
		}
		if (extents_.empty())
			die("the map has no remap");
	}

	// One random operation. Half of them begin or end near a border of a remap.
	int step()
	{
		uint64_t first, count;
		choose(&first, &count);
		const uint64_t kind = random_() % 20;
		if (kind < 10)
			return write(first, count);
		if (kind < 16)
			return read(first, count);
		return clear(first, count, kind);
	}

	// Every sector is where the map says, and nothing else was touched.
	int look_below()
	{
		int wrong = 0;
		const int main = open_device(names_[1], O_RDONLY | O_DIRECT);
		for (uint64_t at = 0; at < sectors_; at += kMostSectors)
			wrong += look_at_main(main, at, std::min(kMostSectors, sectors_ - at));
		return wrong + look_at_spare();
	}

	void print_counts() const
	{
		printf("  %llu pieces, %llu write-zeroes, %llu sectors emptied by discards\n",
		       static_cast<unsigned long long>(pieces_),
		       static_cast<unsigned long long>(write_zeroes_),
		       static_cast<unsigned long long>(discarded_));
	}

private:
	uint64_t pick(uint64_t limit) { return random_() % limit; }

	void choose(uint64_t *first, uint64_t *count)
	{
		const uint64_t most = std::min(kMostSectors, sectors_) / block_;
		*count = (pick(4) ? 1 + pick(24) : 1 + pick(most)) * block_;
		if (*count > sectors_)
			*count = block_;
		*first = pick((sectors_ - *count) / block_ + 1) * block_;
		if (pick(4)) {
			const Extent &near = extents_[pick(extents_.size())];
			const uint64_t border = near.main + (pick(2) ? near.length : 0);
			const uint64_t before = pick(*count / block_ + 2) * block_;
			*first = border > before ? border - before : 0;
		}
		*first = std::min(*first, sectors_ - *count);
	}

	// The buffer in up to four pieces of odd lengths, in one call.
	std::vector<iovec> vectors(uint64_t count)
	{
		std::vector<iovec> result;
		auto *at = reinterpret_cast<char *>(buffer_);
		for (uint64_t left = count / block_; left;) {
			const uint64_t part = result.size() == 3 ? left : 1 + pick(left);
			result.push_back({at, part * block_ * kSectorBytes});
			at += part * block_ * kSectorBytes;
			left -= part;
		}
		pieces_ += result.size();
		return result;
	}

	int write(uint64_t first, uint64_t count)
	{
		++newest_;
		for (uint64_t i = 0; i < count; ++i) {
			buffer_[i].set(first + i, newest_);
			generation_[first + i] = newest_;
		}
		const auto parts = vectors(count);
		const ssize_t done = pwritev(target_, parts.data(), static_cast<int>(parts.size()),
					     static_cast<off_t>(first * kSectorBytes));
		return ended("write", first, count, done == static_cast<ssize_t>(count * kSectorBytes));
	}

	int read(uint64_t first, uint64_t count)
	{
		const auto parts = vectors(count);
		const ssize_t done = preadv(target_, parts.data(), static_cast<int>(parts.size()),
					    static_cast<off_t>(first * kSectorBytes));
		int wrong = ended("read", first, count,
				  done == static_cast<ssize_t>(count * kSectorBytes));
		for (uint64_t i = 0; i < count && !wrong; ++i)
			wrong = check_stamp(buffer_[i], names_[0], first + i, first + i,
					    generation_[first + i]);
		return wrong;
	}

	int clear(uint64_t first, uint64_t count, uint64_t kind)
	{
		uint64_t range[2] = {first * kSectorBytes, count * kSectorBytes};
		if (kind == 17)
			return discard(first, count, range);
		for (uint64_t i = 0; i < count; ++i)
			generation_[first + i] = 0;
		// The one way to a write-zeroes that does not turn into writes by itself.
		if (kind > 17 && !fallocate(target_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					    static_cast<off_t>(range[0]),
					    static_cast<off_t>(range[1]))) {
			++write_zeroes_;
			return 0;
		}
		if (kind > 17 && errno != EOPNOTSUPP)
			return ended("write zeroes", first, count, false);
		return ended("zero", first, count, !ioctl(target_, BLKZEROOUT, range));
	}

	int discard(uint64_t first, uint64_t count, uint64_t *range)
	{
		if (ended("discard", first, count, !ioctl(target_, BLKDISCARD, range)))
			return 1;
		read_raw(target_, names_[0], first, count);
		for (uint64_t i = 0; i < count; ++i)
			if (buffer_[i].is(0, 0)) {
				discarded_ += generation_[first + i] != 0;
				generation_[first + i] = 0;
			}
		return 0;
	}

	int ended(const char *what, uint64_t first, uint64_t count, bool well)
	{
		if (!well)
			printf("%s of %llu sectors at %llu: %s\n", what,
			       static_cast<unsigned long long>(count),
			       static_cast<unsigned long long>(first), strerror(errno));
		return !well;
	}

	void read_raw(int fd, const char *name, uint64_t first, uint64_t count)
	{
		const auto bytes = static_cast<ssize_t>(count * kSectorBytes);
		if (pread(fd, buffer_, static_cast<size_t>(bytes),
			  static_cast<off_t>(first * kSectorBytes)) != bytes)
			die(name);
	}

	int look_at_main(int fd, uint64_t first, uint64_t count)
	{
		int wrong = 0;
		read_raw(fd, names_[1], first, count);
		for (uint64_t i = 0; i < count; ++i) {
			const uint64_t at = first + i;
			const bool mapped = place_[at] != kNowhere;
			wrong += check_stamp(buffer_[i], mapped ? "main below a remap" : "main", at, at,
					     mapped ? 1 : generation_[at]);
		}
		return wrong;
	}

	// The places and one sector before and behind each, which must be zero unless it is a place
	// or metadata.
	int look_at_spare()
	{
		int wrong = 0;
		const int fd = open_device(names_[2], O_RDONLY | O_DIRECT);
		read_regions(fd);
		for (const Extent &extent : extents_) {
			read_raw(fd, names_[2], extent.place - block_, extent.length + 2 * block_);
			for (uint64_t i = 0; i < extent.length; ++i)
				wrong += check_stamp(buffer_[block_ + i], "spare", extent.place + i,
						     extent.main + i, generation_[extent.main + i]);
			wrong += look_beside(buffer_[block_ - 1], extent.place - 1);
			wrong += look_beside(buffer_[block_ + extent.length],
					     extent.place + extent.length);
		}
		return wrong;
	}

	int look_beside(const Stamp &found, uint64_t at)
	{
		const bool metadata = at < data_ || at >= data_end_ ||
				      (at >= middle_ && at < middle_ + kSiteSectors);
		return used_.count(at) || metadata
			       ? 0
			       : check_stamp(found, "spare beside a remap", at, 0, 0);
	}

	// From the superblock at the beginning: docs/development/FORMAT.md.
	void read_regions(int fd)
	{
		constexpr size_t kRegions = 408;
		constexpr size_t kData = kRegions + 48;
		read_raw(fd, names_[2], 0, kSiteSectors);
		const auto *bytes = reinterpret_cast<const char *>(buffer_);
		if (memcmp(bytes, "dm-remap", 8))
			die("no superblock at the beginning of the spare");
		memcpy(&data_, bytes + kData, 8);
		memcpy(&middle_, bytes + kData + 8, 8);
		memcpy(&data_end_, bytes + kData + 16, 8);
	}

	static constexpr uint64_t kSiteSectors = 16;

	uint64_t data_ = 0;
	uint64_t middle_ = 0;
	uint64_t data_end_ = 0;
	const char *names_[3];
	int target_;
	uint64_t sectors_;
	uint64_t block_;
	std::mt19937_64 random_;
	std::vector<uint64_t> generation_;
	std::vector<uint64_t> place_;
	std::vector<Extent> extents_;
	std::unordered_set<uint64_t> used_;
	Stamp *buffer_;
	uint64_t newest_ = 1;
	uint64_t pieces_ = 0;
	uint64_t write_zeroes_ = 0;
	uint64_t discarded_ = 0;
};

}  // namespace

int main(int argc, char **argv)
{
	if (argc != 8) {
		fprintf(stderr, "usage: vm-test-cuts TARGET MAIN SPARE SECTORS BLOCK SEED OPERATIONS\n");
		return 2;
	}
	Cuts cuts(argv, strtoull(argv[4], nullptr, 10), strtoull(argv[5], nullptr, 10),
		  strtoull(argv[6], nullptr, 10));
	cuts.read_map();
	const uint64_t operations = strtoull(argv[7], nullptr, 10);
	for (uint64_t i = 0; i < operations; ++i)
		if (cuts.step())
			return 1;
	cuts.print_counts();
	return cuts.look_below() ? 1 : 0;
}
