// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-sectors: writes and checks stamped sectors (stamp.h) by direct I/O.
//
//	vm-test-sectors stamp DEVICE FIRST COUNT GENERATION [AS]
//	vm-test-sectors check DEVICE FIRST COUNT GENERATION [AS]
//	vm-test-sectors errors DEVICE FIRST COUNT [direct|cached] [UNIT]
//	vm-test-sectors find DEVICE FIRST COUNT GENERATION
//
// AS is the number that the first sector bears, FIRST unless given. `errors` reads in units of
// UNIT sectors (1) and prints a line "SECTOR ERRNO" for each unit that cannot be read. `find` prints
// a line "SECTOR NUMBER" for each sector with a stamp of that generation: where a stamped file lies.
#include "stamp.h"

#include <algorithm>
#include <string>

namespace {

constexpr uint64_t kChunk = 2048;

uint64_t number(const char *text) { return strtoull(text, nullptr, 10); }

int stamp(const char *device, uint64_t first, uint64_t count, uint64_t generation, uint64_t as)
{
	const int fd = open_device(device, O_WRONLY | O_DIRECT);
	Stamp *stamps = allocate_stamps(kChunk);
	for (uint64_t done = 0; done < count;) {
		const uint64_t part = std::min(kChunk, count - done);
		for (uint64_t i = 0; i < part; ++i)
			stamps[i].set(as + done + i, generation);
		const auto bytes = static_cast<ssize_t>(part * kSectorBytes);
		const auto offset = static_cast<off_t>((first + done) * kSectorBytes);
		if (pwrite(fd, stamps, static_cast<size_t>(bytes), offset) != bytes)
			die(device);
		done += part;
	}
	return 0;
}

int check(const char *device, uint64_t first, uint64_t count, uint64_t generation, uint64_t as)
{
	const int fd = open_device(device, O_RDONLY | O_DIRECT);
	Stamp *stamps = allocate_stamps(kChunk);
	int wrong = 0;
	for (uint64_t done = 0; done < count && wrong < 5;) {
		const uint64_t part = std::min(kChunk, count - done);
		const auto bytes = static_cast<ssize_t>(part * kSectorBytes);
		const auto offset = static_cast<off_t>((first + done) * kSectorBytes);
		if (pread(fd, stamps, static_cast<size_t>(bytes), offset) != bytes)
			die(device);
		for (uint64_t i = 0; i < part && wrong < 5; ++i)
			wrong += check_stamp(stamps[i], device, first + done + i, as + done + i,
					     generation);
		done += part;
	}
	return wrong ? 1 : 0;
}

// A read that succeeds has no unit that fails; one that does not is looked at in halves.
void print_errors(int fd, Stamp *stamps, uint64_t at, uint64_t count, uint64_t unit)
{
	const auto bytes = static_cast<ssize_t>(count * kSectorBytes);
	if (pread(fd, stamps, static_cast<size_t>(bytes), static_cast<off_t>(at * kSectorBytes)) == bytes)
		return;
	if (count <= unit) {
		printf("%llu %s\n", static_cast<unsigned long long>(at), strerrorname_np(errno));
		return;
	}
	const uint64_t half = (count / unit + 1) / 2 * unit;
	print_errors(fd, stamps, at, half, unit);
	print_errors(fd, stamps, at + half, count - half, unit);
}

int errors(const char *device, uint64_t first, uint64_t count, bool direct, uint64_t unit)
{
	const int fd = open_device(device, O_RDONLY | (direct ? O_DIRECT : 0));
	if (!direct) {
		// No reading ahead: an error belongs to the unit that was asked for.
		posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	const uint64_t chunk = direct ? unit * kChunk / 8 : unit;
	Stamp *stamps = allocate_stamps(chunk);
	for (uint64_t at = first; at < first + count; at += chunk)
		print_errors(fd, stamps, at, std::min(chunk, first + count - at), unit);
	return 0;
}

int find(const char *device, uint64_t first, uint64_t count, uint64_t generation)
{
	const int fd = open_device(device, O_RDONLY | O_DIRECT);
	Stamp *stamps = allocate_stamps(kChunk);
	for (uint64_t done = 0; done < count;) {
		const uint64_t part = std::min(kChunk, count - done);
		const auto bytes = static_cast<ssize_t>(part * kSectorBytes);
		if (pread(fd, stamps, static_cast<size_t>(bytes),
			  static_cast<off_t>((first + done) * kSectorBytes)) != bytes)
			die(device);
		for (uint64_t i = 0; i < part; ++i)
			if (stamps[i].is(stamps[i].words[0], generation))
				printf("%llu %llu\n", static_cast<unsigned long long>(first + done + i),
				       static_cast<unsigned long long>(stamps[i].words[0]));
		done += part;
	}
	return 0;
}

}  // namespace

int main(int argc, char **argv)
{
	const std::string verb = argc > 1 ? argv[1] : "";
	if (argc < 5 || argc > 7) {
		fprintf(stderr, "usage: vm-test-sectors stamp|check|errors|find DEVICE FIRST COUNT ...\n");
		return 2;
	}
	const uint64_t first = number(argv[3]);
	const uint64_t count = number(argv[4]);
	if (verb == "errors")
		return errors(argv[2], first, count, argc < 6 || argv[5] != std::string("cached"),
			      argc > 6 ? number(argv[6]) : 1);
	const uint64_t generation = argc > 5 ? number(argv[5]) : 1;
	if (verb == "find")
		return find(argv[2], first, count, generation);
	const uint64_t as = argc > 6 ? number(argv[6]) : first;
	if (verb == "stamp")
		return stamp(argv[2], first, count, generation, as);
	return check(argv[2], first, count, generation, as);
}
