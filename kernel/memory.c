// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory for the core: zeroed, aligned to 64 bytes from 64 bytes on.
 *
 * The table lives in pages of whole KiB, 2 to 24 of them, many thousands of each size. kmalloc
 * would round 5 KiB up to 8; so the sizes for which a slab of 32 KiB wastes less than whole pages
 * do have a cache of their own, and what is larger gets exactly its pages.
 *
 * GFP_NOIO, since reclaim could wait for I/O of the mapped device itself. __GFP_RETRY_MAYFAIL: for
 * want of memory the core refuses with a clear error and changes nothing; small allocations would
 * otherwise try for ever.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "core/remap_core.h"
#include "memory.h"

#define FLAGS (GFP_NOIO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL | __GFP_ZERO)
#define KIB 1024
#define ALIGNMENT 512 /* what devices want of memory; costs nothing in whole KiB */
#define MAX_CACHED_KIB 10
#define MAX_PAGES_KIB 32

/* Objects of n KiB that a slab of 32 KiB holds, against ones of whole 4-KiB pages. */
static const struct {
	unsigned int kib;
	const char *name;
} sizes[] = {
	{ 3, "dm_remap_3k" },	/* 10 :  8 */
	{ 5, "dm_remap_5k" },	/*  6 :  4 */
	{ 6, "dm_remap_6k" },	/*  5 :  4 */
	{ 9, "dm_remap_9k" },	/*  3 :  2 */
	{ 10, "dm_remap_10k" },	/*  3 :  2 */
};

static struct kmem_cache *caches[MAX_CACHED_KIB + 1]; /* by KiB; constant after init */

int remap_memory_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int kib = sizes[i].kib;

		caches[kib] = kmem_cache_create(sizes[i].name, kib * KIB, ALIGNMENT, 0, NULL);
		if (!caches[kib]) {
			remap_memory_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

void remap_memory_exit(void)
{
	unsigned int i;

	/* The next call may follow an init that failed halfway. */
	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		kmem_cache_destroy(caches[i]);
		caches[i] = NULL;
	}
}

enum kind { SMALL, CACHED, PAGES, LARGE };

static enum kind kind_of(size_t bytes)
{
	size_t kib = DIV_ROUND_UP(bytes, KIB);

	if (kib <= MAX_CACHED_KIB && caches[kib])
		return CACHED;
	if (bytes <= 2 * KIB)
		return SMALL;
	return kib <= MAX_PAGES_KIB ? PAGES : LARGE;
}

void *remap_host_allocate(struct remap_host *set, size_t bytes)
{
	void *memory;

	switch (kind_of(bytes)) {
	case SMALL:
		/* A power of two is aligned to itself. */
		return kmalloc(max_t(size_t, 16, roundup_pow_of_two(bytes)), FLAGS);
	case CACHED:
		return kmem_cache_alloc(caches[DIV_ROUND_UP(bytes, KIB)], FLAGS);
	case PAGES:
		memory = alloc_pages_exact(bytes, FLAGS);
		return memory ?: __vmalloc(bytes, FLAGS);
	default:
		return kvmalloc(bytes, FLAGS);
	}
}

void remap_host_deallocate(struct remap_host *set, void *memory, size_t bytes)
{
	if (is_vmalloc_addr(memory)) {
		vfree(memory);
		return;
	}
	switch (kind_of(bytes)) {
	case CACHED:
		kmem_cache_free(caches[DIV_ROUND_UP(bytes, KIB)], memory);
		break;
	case PAGES:
		free_pages_exact(memory, bytes);
		break;
	default:
		kvfree(memory);
	}
}
