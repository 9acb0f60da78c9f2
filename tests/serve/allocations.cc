// SPDX-License-Identifier: GPL-2.0-or-later
// Counts what a program allocates: for LD_PRELOAD, in front of glibc's functions. The count is the first
// eight bytes of the file ALLOCATIONS, where another process reads it at any moment. operator new allocates
// by malloc.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

extern "C" {

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

}

namespace {

using Count = std::atomic<uint64_t>;

Count *g_count = nullptr;

[[gnu::constructor]] void begin()
{
	const char *path = std::getenv("ALLOCATIONS");
	const int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0 || ftruncate(fd, sizeof(Count)) != 0)
		abort();
	void *memory = mmap(nullptr, sizeof(Count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		abort();
	close(fd);
	g_count = static_cast<Count *>(memory);
}

void count()
{
	if (g_count)
		g_count->fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void *malloc(size_t bytes)
{
	count();
	return __libc_malloc(bytes);
}

void *calloc(size_t number, size_t bytes)
{
	count();
	return __libc_calloc(number, bytes);
}

void *realloc(void *memory, size_t bytes)
{
	count();
	return __libc_realloc(memory, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
	count();
	return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
	*memory = memalign(alignment, bytes);
	return *memory ? 0 : ENOMEM;
}

}
