// SPDX-License-Identifier: GPL-2.0-or-later
// A MemoryPlatform for tests: counts what is allocated, fails the n-th allocation on demand, and
// has grace periods that parked readers really hold up.
//
// Every block has its size written in front, so that a wrong size at deallocate() is found, and is
// filled with rubbish when freed, so that a use after the grace period shows even without ASan.
#pragma once

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

#include "core/base/types.h"

namespace remap::test {

class TestPlatform {
public:
	static constexpr int kReaders = 16;

	// Called in the middle of operations: what a reader sees there can be checked exactly.
	std::function<void()> on_allocate;

	void *allocate(usize bytes)
	{
		allocations_++;
		if (on_allocate)
			on_allocate();
		if (fail_at_ &&
		    (allocations_ == fail_at_ || (fail_after_ && allocations_ > fail_at_))) {
			failed_ = true;
			return nullptr;
		}
		char *raw = static_cast<char *>(std::aligned_alloc(64, 64 + round(bytes)));
		std::memset(raw, 0, 64 + round(bytes));
		std::memcpy(raw, &bytes, sizeof(bytes));
		bytes_ += bytes;
		blocks_++;
		return raw + 64;
	}

	void deallocate(void *memory, usize bytes)
	{
		char *raw = static_cast<char *>(memory) - 64;
		usize real;
		std::memcpy(&real, raw, sizeof(real));
		if (real != bytes)
			std::abort();
		bytes_ -= bytes;
		blocks_--;
		std::memset(raw, 0xdb, 64 + round(bytes));
		std::free(raw);
	}

	u64 grace_start() { return epoch_.fetch_add(1) + 1; }
	bool grace_elapsed(u64 cookie)
	{
		if (held_)
			return false;
		for (auto &slot : readers_) {
			const u64 since = slot.since.load();
			if (since && since < cookie)
				return false;
		}
		return true;
	}
	void grace_wait()
	{
		const u64 cookie = grace_start();
		while (!grace_elapsed(cookie))
			std::this_thread::yield();
	}

	// A read section of reader `id`.
	void enter(int id) { readers_[id].since.exchange(epoch_.load()); }
	void leave(int id) { readers_[id].since.exchange(0); }

	// No grace period ends while held.
	void hold_grace(bool held) { held_ = held; }

	// Fails the n-th allocation from now on (1 is the next), and all later ones if `after`.
	void fail(u64 n, bool after)
	{
		fail_at_ = allocations_ + n;
		fail_after_ = after;
		failed_ = false;
	}
	// Ends that; whether an allocation was refused meanwhile.
	bool fail_off()
	{
		fail_at_ = 0;
		return failed_;
	}

	u64 bytes() const { return bytes_; }
	u64 blocks() const { return blocks_; }
	u64 allocations() const { return allocations_; }

private:
	static usize round(usize bytes) { return (bytes + 63) & ~usize{63}; }

	struct alignas(64) Reader {
		std::atomic<u64> since{0};
	};
	Reader readers_[kReaders];
	std::atomic<u64> epoch_{1};
	std::atomic<bool> held_{false};
	u64 allocations_ = 0;
	u64 fail_at_ = 0;
	bool fail_after_ = false;
	bool failed_ = false;
	u64 bytes_ = 0;
	u64 blocks_ = 0;
};

} // namespace remap::test
