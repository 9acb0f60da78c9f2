// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-order: writes that overlap, many at once, whose submission order must decide.
//
//	vm-test-order DEVICE FIRST SECTORS SEED ROUNDS [LOCK]
//
// A round is 32 writes of stamped sectors (stamp.h) inside the SECTORS from FIRST on, each handed to
// the kernel by itself before the earlier ones have ended. When all have ended, every sector must
// hold the last write that covered it. That is more than Linux promises of disks in general, so it
// is run over a device that keeps order by itself.
//
// dm does not, at a resume: what came while the device was suspended is sent by a worker, and a newer
// write overtakes it. Whoever resumes holds the file LOCK meanwhile (flock); a round is handed over
// under it, so that a resume finds all of a round or nothing.
#include "stamp.h"

#include <algorithm>
#include <linux/aio_abi.h>
#include <random>
#include <sched.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <vector>

namespace {

constexpr unsigned kWrites = 32;
constexpr uint64_t kMostSectors = 32;
constexpr int kLost = 1;
constexpr int kFailed = 3;

class Order {
public:
	Order(const char *name, uint64_t first, uint64_t sectors, uint64_t seed, int lock)
	    : name_(name), fd_(open_device(name, O_RDWR | O_DIRECT)), lock_(lock), first_(first),
	      sectors_(sectors), random_(seed), newest_(sectors, 0),
	      buffers_(allocate_stamps(kWrites * kMostSectors)), all_(allocate_stamps(sectors))
	{
		if (syscall(SYS_io_setup, kWrites, &context_))
			die("io_setup");
	}

	int round()
	{
		take_lock(LOCK_EX);
		for (unsigned i = 0; i < kWrites; ++i)
			submit(i);
		take_lock(LOCK_UN);
		return wait_for_all() ? kFailed : look();
	}

private:
	void take_lock(int operation)
	{
		if (lock_ >= 0 && flock(lock_, operation))
			die("flock");
	}

	// One call for each: what is handed over together may be sent in any order.
	void submit(unsigned number)
	{
		const uint64_t count = 1 + random_() % std::min(kMostSectors, sectors_);
		const uint64_t offset = random_() % (sectors_ - count + 1);
		Stamp *buffer = buffers_ + number * kMostSectors;
		++generation_;
		for (uint64_t i = 0; i < count; ++i) {
			buffer[i].set(first_ + offset + i, generation_);
			newest_[offset + i] = generation_;
		}
		iocb request = {};
		request.aio_lio_opcode = IOCB_CMD_PWRITE;
		request.aio_fildes = static_cast<uint32_t>(fd_);
		request.aio_buf = reinterpret_cast<uint64_t>(buffer);
		request.aio_nbytes = count * kSectorBytes;
		request.aio_offset = static_cast<int64_t>((first_ + offset) * kSectorBytes);
		iocb *list = &request;
		if (syscall(SYS_io_submit, context_, 1, &list) != 1)
			die("io_submit");
	}

	bool wait_for_all()
	{
		io_event events[kWrites];
		bool failed = false;
		for (unsigned ended = 0; ended < kWrites;) {
			const long got = syscall(SYS_io_getevents, context_, 1, kWrites, events, nullptr);
			if (got < 0)
				die("io_getevents");
			for (long i = 0; i < got; ++i)
				failed = failed || events[i].res < 0;
			ended += static_cast<unsigned>(got);
		}
		if (failed)
			printf("%s: a write failed\n", name_);
		return failed;
	}

	// Sectors that nothing wrote yet are passed over.
	int look()
	{
		const size_t bytes = sectors_ * kSectorBytes;
		if (pread(fd_, all_, bytes, static_cast<off_t>(first_ * kSectorBytes)) !=
		    static_cast<ssize_t>(bytes))
			return errno == ENODATA ? 0 : kFailed;
		int wrong = 0;
		for (uint64_t i = 0; i < sectors_; ++i)
			if (newest_[i])
				wrong += check_stamp(all_[i], name_, first_ + i, first_ + i, newest_[i]);
		return wrong ? kLost : 0;
	}

	const char *name_;
	int fd_;
	int lock_;
	uint64_t first_;
	uint64_t sectors_;
	std::mt19937_64 random_;
	std::vector<uint64_t> newest_;
	uint64_t generation_ = 0;
	Stamp *buffers_;
	Stamp *all_;
	aio_context_t context_ = 0;
};

}  // namespace

int main(int argc, char **argv)
{
	if (argc < 6 || argc > 7) {
		fprintf(stderr, "usage: vm-test-order DEVICE FIRST SECTORS SEED ROUNDS [LOCK]\n");
		return 2;
	}
	// On one processor, so that the requests take one way.
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	const int lock = argc == 7 ? open_device(argv[6], O_RDWR) : -1;
	Order order(argv[1], strtoull(argv[2], nullptr, 10), strtoull(argv[3], nullptr, 10),
		    strtoull(argv[4], nullptr, 10), lock);
	const unsigned long rounds = strtoul(argv[5], nullptr, 10);
	for (unsigned long i = 0; i < rounds; ++i)
		if (const int status = order.round()) {
			printf("in round %lu\n", i);
			return status;
		}
	return 0;
}
