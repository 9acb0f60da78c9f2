/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counting I/O in flight, cheaply enough for every write.
 *
 * A step that moves a range must wait until no I/O mapped under the old table is left. One count
 * for the whole device would let it wait for a stuck command at the other end of a dying disk, so
 * main is cut into slices of 8 MiB that share 64 classes; an I/O that spans two slices counts as
 * "wide". Each class has two counters per CPU and a bit that says which of them new I/O takes.
 * The number of the counter is the I/O's token; 0 is no token.
 *
 * Invariants
 *   - A token is read before the table is, both inside one read section, and is counted before
 *     the section ends (remap_look_up() in map.h). Whoever reads the flipped token therefore sees
 *     the fence that was published before the flip. Read the other way round, a reader could miss
 *     the fence and still count itself among the new ones, for whom nobody waits.
 *   - A grace period after the flip, the counter left behind is only decremented. Its sum over the
 *     CPUs, though read piece by piece, can then not be 0 too early.
 *   - The counter that new I/O will take after a flip is 0 at the flip, whatever happened to
 *     earlier drains (remap_host_drain()).
 */
#ifndef REMAP_INFLIGHT_H
#define REMAP_INFLIGHT_H

#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/wait.h>

#define REMAP_CLASS_SHIFT 14 /* 8 MiB in sectors */
#define REMAP_CLASSES 64
#define REMAP_WIDE REMAP_CLASSES
#define REMAP_TOKENS (2 * (REMAP_CLASSES + 1) + 2)

/* What each CPU counts for a set. */
struct remap_cpu {
	u32 in_flight[REMAP_TOKENS]; /* by token; modulo 2^32 over all CPUs */
	unsigned long remapped_reads;
	unsigned long remapped_writes;
};

struct remap_inflight {
	struct remap_cpu __percpu *cpu;
	u8 token[REMAP_CLASSES + 1]; /* what new I/O of each class takes: 2 + 2 * class + bit */
	bool waited_for;             /* somebody sleeps on `wait` */
	wait_queue_head_t wait;
	struct mutex drain; /* one drain at a time */
};

int remap_inflight_init(struct remap_inflight *inflight);
void remap_inflight_exit(struct remap_inflight *inflight);
/* How many I/Os hold a token. Context: any; the number is old when it returns. */
u32 remap_inflight_count(const struct remap_inflight *inflight);
void remap_inflight_wake(struct remap_inflight *inflight);

/* The token for I/O on a range of main; not yet counted. Context: inside the read section. */
static __always_inline u8 remap_inflight_token(const struct remap_inflight *inflight,
					       u64 sector, u32 sectors)
{
	unsigned int class = (sector >> REMAP_CLASS_SHIFT) & (REMAP_CLASSES - 1);

	if (unlikely((sector ^ (sector + sectors - 1)) >> REMAP_CLASS_SHIFT))
		class = REMAP_WIDE;
	/* Before the fences are looked at; pairs with flip(). */
	return smp_load_acquire(&inflight->token[class]);
}

/* Context: inside the read section in which the token was read. */
static __always_inline void remap_inflight_begin(struct remap_inflight *inflight, u8 token)
{
	this_cpu_inc(inflight->cpu->in_flight[token]);
}

/*
 * Context: any. That the waiter is looked for without a barrier is enough: one that is missed
 * looks by itself every 10 ms.
 */
static __always_inline void remap_inflight_end(struct remap_inflight *inflight, u8 token)
{
	this_cpu_dec(inflight->cpu->in_flight[token]);
	if (unlikely(READ_ONCE(inflight->waited_for)))
		remap_inflight_wake(inflight);
}

#endif
