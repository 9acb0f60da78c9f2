// SPDX-License-Identifier: GPL-2.0-or-later
// ThreadHost: the memory host for several threads, each a message or a worker, with a gate at the
// writer's lock, so that a test decides who waits for it together.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "tests/unit/memory_host.h"

namespace remap::test {

// Holds threads back until the test opens it.
class Gate {
public:
	void pass()
	{
		std::unique_lock<std::mutex> held(mutex_);
		++arrived_;
		changed_.notify_all();
		changed_.wait(held, [this] { return open_; });
	}
	void await(u32 threads)
	{
		std::unique_lock<std::mutex> held(mutex_);
		changed_.wait(held, [&] { return arrived_ >= threads; });
	}
	void open()
	{
		const std::lock_guard<std::mutex> held(mutex_);
		open_ = true;
		changed_.notify_all();
	}

private:
	std::mutex mutex_;
	std::condition_variable changed_;
	u32 arrived_ = 0;
	bool open_ = false;
};

class ThreadHost : public MemoryHost {
public:
	using MemoryHost::MemoryHost;

	// Of the calling thread: passes this gate in its n-th call of lock() from now on.
	static void wait_at(Gate *gate, u32 n)
	{
		gate_ = gate;
		locks_left_ = n;
	}

	// ---- Platform, where it differs ----
	void lock()
	{
		if (gate_ && --locks_left_ == 0)
			std::exchange(gate_, nullptr)->pass();
		mutex_.lock();
		MemoryHost::lock();
	}
	void unlock()
	{
		MemoryHost::unlock();
		mutex_.unlock();
	}
	void wait_group()
	{
		std::unique_lock<std::mutex> held(mutex_, std::adopt_lock);
		const u64 seen = wakes_;
		MemoryHost::unlock();
		sleepers.fetch_add(1);
		const bool woken = woken_.wait_for(held, std::chrono::seconds(60), [&] {
			return wakes_ != seen || killed == std::this_thread::get_id();
		});
		require(woken, "nobody wakes who waits in a group");
		sleepers.fetch_sub(1);
		MemoryHost::lock();
		held.release();
	}
	void wake_group()
	{
		std::unique_lock<std::mutex> outside(mutex_, std::defer_lock);
		if (doomed == std::this_thread::get_id())
			outside.lock();
		++wakes_;
		woken_.notify_all();
	}
	u32 flush_wakes() const { return flush_wakes_.load(); }
	void wait_flush(u32 seen) { flush_wakes_.wait(seen); }
	void wake_flush()
	{
		flush_wakes_.fetch_add(1);
		flush_wakes_.notify_all();
	}
	// Who is doomed is killed while he waits, and only once somebody sleeps who counts on him; he
	// gets no lock afterwards either.
	bool lock_killable()
	{
		if (doomed == std::this_thread::get_id()) {
			if (gate_ && --locks_left_ == 0) {
				std::exchange(gate_, nullptr)->pass();
				await_sleepers(1);
			}
			return false;
		}
		lock();
		return true;
	}
	bool stop_requested() { return killed == std::this_thread::get_id(); }
	bool drain_soon(Sector sector, u64 length) { return soon && drain(sector, length, false); }
	void log(LogLevel level, const char *text)
	{
		const std::lock_guard<std::mutex> held(lines_mutex_);
		MemoryHost::log(level, text);
	}
	void log_limited(const char *text)
	{
		const std::lock_guard<std::mutex> held(lines_mutex_);
		MemoryHost::log_limited(text);
	}

	// ---- for tests ----
	// A fatal signal to one thread. Without the lock.
	void kill(std::thread::id thread)
	{
		const std::lock_guard<std::mutex> held(mutex_);
		killed = thread;
		woken_.notify_all();
	}
	void await_sleepers(u32 threads)
	{
		while (sleepers.load() < threads)
			std::this_thread::yield();
	}

	std::atomic<u32> sleepers{0};
	std::atomic<bool> soon{true};
	std::atomic<std::thread::id> doomed{};

private:
	static inline thread_local Gate *gate_ = nullptr;
	static inline thread_local u32 locks_left_ = 0;

	std::atomic<std::thread::id> killed{};
	std::atomic<u32> flush_wakes_{0};
	std::mutex mutex_;
	std::mutex lines_mutex_;
	std::condition_variable woken_;
	u64 wakes_ = 0;
};
static_assert(Platform<ThreadHost>);

}  // namespace remap::test
