// SPDX-License-Identifier: GPL-2.0-or-later
// Memory for benchmarks. No readers run beside the writer here, so every grace period has ended.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/table/table.h"

namespace remap::bench {

struct NoReaders {
	u64 grace_start() { return 1; }
	bool grace_elapsed(u64) { return true; }
	void grace_wait() {}
};

// Memory in huge pages, as the kernel's own memory is, for the table and its peers alike, so that
// ratios do not measure a virtual machine's page walks. Small blocks come from free lists by size.
// What is counted is what the C library's heap would take for each block: its size and 8 bytes, in
// steps of 16, at least 32.
class HugeHeap {
public:
	void *allocate(usize bytes)
	{
		bytes_ += taken(bytes);
		const usize rounded = round(bytes);
		if (rounded > kSmall)
			return map(rounded);
		std::vector<void *> &list = lists_[rounded / 64];
		if (list.empty())
			return carve(rounded);
		void *memory = list.back();
		list.pop_back();
		return memory;
	}
	void deallocate(void *memory, usize bytes)
	{
		bytes_ -= taken(bytes);
		const usize rounded = round(bytes);
		if (rounded > kSmall)
			munmap(memory, (rounded + kHuge - 1) / kHuge * kHuge);
		else
			lists_[rounded / 64].push_back(memory);
	}
	u64 bytes() const { return bytes_; }

private:
	static constexpr usize kHuge = 2 << 20;
	static constexpr usize kSmall = 64 << 10;

	static usize taken(usize bytes) { return std::max<usize>((bytes + 8 + 15) / 16 * 16, 32); }
	static usize round(usize bytes) { return bytes <= 32 ? 32 : (bytes + 63) / 64 * 64; }

	static void *map(usize bytes)
	{
		bytes = (bytes + kHuge - 1) / kHuge * kHuge;
		char *memory =
			static_cast<char *>(mmap(nullptr, bytes + kHuge, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		char *start = reinterpret_cast<char *>((reinterpret_cast<u64>(memory) + kHuge - 1) /
						       kHuge * kHuge);
		if (start > memory)
			munmap(memory, start - memory);
		if (memory + kHuge > start)
			munmap(start + bytes, memory + kHuge - start);
		madvise(start, bytes, MADV_HUGEPAGE);
		return start;
	}

	void *carve(usize bytes)
	{
		const usize align = bytes >= 64 ? 64 : 16;
		const usize aligned = (next_ + align - 1) / align * align;
		if (!chunk_ || aligned + bytes > kChunk) {
			chunk_ = static_cast<char *>(map(kChunk));
			next_ = bytes;
			return chunk_;
		}
		next_ = aligned + bytes;
		return chunk_ + aligned;
	}

	static constexpr usize kChunk = 32 << 20;
	std::vector<void *> lists_[kSmall / 64 + 1];
	char *chunk_ = nullptr;
	usize next_ = 0;
	u64 bytes_ = 0;
};

inline HugeHeap table_heap;
inline HugeHeap peer_heap;

// For lookups and bytes.
class HeapPlatform : public NoReaders {
public:
	void *allocate(usize bytes)
	{
		void *memory = table_heap.allocate(bytes);
		std::memset(memory, 0, bytes);
		return memory;
	}
	void deallocate(void *memory, usize bytes) { table_heap.deallocate(memory, bytes); }
};

// A free list for each size, as a kernel's slab caches, so that counted instructions are the
// table's and the zeroing's, not the moods of a general heap.
class PoolPlatform : public NoReaders {
public:
	void *allocate(usize bytes)
	{
		Free *&list = lists_[slot_of(bytes)];
		void *memory = list ? list : fresh(bytes);
		list = list ? list->next : nullptr;
		zero(memory, bytes);
		allocated_ += bytes;
		return memory;
	}
	void deallocate(void *memory, usize bytes)
	{
		Free *freed = static_cast<Free *>(memory);
		freed->next = lists_[slot_of(bytes)];
		lists_[slot_of(bytes)] = freed;
	}
	// In all, ever.
	u64 allocated() const { return allocated_; }

private:
	struct Free {
		Free *next;
	};
	// As the kernel's memset does it on a processor without fast string instructions: 64 bytes
	// a turn. Counters and single steps disagree on what a `rep stos` is.
	[[gnu::noinline]] static void zero(void *memory, usize bytes)
	{
		u64 *word = static_cast<u64 *>(memory);
		for (; bytes >= 64; bytes -= 64, word += 8) {
			word[0] = word[1] = word[2] = word[3] = word[4] = word[5] = word[6] =
				word[7] = 0;
			not_memset();
		}
		for (; bytes >= 8; bytes -= 8) {
			*word++ = 0;
			not_memset();
		}
	}
	// Within a loop: keeps every compiler from making a call of it.
	static void not_memset() { asm volatile("" : : : "memory"); }
	// Above it only what is allocated once.
	static constexpr usize kSmall = 64 * 1024 / 16;

	static usize slot_of(usize bytes) { return std::min(bytes / 16, kSmall); }
	void *fresh(usize bytes)
	{
		bytes = (bytes + 63) & ~usize{63};
		if (left_ < bytes) {
			left_ = std::max<usize>(64 << 20, bytes);
			next_ = static_cast<char *>(
				std::aligned_alloc(4096, (left_ + 4095) & ~usize{4095}));
		}
		char *memory = next_;
		next_ += bytes;
		left_ -= bytes;
		return memory;
	}

	Free *lists_[kSmall + 1] = {};
	char *next_ = nullptr;
	usize left_ = 0;
	u64 allocated_ = 0;
};

// The same for the peers' containers.
template <class T> struct CountingAllocator {
	using value_type = T;
	CountingAllocator() = default;
	template <class U> CountingAllocator(const CountingAllocator<U> &) {}
	T *allocate(std::size_t n) { return static_cast<T *>(peer_heap.allocate(n * sizeof(T))); }
	void deallocate(T *memory, std::size_t n) { peer_heap.deallocate(memory, n * sizeof(T)); }
	bool operator==(const CountingAllocator &) const { return true; }
};

} // namespace remap::bench
