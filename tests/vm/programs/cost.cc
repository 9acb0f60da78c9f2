// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-cost: what one I/O costs where time counts instructions (tests/vm/run --icount), and the
// remaps under which that is asked. Places are random, but the same in every run.
//
//	vm-test-cost io DEVICE read|write           4 KiB anywhere on the device
//	vm-test-cost hit DEVICE read|write COUNT    4 KiB on one of COUNT uniform remaps
//	vm-test-cost remap NAME DEVICE clustered|uniform FROM COUNT
//	vm-test-cost extents DEVICE clustered|uniform COUNT
//
// io and hit print instructions for each I/O. remap sends messages for the remaps of 4 KiB from number
// FROM on, before COUNT; it prints how many were refused, and instructions for each message. extents
// prints the first COUNT of them as lines of a dump.
#include "control.h"

#include <algorithm>
#include <cinttypes>
#include <linux/fs.h>
#include <x86intrin.h>

namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kSectors = kBlock / 512;
constexpr unsigned kBatch = 64;    // shorter than the distance of two timer ticks
constexpr unsigned kBatches = 101; // odd, for a median
constexpr unsigned kWarmUps = 4;

[[noreturn]] void stop(const char *what)
{
	perror(what);
	exit(1);
}

// The i-th number of a fixed random sequence (splitmix64).
uint64_t random_number(uint64_t i)
{
	uint64_t x = i * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

struct Device {
	int fd;
	uint64_t blocks;

	Device(const char *path, int flags) : fd(open(path, flags | O_CLOEXEC))
	{
		uint64_t bytes = 0;
		if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) < 0)
			stop(path);
		blocks = bytes / kBlock;
	}
};

// Where remap i of 4 KiB is on main. Clustered ones have a block between them: they do not join.
uint64_t block_of(const Device &device, bool uniform, uint64_t i)
{
	return uniform ? random_number(i) % device.blocks : device.blocks / 3 + 2 * i;
}

// Instructions for a batch of I/Os.
uint64_t run_batch(const Device &device, bool write, const uint64_t *blocks, void *buffer)
{
	const uint64_t began = __rdtsc();
	for (unsigned i = 0; i < kBatch; i++) {
		const off_t at = static_cast<off_t>(blocks[i] * kBlock);
		const ssize_t done = write ? pwrite(device.fd, buffer, kBlock, at)
					   : pread(device.fd, buffer, kBlock, at);
		if (done != static_cast<ssize_t>(kBlock))
			stop("an I/O");
	}
	return __rdtsc() - began;
}

// The median batch: most batches meet no timer tick and no worker.
int measure(const char *path, const std::string &op, uint64_t remaps)
{
	const bool write = op == "write";
	const Device device(path, O_RDWR | O_DIRECT);
	void *buffer = aligned_alloc(kBlock, kBlock);
	memset(buffer, 0x5a, kBlock);
	std::vector<uint64_t> costs;
	uint64_t next = uint64_t{1} << 40; // other numbers than those of the remaps
	for (unsigned batch = 0; batch < kWarmUps + kBatches; batch++) {
		uint64_t blocks[kBatch];
		for (uint64_t &block : blocks) {
			const uint64_t number = random_number(next++);
			block = remaps ? block_of(device, true, number % remaps)
				       : number % device.blocks;
		}
		const uint64_t cost = run_batch(device, write, blocks, buffer);
		if (batch >= kWarmUps)
			costs.push_back(cost);
	}
	std::sort(costs.begin(), costs.end());
	printf("%" PRIu64 "\n", (costs[kBatches / 2] + kBatch / 2) / kBatch);
	return 0;
}

// Where remap i is in the spare's data area.
uint64_t place_of(uint64_t i) { return i * kSectors; }

int remap(const std::string &name, const Device &device, bool uniform, uint64_t from, uint64_t count)
{
	Control control;
	const uint64_t began = __rdtsc();
	uint64_t refused = 0;
	for (uint64_t i = from; i < count; i++) {
		const std::string text = "add_remap " +
					 std::to_string(block_of(device, uniform, i) * kSectors) + ' ' +
					 std::to_string(place_of(i)) + ' ' + std::to_string(kSectors);
		const Outcome outcome = control.message(name, 0, text, 512);
		// Two of many random places may be the same.
		if (outcome.error == EBUSY || outcome.error == EEXIST || outcome.error == EINVAL)
			refused++;
		else if (outcome.error)
			stop(outcome.name());
	}
	printf("%" PRIu64 " %" PRIu64 "\n", refused,
	       static_cast<uint64_t>((__rdtsc() - began) / (count - from)));
	return 0;
}

// Of two at the same place of main the first, as with messages.
int extents(const Device &device, bool uniform, uint64_t count)
{
	std::vector<std::pair<uint64_t, uint64_t>> all;
	for (uint64_t i = 0; i < count; i++)
		all.emplace_back(block_of(device, uniform, i), i);
	std::sort(all.begin(), all.end());
	uint64_t last = UINT64_MAX;
	for (const auto &[block, i] : all) {
		if (block != last)
			printf("extent %" PRIu64 " %" PRIu64 " %" PRIu64 " active added -\n",
			       block * kSectors, place_of(i), kSectors);
		last = block;
	}
	return 0;
}

uint64_t number(const char *text) { return strtoull(text, nullptr, 10); }

}  // namespace

int main(int argc, char **argv)
{
	const std::string what = argc > 1 ? argv[1] : "";
	if (what == "io" && argc == 4)
		return measure(argv[2], argv[3], 0);
	if (what == "hit" && argc == 5)
		return measure(argv[2], argv[3], number(argv[4]));
	if (what == "remap" && argc == 7 && number(argv[5]) < number(argv[6]))
		return remap(argv[2], Device(argv[3], O_RDONLY), argv[4] == std::string("uniform"),
			     number(argv[5]), number(argv[6]));
	if (what == "extents" && argc == 5)
		return extents(Device(argv[2], O_RDONLY), argv[3] == std::string("uniform"),
			       number(argv[4]));
	fprintf(stderr, "usage: vm-test-cost io DEVICE read|write\n"
			"       vm-test-cost hit DEVICE read|write COUNT\n"
			"       vm-test-cost remap NAME DEVICE clustered|uniform FROM COUNT\n"
			"       vm-test-cost extents DEVICE clustered|uniform COUNT\n");
	return 2;
}
