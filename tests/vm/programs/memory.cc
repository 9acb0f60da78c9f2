// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-memory: a working set of memory, every word of which is known.
//
//	vm-test-memory verify MIB SECONDS  fill, then verify and fill anew until the time is over
//	vm-test-memory hold MIB            take so much for good and keep it from being swapped out
//
// `verify` goes through the pages in an order in which none is near the one before, so that nothing
// can be read ahead. Exit status 1 when a page held something else.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kPageWords = kPageBytes / sizeof(uint64_t);

class Pages {
public:
	explicit Pages(size_t mib) : count_(mib * 256)
	{
		void *memory = mmap(nullptr, count_ * kPageBytes, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED) {
			perror("mmap");
			exit(2);
		}
		// Whole pages of 2 MiB would be swapped out and in as one.
		madvise(memory, count_ * kPageBytes, MADV_NOHUGEPAGE);
		words_ = static_cast<uint64_t *>(memory);
	}

	size_t count() const { return count_; }

	// The page of step `i`: 7919 is prime and divides no number of whole MiB below 7919.
	size_t at(size_t i) const { return i * 7919 % count_; }

	void fill(size_t page, uint64_t generation)
	{
		uint64_t mixed = seed(page, generation);
		for (size_t i = 0; i < kPageWords; ++i)
			words_[page * kPageWords + i] = next(&mixed);
	}

	bool is(size_t page, uint64_t generation) const
	{
		uint64_t mixed = seed(page, generation);
		for (size_t i = 0; i < kPageWords; ++i)
			if (words_[page * kPageWords + i] != next(&mixed))
				return false;
		return true;
	}

	void lock()
	{
		if (!mlock(words_, count_ * kPageBytes))
			return;
		perror("mlock");
		exit(2);
	}

private:
	static uint64_t seed(size_t page, uint64_t generation)
	{
		return (page + 1) * 0x9e3779b97f4a7c15 ^ generation * 0xc2b2ae3d27d4eb4f;
	}

	static uint64_t next(uint64_t *mixed)
	{
		*mixed ^= *mixed << 13;
		*mixed ^= *mixed >> 7;
		*mixed ^= *mixed << 17;
		return *mixed;
	}

	size_t count_;
	uint64_t *words_;
};

int verify(size_t mib, time_t seconds)
{
	Pages pages(mib);
	const time_t end = time(nullptr) + seconds;
	uint64_t generation = 1;
	for (size_t i = 0; i < pages.count(); ++i)
		pages.fill(pages.at(i), generation);
	do {
		for (size_t i = 0; i < pages.count(); ++i) {
			const size_t page = pages.at(i);
			if (!pages.is(page, generation)) {
				printf("page %zu is not as it was written in pass %llu\n", page,
				       static_cast<unsigned long long>(generation));
				return 1;
			}
			pages.fill(page, generation + 1);
		}
		++generation;
	} while (time(nullptr) < end);
	printf("  %zu MiB verified %llu times\n", mib,
	       static_cast<unsigned long long>(generation - 1));
	return 0;
}

}  // namespace

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "verify"))
		return verify(strtoull(argv[2], nullptr, 10), strtol(argv[3], nullptr, 10));
	if (argc == 3 && !strcmp(argv[1], "hold")) {
		Pages pages(strtoull(argv[2], nullptr, 10));
		pages.lock();
		printf("held\n");
		fflush(stdout);
		for (;;)
			pause();
	}
	fprintf(stderr, "usage: vm-test-memory verify MIB SECONDS | hold MIB\n");
	return 2;
}
