// SPDX-License-Identifier: GPL-2.0-or-later
// LastError: the sentence of the last refusal, read without a lock while one writer sets it.
//
// Two slots: the writer fills the one that is not shown, then shows it. A reader whose slot was
// shown to the end of its copy has a whole sentence; else another one was set meanwhile, and it
// looks again.
#pragma once

#include "core/base/atomic.h"
#include "core/base/refusal.h"

namespace remap {

class LastError {
public:
	// One at a time.
	void set(const Refusal &why)
	{
		const u32 next = shown_.load_relaxed() + 1;
		Atomic<char> *slot = slots_[next % 2];
		// Before the slot changes; pairs with the fence in get().
		filling_.store_relaxed(next);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		for (usize i = 0; i < Refusal::kRoom; ++i)
			slot[i].store_relaxed(why.text()[i]);
		shown_.store_release(next);
	}

	// Any context.
	void get(char (&text)[Refusal::kRoom]) const
	{
		u32 shown;
		do {
			shown = shown_.load_acquire();
			for (usize i = 0; i < Refusal::kRoom; ++i)
				text[i] = slots_[shown % 2][i].load_relaxed();
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
		} while (filling_.load_relaxed() - shown > 1);
	}

private:
	Atomic<u32> shown_;
	Atomic<u32> filling_; // the last that was begun
	Atomic<char> slots_[2][Refusal::kRoom];
};

}  // namespace remap
