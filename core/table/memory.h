// SPDX-License-Identifier: GPL-2.0-or-later
// Memory<P>: the platform's allocator with a running total: what the table costs.
//
// Sizes that a table asks for, for hosts that keep caches by size:
//	pages      64 + 1024 * n bytes, n from 2 to 63, in practice to about 13   (page.h)
//	leaves     32, 64, 128, ... 4096 bytes                                    (leaf.h)
//	chunks     4096 bytes: bits, directory nodes; 8192: coarse blocks
//	errands    40 bytes                                                       (limbo.h)
//	arrays     26 bytes per 4 GiB of main, once, in three blocks              (summary.h)
// Writer context, except bytes().
#pragma once

#include "core/base/atomic.h"
#include "core/platform/platform.h"

namespace remap {

template <MemoryPlatform P> class Memory {
public:
	explicit Memory(P &platform) : platform_(platform) {}

	// Zeroed; nullptr when there is none.
	void *allocate(usize bytes)
	{
		void *memory = platform_.allocate(bytes);
		if (memory)
			bytes_.store_relaxed(bytes_.load_relaxed() + bytes);
		return memory;
	}

	template <class T> T *make(usize bytes = sizeof(T))
	{
		return static_cast<T *>(allocate(bytes));
	}

	void deallocate(void *memory, usize bytes)
	{
		if (!memory)
			return;
		bytes_.store_relaxed(bytes_.load_relaxed() - bytes);
		platform_.deallocate(memory, bytes);
	}

	P &platform() { return platform_; }
	u64 bytes() const { return bytes_.load_relaxed(); }

private:
	P &platform_;
	Atomic<u64> bytes_;
};

} // namespace remap
