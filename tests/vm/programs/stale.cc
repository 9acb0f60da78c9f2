// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-stale: reads beside writes of the same sectors, which must never see what was superseded.
//
//	vm-test-stale DEVICE FIRST SECONDS SEED
//
// 64 blocks of 1 to 16 sectors lie in the 1024 sectors from FIRST on. Eight threads write and read
// them with direct I/O. A block has one writer at a time, who stamps all of its sectors (stamp.h)
// with the next generation: it is `submitted` before the write begins, and `ended` when it is
// acknowledged. What a read finds in a sector must not be older than what had ended when the read
// began, nor newer than what was submitted when it ended.
#include "stamp.h"

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

namespace {

constexpr unsigned kThreads = 8;
constexpr unsigned kBlocks = 64;
constexpr uint64_t kMostSectors = 16;

struct Block {
	uint64_t first;
	uint64_t sectors;
	std::atomic<uint64_t> submitted{0};
	std::atomic<uint64_t> ended{0};
	std::atomic<bool> written{false}; // somebody is its writer

	off_t offset() const { return static_cast<off_t>(first * kSectorBytes); }
	size_t bytes() const { return sectors * kSectorBytes; }
};

class Stale {
public:
	Stale(const char *name, uint64_t first)
	    : name_(name), fd_(open_device(name, O_RDWR | O_DIRECT)), blocks_(kBlocks)
	{
		for (unsigned i = 0; i < kBlocks; ++i) {
			const uint64_t sectors = 1 + i * 7 % kMostSectors;
			blocks_[i].sectors = sectors;
			blocks_[i].first = first + i * kMostSectors + i % (kMostSectors - sectors + 1);
		}
		Stamp *buffer = allocate_stamps(kMostSectors);
		for (Block &block : blocks_)
			write(block, buffer);
		free(buffer);
	}

	int run(uint64_t seconds, uint64_t seed)
	{
		const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
		std::vector<std::thread> threads;
		for (unsigned i = 0; i < kThreads; ++i)
			threads.emplace_back([this, seed, i, end] { work(seed * kThreads + i, end); });
		for (std::thread &thread : threads)
			thread.join();
		printf("%llu writes, %llu reads, %llu of them beside a write\n", count(writes_),
		       count(reads_), count(beside_));
		return wrong_ != 0;
	}

private:
	using Time = std::chrono::steady_clock::time_point;

	static unsigned long long count(const std::atomic<uint64_t> &counter) { return counter; }

	void work(uint64_t seed, Time end)
	{
		std::mt19937_64 random(seed);
		Stamp *buffer = allocate_stamps(kMostSectors);
		while (!wrong_ && std::chrono::steady_clock::now() < end) {
			Block &block = blocks_[random() % kBlocks];
			if (random() % 2)
				write(block, buffer);
			else
				read(block, buffer);
		}
		free(buffer);
	}

	void write(Block &block, Stamp *buffer)
	{
		if (block.written.exchange(true))
			return;
		const uint64_t generation = block.submitted + 1;
		for (uint64_t i = 0; i < block.sectors; ++i)
			buffer[i].set(block.first + i, generation);
		block.submitted = generation;
		if (pwrite(fd_, buffer, block.bytes(), block.offset()) !=
		    static_cast<ssize_t>(block.bytes()))
			failed("write", block);
		block.ended = generation;
		block.written = false;
		++writes_;
	}

	void read(Block &block, Stamp *buffer)
	{
		const uint64_t oldest = block.ended;
		if (pread(fd_, buffer, block.bytes(), block.offset()) !=
		    static_cast<ssize_t>(block.bytes()))
			failed("read", block);
		const uint64_t newest = block.submitted;
		for (uint64_t i = 0; i < block.sectors; ++i)
			judge(buffer[i], block.first + i, oldest, newest);
		++reads_;
		beside_ += oldest != newest;
	}

	void judge(const Stamp &found, uint64_t sector, uint64_t oldest, uint64_t newest)
	{
		const uint64_t generation = found.words[1];
		if (found.is(sector, generation) && generation >= oldest && generation <= newest)
			return;
		char text[80];
		found.describe(text, sizeof(text));
		printf("%s, sector %llu: found %s, wanted generation %llu to %llu\n", name_,
		       static_cast<unsigned long long>(sector), text,
		       static_cast<unsigned long long>(oldest),
		       static_cast<unsigned long long>(newest));
		++wrong_;
	}

	void failed(const char *what, const Block &block)
	{
		printf("%s: the %s of sector %llu failed: %s\n", name_, what,
		       static_cast<unsigned long long>(block.first), strerror(errno));
		++wrong_;
	}

	const char *name_;
	int fd_;
	std::vector<Block> blocks_;
	std::atomic<uint64_t> writes_{0};
	std::atomic<uint64_t> reads_{0};
	std::atomic<uint64_t> beside_{0};
	std::atomic<uint64_t> wrong_{0};
};

}  // namespace

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: vm-test-stale DEVICE FIRST SECONDS SEED\n");
		return 2;
	}
	Stale stale(argv[1], strtoull(argv[2], nullptr, 10));
	return stale.run(strtoull(argv[3], nullptr, 10), strtoull(argv[4], nullptr, 10));
}
