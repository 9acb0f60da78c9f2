// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bios that wait, the worker that sends them on, and those that carry them out. Which they are and in
 * which order they go on is the core's (core/engine/waiting_line.h); here are the lock, the workers and
 * the pieces of bios.
 *
 * One that failed comes from where an I/O ends, perhaps an interrupt, as it was when it was sent but
 * for its sector, which is one of main again. It is queued there and nothing else is done.
 *
 * Whoever waits is woken: a fence that opens queues the dispatcher (remap_host_release_held()); so does
 * the end of each deferred write.
 *
 * No deadlock: a bio that waits holds no token, so no fence waits for it. One that is sent in
 * pieces is sent in pieces only, each with a token of its own: a token of the whole would last as
 * long as its last piece, which may be waiting for the writer, whose fence would wait for the
 * token. No token is held while a piece is allocated. Pieces come from a pool; those that exist
 * are either on a device or with the writer, who needs none, and so return. Each worker has a
 * queue with a rescuer of its own: the dispatcher can wait for the writer, never the reverse.
 *
 * Suspend waits for every bio and so for both workers, but a suspend without flush gets bios that
 * failed back, and dm sends them again later; none of what they wait for waits for it:
 * the core lets no message keep a fence over presuspend, and finishes deferred writes.
 */
#include <linux/sched/mm.h>

#include "io.h"
#include "map.h"
#include "rewind.h"

#define PIECES 16

struct piece {
	struct remap_io io;
	struct remap_host *set;
	struct bio *whole; /* the clone that dm gave us */
	struct bio bio;    /* must be last: bio_set puts the vectors behind it */
};

/* ---- those who come ---- */

static struct remap_waiter *waiter_of(const struct bio *bio, struct remap_io *io)
{
	io->waiter = (struct remap_waiter){
		.sector = bio->bi_iter.bi_sector,
		.sectors = bio_sectors(bio),
		.writes = op_is_write(bio_op(bio)),
	};
	return &io->waiter;
}

static struct remap_io *io_of(struct remap_waiter *waiter)
{
	return container_of(waiter, struct remap_io, waiter);
}

static struct bio *bio_of(struct remap_waiter *waiter)
{
	struct remap_io *io = io_of(waiter);

	return io->is_piece ? &container_of(io, struct piece, io)->bio
			    : dm_bio_from_per_bio_data(io, sizeof(*io));
}

bool remap_wait_behind(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	struct remap_held *held = &set->held;
	struct remap_waiter *waiter = waiter_of(bio, io);
	unsigned long flags;
	bool queued;

	spin_lock_irqsave(&held->lock, flags);
	queued = remap_line_wait_behind(&held->line, waiter);
	if (queued)
		bio->bi_opf &= ~REQ_POLLED;
	spin_unlock_irqrestore(&held->lock, flags);
	return queued;
}

bool remap_wait_fence(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	struct remap_held *held = &set->held;
	struct remap_waiter *waiter = waiter_of(bio, io);
	unsigned long flags;
	bool queued;

	spin_lock_irqsave(&held->lock, flags);
	queued = remap_line_wait_fence(&held->line, set->core, waiter);
	if (queued)
		bio->bi_opf &= ~REQ_POLLED;
	spin_unlock_irqrestore(&held->lock, flags);
	return queued;
}

void remap_wait_turn(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	struct remap_held *held = &set->held;
	struct remap_waiter *waiter = waiter_of(bio, io);
	unsigned long flags;

	bio->bi_opf &= ~REQ_POLLED;
	spin_lock_irqsave(&held->lock, flags);
	remap_line_wait_turn(&held->line, waiter);
	spin_unlock_irqrestore(&held->lock, flags);
	remap_host_release_held(set);
}

/* For one that has come: if all are at work, the first that is done takes it. Under the lock. */
static void wake_writer(struct remap_held *held)
{
	int i;

	for (i = 0; i < REMAP_WRITERS; i++) {
		if (held->writers[i].busy)
			continue;
		held->writers[i].busy = true;
		queue_work(held->writer_queue, &held->writers[i].work);
		return;
	}
}

void remap_defer(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	struct remap_held *held = &set->held;
	struct remap_waiter *waiter = waiter_of(bio, io);
	unsigned long flags;

	bio->bi_opf &= ~REQ_POLLED;
	spin_lock_irqsave(&held->lock, flags);
	remap_line_defer(&held->line, waiter);
	wake_writer(held);
	spin_unlock_irqrestore(&held->lock, flags);
}

void remap_recover_later(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	struct remap_held *held = &set->held;
	struct remap_waiter *waiter;
	unsigned long flags;

	remap_rewind_bio(bio, io);
	waiter = waiter_of(bio, io);
	io->to.verdict = REMAP_HOLD;
	spin_lock_irqsave(&held->lock, flags);
	remap_line_recover(&held->line, waiter);
	wake_writer(held);
	spin_unlock_irqrestore(&held->lock, flags);
}

void remap_host_release_held(struct remap_host *set)
{
	queue_work(set->held.dispatcher_queue, &set->held.dispatcher);
}

/* ---- pieces ---- */

static void piece_ended(struct bio *bio)
{
	struct piece *piece = container_of(bio, struct piece, bio);
	struct bio *whole = piece->whole;
	blk_status_t status = bio->bi_status;

	remap_drop_token(piece->set, &piece->io);
	if (status)
		status = remap_failed(piece->set, &piece->io, status);
	else
		remap_succeeded(piece->set, &piece->io);
	if (status && piece->io.ticket) {
		remap_recover_later(piece->set, bio, &piece->io);
		return;
	}
	if (status && !whole->bi_status)
		whole->bi_status = status;
	bio_put(bio);
	bio_endio(whole);
}

/* A piece over all that is left of a bio; may sleep. It counts only once it is cut off. */
static struct piece *new_piece(struct remap_host *set, struct bio *whole)
{
	struct bio *bio = bio_alloc_clone(set->bdev[0], whole, GFP_NOIO, &set->held.pieces);
	struct piece *piece = container_of(bio, struct piece, bio);

	bio->bi_end_io = piece_ended;
	piece->set = set;
	piece->whole = whole;
	piece->io.ti = NULL;
	return piece;
}

/* Cuts what `io` answers for off the front of a bio; the whole ends after all of its pieces. */
static void cut_off(struct piece *piece, const struct remap_io *io)
{
	piece->io = *io;
	piece->io.is_piece = true;
	piece->bio.bi_iter.bi_size = io->to.sectors << SECTOR_SHIFT;
	bio_inc_remaining(piece->whole);
	bio_advance(piece->whole, piece->bio.bi_iter.bi_size);
}

/* ---- the dispatcher ---- */

/* Does with a bio, whole or piece, what the answer in `io` says. REMAP_HOLD does not come here. */
static void follow(struct remap_host *set, struct bio *clone, struct bio *bio,
		   struct remap_io *io)
{
	switch (io->to.verdict) {
	case REMAP_SUBMIT:
		remap_redirect(set, bio, io);
		dm_submit_bio_remap(clone, bio);
		break;
	case REMAP_DEFER:
		remap_defer(set, bio, io);
		break;
	default:
		remap_fail(set, bio, io);
	}
}

/* Whether what is left of a bio must wait. Its waiter is in nobody's list while it is in hand. */
static bool must_wait(struct remap_host *set, const struct bio *bio, struct remap_io *io)
{
	struct remap_waiter *rest = waiter_of(bio, io);
	unsigned long flags;
	bool wait;

	if (!rest->writes)
		return false;
	spin_lock_irqsave(&set->held.lock, flags);
	wait = remap_line_must_wait(&set->held.line, rest);
	spin_unlock_irqrestore(&set->held.lock, flags);
	return wait;
}

/*
 * Sends on what can be sent of a bio. Returns false if some of it must wait on: that is then what
 * the bio still covers. dm's per-bio data of a bio in pieces keeps the verdict REMAP_HOLD, so that
 * an error of a piece, reported by the piece, is not reported again.
 */
static bool dispatch(struct remap_host *set, struct bio *bio)
{
	struct remap_io *own = dm_per_bio_data(bio, sizeof(*own));
	u8 op = remap_op_of(bio);
	struct piece *piece = NULL;
	struct remap_io io = {};

	*own = (struct remap_io){ .to.verdict = REMAP_HOLD };
	while (bio_sectors(bio)) {
		bool all;

		if (must_wait(set, bio, own))
			break;
		remap_look_up(set, op, bio->bi_iter.bi_sector, bio_sectors(bio), &io);
		if (io.to.verdict == REMAP_HOLD)
			break;
		all = io.to.sectors == bio_sectors(bio) && !bio_flagged(bio, BIO_CHAIN);
		if (all) {
			*own = io;
			follow(set, bio, bio, own);
			bio = NULL;
			break;
		}
		if (!piece) {
			remap_drop_token(set, &io);
			piece = new_piece(set, bio);
			continue;
		}
		cut_off(piece, &io);
		follow(set, bio, &piece->bio, &piece->io);
		piece = NULL;
	}
	if (piece)
		bio_put(&piece->bio);
	if (bio && bio_sectors(bio))
		return false;
	if (bio)
		bio_endio(bio);
	return true;
}

static struct bio *next_to_pass(struct remap_held *held)
{
	struct remap_waiter *waiter;
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	waiter = remap_line_next(&held->line);
	spin_unlock_irqrestore(&held->lock, flags);
	return waiter ? bio_of(waiter) : NULL;
}

/* `kept` is NULL when the bio is gone, and must not be looked at. */
static void passed(struct remap_held *held, struct bio *kept)
{
	struct remap_waiter *rest = kept ? waiter_of(kept, dm_per_bio_data(kept, sizeof(struct remap_io)))
					 : NULL;
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	if (rest)
		remap_line_keep(&held->line, rest);
	else
		remap_line_gone(&held->line);
	spin_unlock_irqrestore(&held->lock, flags);
}

static void dispatcher(struct work_struct *work)
{
	struct remap_host *set = container_of(work, struct remap_host, held.dispatcher);
	unsigned int noio = memalloc_noio_save();
	struct bio *bio;

	remap_send_flushes(set);
	while ((bio = next_to_pass(&set->held))) {
		passed(&set->held, dispatch(set, bio) ? NULL : bio);
		cond_resched();
	}
	memalloc_noio_restore(noio);
}

/* ---- the writers: what several of them wait for is recorded together ---- */

static struct remap_waiter *next_to_write(struct remap_writer *self)
{
	struct remap_held *held = &self->set->held;
	struct remap_waiter *waiter;
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	waiter = remap_line_next_to_write(&held->line);
	self->busy = waiter;
	spin_unlock_irqrestore(&held->lock, flags);
	return waiter;
}

static void written(struct remap_host *set, struct remap_waiter *waiter)
{
	struct remap_held *held = &set->held;
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	remap_line_written(&held->line, waiter);
	spin_unlock_irqrestore(&held->lock, flags);
	remap_host_release_held(set);
}

/* The set outlives the end of the last bio: its end waits for the workers (remap_held_exit()). */
static void writer(struct work_struct *work)
{
	struct remap_writer *self = container_of(work, struct remap_writer, work);
	struct remap_host *set = self->set;
	unsigned int noio = memalloc_noio_save();
	struct remap_waiter *waiter;

	while ((waiter = next_to_write(self))) {
		struct bio *bio = bio_of(waiter);
		blk_status_t status = remap_write_one(set, bio, io_of(waiter));

		written(set, waiter);
		bio->bi_status = status;
		bio_endio(bio);
		cond_resched();
	}
	memalloc_noio_restore(noio);
}

/* ---- life ---- */

int remap_held_init(struct remap_host *set)
{
	struct remap_held *held = &set->held;
	const char *name = dm_device_name(set->md);
	int error;
	int i;

	spin_lock_init(&held->lock);
	remap_line_init(&held->line);
	INIT_WORK(&held->dispatcher, dispatcher);
	for (i = 0; i < REMAP_WRITERS; i++) {
		INIT_WORK(&held->writers[i].work, writer);
		held->writers[i].set = set;
	}
	error = bioset_init(&held->pieces, PIECES, offsetof(struct piece, bio), 0);
	if (error)
		return error;
	error = -ENOMEM;
	/* Ordered ones are unbound, which from 6.17 on every queue has to choose. */
	held->dispatcher_queue = alloc_ordered_workqueue("remap-held/%s", WQ_MEM_RECLAIM, name);
	if (!held->dispatcher_queue)
		goto err_pieces;
	held->writer_queue = alloc_workqueue("remap-write/%s", WQ_UNBOUND | WQ_MEM_RECLAIM,
					     REMAP_WRITERS, name);
	if (!held->writer_queue)
		goto err_dispatcher;
	return 0;

err_dispatcher:
	destroy_workqueue(held->dispatcher_queue);
err_pieces:
	bioset_exit(&held->pieces);
	return error;
}

/* The writer first: it queues the dispatcher, which by then has nothing to give to the writer. */
void remap_held_exit(struct remap_host *set)
{
	struct remap_held *held = &set->held;

	destroy_workqueue(held->writer_queue);
	destroy_workqueue(held->dispatcher_queue);
	bioset_exit(&held->pieces);
}
