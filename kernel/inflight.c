// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for I/O in flight; see inflight.h for the scheme and its invariants.
 *
 * Locking: `drain` serialises drains, so that no counter is flipped while another drain waits for
 * it. Nothing else is taken under it.
 */
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>

#include "core/remap_core.h"
#include "inflight.h"
#include "set.h"

#define POLL (HZ / 100 ?: 1)
/* In polls. */
#define SOON 2
#define FOR_EVER UINT_MAX

int remap_inflight_init(struct remap_inflight *inflight)
{
	unsigned int class;

	inflight->cpu = alloc_percpu(struct remap_cpu);
	if (!inflight->cpu)
		return -ENOMEM;
	for (class = 0; class <= REMAP_WIDE; class++)
		inflight->token[class] = 2 + 2 * class;
	init_waitqueue_head(&inflight->wait);
	mutex_init(&inflight->drain);
	return 0;
}

void remap_inflight_exit(struct remap_inflight *inflight)
{
	free_percpu(inflight->cpu);
}

void remap_inflight_wake(struct remap_inflight *inflight)
{
	wake_up(&inflight->wait);
}

static u32 count_of(const struct remap_inflight *inflight, u8 token)
{
	u32 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(inflight->cpu, cpu)->in_flight[token]);
	return sum;
}

u32 remap_inflight_count(const struct remap_inflight *inflight)
{
	u32 sum = 0;
	u8 token;

	for (token = 2; token < REMAP_TOKENS; token++)
		sum += count_of(inflight, token);
	return sum;
}

/* Marks the classes whose I/O may touch [sector, +sectors). */
static void classes_of(u64 sector, u64 sectors, unsigned long *classes)
{
	u64 slice = sector >> REMAP_CLASS_SHIFT;
	u64 last = (sector + sectors - 1) >> REMAP_CLASS_SHIFT;

	bitmap_zero(classes, REMAP_CLASSES + 1);
	__set_bit(REMAP_WIDE, classes);
	if (last - slice >= REMAP_CLASSES)
		last = slice + REMAP_CLASSES - 1;
	for (; slice <= last; slice++)
		__set_bit(slice & (REMAP_CLASSES - 1), classes);
}

/* Whether the counters that new I/O of these classes does not take are 0. */
static bool idle(const struct remap_inflight *inflight, const unsigned long *classes)
{
	unsigned int class;

	for_each_set_bit(class, classes, REMAP_CLASSES + 1)
		if (count_of(inflight, inflight->token[class] ^ 1))
			return false;
	return true;
}

/*
 * False when a fatal signal came first, or a suspend if `stoppable`: that one waits for all messages
 * to end, and does so where no signal reaches it. False too when so many polls were in vain.
 */
static bool wait_idle(struct remap_host *set, const unsigned long *classes, bool stoppable,
		      unsigned int polls)
{
	struct remap_inflight *inflight = &set->inflight;
	long left = 0;

	WRITE_ONCE(inflight->waited_for, true);
	for (; !left && polls && !(stoppable && remap_core_suspending(set->core));
	     polls -= polls != FOR_EVER)
		left = wait_event_killable_timeout(inflight->wait, idle(inflight, classes), POLL);
	WRITE_ONCE(inflight->waited_for, false);
	return left > 0;
}

/* Whoever takes the new token sees the fence, which was published before. */
static void flip(struct remap_inflight *inflight, const unsigned long *classes)
{
	unsigned int class;

	for_each_set_bit(class, classes, REMAP_CLASSES + 1)
		smp_store_release(&inflight->token[class], inflight->token[class] ^ 1);
}

/*
 * The first wait is over at once unless the drain before gave up: then the counter that it
 * gave up on still holds I/O, which may be I/O to this range, and taking it into use for new I/O
 * would mix both. So it is waited for first, and each drain in effect waits for both counters.
 */
static bool drain(struct remap_host *set, u64 sector, u64 sectors, bool stoppable,
		  unsigned int polls)
{
	struct remap_inflight *inflight = &set->inflight;
	DECLARE_BITMAP(classes, REMAP_CLASSES + 1);
	bool drained = false;

	classes_of(sector, sectors, classes);
	if (mutex_lock_killable(&inflight->drain))
		return false;
	if (wait_idle(set, classes, stoppable, polls)) {
		flip(inflight, classes);
		synchronize_rcu_expedited();
		drained = wait_idle(set, classes, stoppable, polls);
	}
	mutex_unlock(&inflight->drain);
	return drained;
}

bool remap_host_drain(struct remap_host *set, uint64_t sector, uint64_t sectors, bool stoppable)
{
	return drain(set, sector, sectors, stoppable, FOR_EVER);
}

bool remap_host_drain_soon(struct remap_host *set, uint64_t sector, uint64_t sectors)
{
	return drain(set, sector, sectors, false, SOON);
}
