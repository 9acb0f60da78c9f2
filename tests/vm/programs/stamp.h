// SPDX-License-Identifier: GPL-2.0-or-later
// Stamp: the content of a sector that says which sector it is and which write it comes from, so
// that a sector in the wrong place, of the wrong age or half of each is seen. Generation 0 stands
// for a sector of zeros.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

constexpr size_t kSectorBytes = 512;
constexpr size_t kStampWords = kSectorBytes / sizeof(uint64_t);

struct Stamp {
	uint64_t words[kStampWords];

	void set(uint64_t sector, uint64_t generation)
	{
		if (!generation) {
			memset(words, 0, sizeof(words));
			return;
		}
		words[0] = sector;
		words[1] = generation;
		uint64_t mixed = sector * 0x9e3779b97f4a7c15 ^ generation * 0xc2b2ae3d27d4eb4f;
		for (size_t i = 2; i < kStampWords; ++i)
			words[i] = mixed += 0x9e3779b97f4a7c15;
	}

	bool is(uint64_t sector, uint64_t generation) const
	{
		Stamp wanted;
		wanted.set(sector, generation);
		return !memcmp(this, &wanted, sizeof(wanted));
	}

	// What it looks like, for a message about one that is not what it should be.
	void describe(char *text, size_t room) const
	{
		if (is(words[0], words[1]))
			snprintf(text, room, "sector %llu of generation %llu",
				 static_cast<unsigned long long>(words[0]),
				 static_cast<unsigned long long>(words[1]));
		else
			snprintf(text, room, is(0, 0) ? "zeros" : "no stamp");
	}
};
static_assert(sizeof(Stamp) == kSectorBytes);

[[noreturn]] inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

inline int open_device(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

// Memory that direct I/O takes on devices with blocks of up to 4096 bytes.
inline Stamp *allocate_stamps(size_t sectors)
{
	void *memory = aligned_alloc(4096, (sectors * kSectorBytes + 4095) & ~size_t{4095});
	if (!memory)
		die("memory");
	return static_cast<Stamp *>(memory);
}

// 0 when the sector is as it must be; else 1, and says so.
inline int check_stamp(const Stamp &found, const char *where, uint64_t at, uint64_t sector,
		       uint64_t generation)
{
	if (found.is(sector, generation))
		return 0;
	char text[80];
	found.describe(text, sizeof(text));
	printf("%s, sector %llu: found %s, wanted sector %llu of generation %llu\n", where,
	       static_cast<unsigned long long>(at), text, static_cast<unsigned long long>(sector),
	       static_cast<unsigned long long>(generation));
	return 1;
}
