// SPDX-License-Identifier: GPL-2.0-or-later
// Counts the instructions this thread executes in user space, exactly: by the processor's counter
// where the kernel lends it (perf_event), else by single steps (the trap flag), which takes some
// microseconds each and so is for a few chosen stretches only.
#pragma once

#include <linux/perf_event.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "core/base/types.h"

namespace remap::bench {

class InstructionCounter {
public:
	InstructionCounter()
	{
		if (std::getenv("DMREMAP_SINGLE_STEP"))
			return;
		perf_event_attr attr;
		std::memset(&attr, 0, sizeof(attr));
		attr.type = PERF_TYPE_HARDWARE;
		attr.size = sizeof(attr);
		attr.config = PERF_COUNT_HW_INSTRUCTIONS;
		attr.exclude_kernel = 1;
		attr.exclude_hv = 1;
		fd_ = static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
		if (fd_ >= 0 && !counts())
			fd_ = -1;
		if (fd_ >= 0)
			overhead_ = least_of_empty();
	}
	~InstructionCounter()
	{
		if (fd_ >= 0)
			close(fd_);
	}

	bool has_counter() const { return fd_ >= 0; }

	// REQUIRES: has_counter().
	template <class Work> u64 count(Work work) const
	{
		const u64 before = now();
		work();
		return now() - before - overhead_;
	}

	template <class Work> static u64 count_steps(Work work)
	{
		struct sigaction action = {}, old;
		action.sa_handler = [](int) { steps_ = steps_ + 1; };
		sigaction(SIGTRAP, &action, &old);
		steps_ = 0;
		__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
		work();
		__asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
		sigaction(SIGTRAP, &old, nullptr);
		return steps_;
	}

private:
	u64 now() const
	{
		u64 value = 0;
		return read(fd_, &value, sizeof(value)) == sizeof(value) ? value : 0;
	}
	bool counts() const
	{
		const u64 before = now();
		for (int i = 0; i < 1000; i++)
			__asm__ volatile("" ::: "memory");
		return now() - before >= 1000;
	}
	u64 least_of_empty() const
	{
		u64 least = ~u64{0};
		for (int i = 0; i < 1000; i++) {
			const u64 before = now();
			const u64 taken = now() - before;
			least = taken < least ? taken : least;
		}
		return least;
	}

	static inline volatile u64 steps_;
	int fd_ = -1;
	u64 overhead_ = 0;
};

} // namespace remap::bench
