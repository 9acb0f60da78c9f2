/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bios that wait: held back at a fence, behind a bio that is, or for a change of the table. See
 * held.c for the rules.
 */
#ifndef REMAP_HELD_H
#define REMAP_HELD_H

#include <linux/bio.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct remap_host;
struct remap_io;

struct remap_range {
	u64 first;
	u64 end; /* 0: empty */
};

struct remap_held {
	spinlock_t lock; /* taken with interrupts off: what failed is queued where it ends */
	/* All under lock. In the order of arrival, in sectors of main. */
	struct bio_list waiting;    /* until the dispatcher looks at them again */
	struct bio_list passing;    /* the dispatcher's, not yet looked at */
	struct bio_list kept;       /* the dispatcher's, must wait on */
	struct bio_list deferred;   /* for the writer */
	struct bio_list flushes;    /* behind a flush of the core's; no sectors, no order */
	struct remap_range passed;  /* the one in the dispatcher's hands */
	struct remap_range written; /* the one in the writer's hands */
	unsigned int writes;        /* of all these, those that modify */
	u64 held;                   /* counters for remap_host_counters() */
	u64 held_outside;
	u64 deferrals;
	/* Written under lock, read by map without: spans all of `writes`. */
	struct remap_range span;

	struct workqueue_struct *dispatcher_queue;
	struct workqueue_struct *writer_queue;
	struct work_struct dispatcher;
	struct work_struct writer;
	struct bio_set pieces;
};

int remap_held_init(struct remap_host *set);
/* Context: sleep; nothing waits any more. */
void remap_held_exit(struct remap_host *set);

/*
 * Whether a write may have to wait behind an earlier one that waits. Two loads without a lock: a
 * write that its submitter ordered after one that waits sees a span that covers it, since the span
 * only grows until nothing is left in it. Context: any.
 */
static __always_inline bool remap_held_spans(const struct remap_held *held, u64 sector, u32 sectors)
{
	return unlikely(READ_ONCE(held->span.end) > sector) &&
	       READ_ONCE(held->span.first) < sector + sectors;
}

/*
 * Queues a bio that ended with an error and got a ticket for remap_core_recover(); it ends later.
 * Context: any.
 */
void remap_recover_later(struct remap_host *set, struct bio *bio, struct remap_io *io);

/* The following take a bio whose bi_sector is a sector of main. Context: any but an interrupt. */

/* Queues a write behind an earlier one that waits for some of its sectors; false: there is none. */
bool remap_wait_behind(struct remap_host *set, struct bio *bio);
/* Queues a bio that lies in a fence; false: it does not, look it up again. */
bool remap_wait_fence(struct remap_host *set, struct bio *bio);
/* Queues a bio to be looked up again by the dispatcher. */
void remap_wait_turn(struct remap_host *set, struct bio *bio);
/* Queues a write for remap_core_deferred_write(). */
void remap_defer(struct remap_host *set, struct bio *bio);

/*
 * held_flush.c: queues a flush of a device that the core flushes; false: it does not, and this one
 * has begun. Context: any but an interrupt.
 */
bool remap_hold_flush(struct remap_host *set, struct bio *bio, u8 device);
/*
 * Sends those that wait; the dispatcher's. Those that are refused again are sent by its next run,
 * which the end of the core's flush queues. Context: may sleep.
 */
void remap_send_flushes(struct remap_host *set);

#endif
