// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-tsc: prints how many kHz the time stamp counter of this machine has. It runs on the host.
//
// An emulated machine has the host's counter, and its kernel measures that against a timer which is
// emulated too: on a busy host it was seen to be wrong by a factor of three, and every time-out in
// the guest with it. So the kernel is told (lib/qemu.sh).
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <x86intrin.h>

namespace {

constexpr uint64_t kNanoseconds = 200'000'000;

uint64_t now()
{
	timespec time;
	clock_gettime(CLOCK_MONOTONIC_RAW, &time);
	return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
	       static_cast<uint64_t>(time.tv_nsec);
}

} // namespace

int main()
{
	const uint64_t began = now();
	const uint64_t first = __rdtsc();
	uint64_t passed;
	do
		passed = now() - began;
	while (passed < kNanoseconds);
	const uint64_t ticks = __rdtsc() - first;
	printf("%llu\n", static_cast<unsigned long long>(ticks * 1'000'000 / passed));
	return 0;
}
