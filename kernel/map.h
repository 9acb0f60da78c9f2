/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O path: what dm calls for each bio, and what it shares with the dispatcher of bios that
 * waited (held.c).
 */
#ifndef REMAP_MAP_H
#define REMAP_MAP_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/rcupdate.h>

#include "core/remap_core.h"
#include "set.h"

/* What is kept for each bio. */
struct remap_io {
	/*
	 * By which answer it was sent. Another verdict than REMAP_SUBMIT: it was not, and its
	 * status is ours. No sectors: a flush.
	 */
	struct remap_mapping to;
	union {
		/* Once it was sent. */
		struct {
			/* Of the iterator: completion consumes it. */
			u32 vec;
			u32 vec_done;
			u64 main; /* the sector of main, of what went to a spare */
		};
		/* While it waits, and until it is sent. */
		struct remap_waiter waiter;
	};
	u8 token; /* inflight.h */
	/* Of one that failed and waits to be recovered; else 0. */
	u8 ticket;
	u8 status; /* enum remap_io_status */
	/* Of a bio of held.c's, not one of dm's. For those that wait. */
	bool is_piece;
	struct dm_target *ti; /* of one that waits to be recovered; NULL for a piece */
};

int remap_map(struct dm_target *ti, struct bio *bio);
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

/* The core's name for a bio's operation. REMAP_OP_READ and _WRITE are the kernel's numbers. */
u8 remap_op_of(const struct bio *bio);

/*
 * A bio that was sent by `io` ended with an error: tells the core. Returns the status that goes
 * upward, unless io->ticket is set: then the bio is to be recovered. Context: any.
 */
blk_status_t remap_failed(struct remap_host *set, struct remap_io *io, blk_status_t status);

/*
 * A bio that was sent by `io` ended well: only while the core asks whether main takes writes does
 * it hear of it. Context: any.
 */
static __always_inline void remap_succeeded(struct remap_host *set, const struct remap_io *io)
{
	if (unlikely(READ_ONCE(set->watch) == REMAP_WATCH_ASKED) && !io->to.device &&
	    io->to.verdict == REMAP_SUBMIT &&
	    (io->to.op == REMAP_OP_WRITE || io->to.op == REMAP_OP_WRITE_ZEROES))
		WRITE_ONCE(set->watch, REMAP_WATCH_SEEN);
}

/*
 * One lookup, and the token if the answer is to be tracked: everything that modifies main, and
 * everything that does not go to main. A read of main need not be: whatever happens to its sectors
 * later is concurrent with it.
 *
 * The section with preemption off is what synchronize_rcu() waits for, and cheaper than
 * rcu_read_lock(). Context: any.
 */
static __always_inline void remap_look_up(struct remap_host *set, u8 op, u64 sector, u32 sectors,
					  struct remap_io *io)
{
	struct remap_mapping to;
	u8 token;

	rcu_read_lock_sched();
	token = remap_inflight_token(&set->inflight, sector, sectors);
	to = remap_core_map(set->core, op, sector, sectors);
	if (to.verdict != REMAP_SUBMIT || (op == REMAP_OP_READ && !to.device))
		token = 0;
	else
		remap_inflight_begin(&set->inflight, token);
	rcu_read_unlock_sched();
	io->to = to;
	io->token = token;
}

/* Ends a bio, or a piece, that `io` says must fail, and tells the core. Context: any. */
void remap_fail(struct remap_host *set, struct bio *bio, const struct remap_io *io);

/* Keeps of a bio's iterator what `io->to` does not say. */
static __always_inline void remap_keep_iter(const struct bio *bio, struct remap_io *io)
{
	io->vec = bio->bi_iter.bi_idx;
	io->vec_done = bio->bi_iter.bi_bvec_done;
}

/* Points a bio to where `io` says. */
static __always_inline void remap_redirect(struct remap_host *set, struct bio *bio,
					   struct remap_io *io)
{
	remap_keep_iter(bio, io);
	if (unlikely(io->to.device)) {
		io->main = bio->bi_iter.bi_sector;
		if (io->to.op == REMAP_OP_READ)
			this_cpu_inc(set->inflight.cpu->remapped_reads);
		else
			this_cpu_inc(set->inflight.cpu->remapped_writes);
	}
	bio_set_dev(bio, set->bdev[io->to.device]);
	bio->bi_iter.bi_sector = io->to.sector;
}

/* Gives the token back; the second call does nothing. Context: any. */
static __always_inline void remap_drop_token(struct remap_host *set, struct remap_io *io)
{
	u8 token = io->token;

	if (token) {
		io->token = 0;
		remap_inflight_end(&set->inflight, token);
	}
}

#endif
