/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bios that wait: held back at a fence, behind a bio that is, or for a change of the table. The rules
 * are in core/engine/waiting_line.h. `io` is what is kept for the bio, which has the waiter in it.
 */
#ifndef REMAP_HELD_H
#define REMAP_HELD_H

#include <linux/bio.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "core/remap_core.h"

struct remap_host;
struct remap_io;

/* So many writes and failed bios are carried out at a time, and can be recorded together. */
#define REMAP_WRITERS 8

struct remap_writer {
	struct work_struct work;
	struct remap_host *set;
	bool busy; /* it will look for a bio once more; under held.lock */
};

struct remap_held {
	spinlock_t lock; /* taken with interrupts off: what failed is queued where it ends */
	struct remap_line line; /* under lock, but for remap_line_spans() */

	struct workqueue_struct *dispatcher_queue;
	struct workqueue_struct *writer_queue;
	struct work_struct dispatcher;
	struct remap_writer writers[REMAP_WRITERS];
	struct bio_set pieces;
};

int remap_held_init(struct remap_host *set);
/* Context: sleep; nothing waits any more. */
void remap_held_exit(struct remap_host *set);

/*
 * Queues a bio that ended with an error and got a ticket for remap_core_recover(); it ends later.
 * Context: any.
 */
void remap_recover_later(struct remap_host *set, struct bio *bio, struct remap_io *io);

/* The following take a bio whose bi_sector is a sector of main. Context: any but an interrupt. */

/* Queues a write behind an earlier one that waits for some of its sectors; false: there is none. */
bool remap_wait_behind(struct remap_host *set, struct bio *bio, struct remap_io *io);
/* Queues a bio that lies in a fence; false: it does not, look it up again. */
bool remap_wait_fence(struct remap_host *set, struct bio *bio, struct remap_io *io);
/* Queues a bio to be looked up again by the dispatcher. */
void remap_wait_turn(struct remap_host *set, struct bio *bio, struct remap_io *io);
/* Queues a write for remap_core_deferred_write(). */
void remap_defer(struct remap_host *set, struct bio *bio, struct remap_io *io);

/*
 * held_flush.c: queues a flush of a device, io->to.device, that the core flushes; false: it does not,
 * and this one has begun. Context: any but an interrupt.
 */
bool remap_hold_flush(struct remap_host *set, struct bio *bio, struct remap_io *io);
/* Sends those that need not wait any more; the dispatcher's. Context: may sleep. */
void remap_send_flushes(struct remap_host *set);

#endif
