// SPDX-License-Identifier: GPL-2.0-or-later
// InFlight: I/O that modifies main or goes to the spare and has not ended, and the wait for its end.
//
// The reactor alone knows what is in flight. A drain is a question to it: how much of what is in
// flight now touches the range? Whatever is looked up after the answer began sees the fence that was
// published before the question. There is one drain at a time, since who drains holds the writer's
// lock; one that gave up is forgotten with the next question.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "core/base/bits.h"
#include "host/reactor.h"

namespace remap::host {

class InFlight {
public:
	struct Entry {
		Sector sector = 0; // of main
		u32 sectors = 0;
		u64 awaited = 0; // the number of the last drain that waits for it
		Entry *previous = nullptr;
		Entry *next = nullptr;
	};

	// ---- the reactor's thread ----
	void begin(Entry &entry);
	void end(Entry &entry);
	// Takes up a drain that was asked for.
	void each_turn();

	// ---- any thread ----
	u64 count() const { return count_.load(std::memory_order_relaxed); }

	// ---- the holder of the writer's lock ----
	// Waits until what touches the range now has ended. false: give_up() said so.
	template <class GiveUp>
	bool drain(Reactor &reactor, Sector sector, u64 length, GiveUp &&give_up)
	{
		constexpr auto kLook = std::chrono::milliseconds(10);
		std::unique_lock<std::mutex> held(mutex_);
		sector_ = sector;
		length_ = length;
		asked_.store(asked_.load() + 1);
		reactor.wake();
		while (finished_ != asked_.load()) {
			changed_.wait_for(held, kLook);
			if (finished_ != asked_.load() && give_up())
				return false;
		}
		return true;
	}

private:
	void finish();

	// The reactor's own.
	Entry *first_ = nullptr;
	u64 taken_up_ = 0; // the drain that the entries were counted for
	u64 awaited_ = 0;  // how many of them have not ended

	std::atomic<u64> count_{0};
	std::atomic<u64> asked_{0};
	std::mutex mutex_;
	std::condition_variable changed_;
	// Under mutex_.
	Sector sector_ = 0;
	u64 length_ = 0;
	u64 finished_ = 0;
};

}  // namespace remap::host
