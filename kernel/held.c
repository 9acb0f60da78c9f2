// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bios that wait, and the two workers that send them on.
 *
 * A bio with sectors gets here in four ways: it lies in a fence; it is a write to sectors for which
 * an earlier write waits; it is a write that changes the table; or it has failed and may be
 * recovered. The first two wait in one queue, in the order of their arrival; the dispatcher goes
 * through it whenever a fence has opened or something in it got done, and looks each bio up again,
 * piece by piece, since what lay in one extent may now lie in several. The others are for the
 * writer, which runs remap_core_deferred_write() or remap_core_recover() for one after the other.
 * One that failed comes from where an I/O ends, perhaps an interrupt, as it was when it was sent but
 * for its sector, which is one of main again. It is queued there and nothing else is done.
 *
 * Order. A write that its submitter began after an earlier one never overtakes it:
 *   - A newcomer that overlaps a write that waits, or that a worker has in its hands, queues up
 *     behind it (remap_wait_behind()), whatever the lookup would say by now.
 *   - The dispatcher keeps a write back if it overlaps an older one that was kept, or one that the
 *     writer has not finished. What it keeps goes back to the front of the queue.
 *   - A worker's range counts as waiting until the bio was submitted (dispatcher) or has ended
 *     (writer). So a write to a lost sector that is still to be deferred cannot come after a later
 *     one that found the sector already alive, and wipe it out.
 * Reads have no order and are not looked at.
 *
 * A flush of a device that the core is flushing waits apart from all this (held_flush.c).
 *
 * Whoever waits is woken: a fence that opens queues the dispatcher (remap_host_release_held());
 * so does the end of each deferred write; and a pass of the dispatcher that got anything done is
 * followed by another. A bio is put behind a fence only after asking, under the lock, whether the
 * fence is still closed to it; the fence opens before the dispatcher is queued, and the dispatcher
 * takes the lock.
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

/* ---- the lists; all under held->lock ---- */

static struct remap_range range_of(const struct bio *bio)
{
	return (struct remap_range){ bio->bi_iter.bi_sector, bio_end_sector(bio) };
}

static bool overlap(struct remap_range a, struct remap_range b)
{
	return a.first < b.end && b.first < a.end;
}

static bool overlaps_any(struct bio_list *list, struct remap_range range)
{
	struct bio *bio;

	bio_list_for_each(bio, list)
		if (op_is_write(bio_op(bio)) && overlap(range_of(bio), range))
			return true;
	return false;
}

/* Whether the dispatcher must keep a write on this range back. */
static bool blocked(struct remap_held *held, struct remap_range range)
{
	return overlap(held->written, range) || overlaps_any(&held->kept, range) ||
	       overlaps_any(&held->deferred, range);
}

/* Whether a newcomer on this range has to queue up. */
static bool preceded(struct remap_held *held, struct remap_range range)
{
	return blocked(held, range) || overlap(held->passed, range) ||
	       overlaps_any(&held->waiting, range) || overlaps_any(&held->passing, range);
}

static void enter(struct remap_held *held, struct bio_list *list, struct bio *bio)
{
	struct remap_range range = range_of(bio);

	if (op_is_write(bio_op(bio))) {
		bool first = !held->writes++;

		WRITE_ONCE(held->span.first,
			   first ? range.first : min(held->span.first, range.first));
		WRITE_ONCE(held->span.end, max(held->span.end, range.end));
	}
	bio_list_add(list, bio);
}

static void left(struct remap_held *held, bool write)
{
	if (write && !--held->writes)
		WRITE_ONCE(held->span.end, 0);
}

/* ---- those who come ---- */

/*
 * In fences, from its first sector to its last? A lookup found it in one as a whole. Should that have
 * opened and two others have closed around its ends since, it waits with a gap: until one opens.
 */
static bool fenced(const struct remap_host *set, const struct bio *bio)
{
	return remap_core_holds(set->core, bio->bi_iter.bi_sector, 1) &&
	       remap_core_holds(set->core, bio_end_sector(bio) - 1, 1);
}

static void wait_here(struct remap_held *held, struct bio *bio)
{
	bio->bi_opf &= ~REQ_POLLED;
	enter(held, &held->waiting, bio);
	held->held++;
}

bool remap_wait_behind(struct remap_host *set, struct bio *bio)
{
	struct remap_held *held = &set->held;
	unsigned long flags;
	bool queued;

	spin_lock_irqsave(&held->lock, flags);
	queued = preceded(held, range_of(bio));
	if (queued)
		wait_here(held, bio);
	spin_unlock_irqrestore(&held->lock, flags);
	return queued;
}

bool remap_wait_fence(struct remap_host *set, struct bio *bio)
{
	struct remap_held *held = &set->held;
	unsigned long flags;
	bool queued;

	spin_lock_irqsave(&held->lock, flags);
	queued = fenced(set, bio);
	if (queued)
		wait_here(held, bio);
	spin_unlock_irqrestore(&held->lock, flags);
	return queued;
}

/*
 * The one way in which a bio outside every fence can come to wait: fences opened and closed around
 * it faster than it could be looked up a few times. It does not wait for a fence, but for a worker.
 */
void remap_wait_turn(struct remap_host *set, struct bio *bio)
{
	struct remap_held *held = &set->held;
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	wait_here(held, bio);
	held->held_outside++;
	spin_unlock_irqrestore(&held->lock, flags);
	remap_host_release_held(set);
}

void remap_defer(struct remap_host *set, struct bio *bio)
{
	struct remap_held *held = &set->held;
	unsigned long flags;

	bio->bi_opf &= ~REQ_POLLED;
	spin_lock_irqsave(&held->lock, flags);
	enter(held, &held->deferred, bio);
	held->deferrals++;
	spin_unlock_irqrestore(&held->lock, flags);
	queue_work(held->writer_queue, &held->writer);
}

void remap_recover_later(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	struct remap_held *held = &set->held;
	unsigned long flags;

	remap_rewind_bio(bio, io);
	io->to.verdict = REMAP_HOLD;
	spin_lock_irqsave(&held->lock, flags);
	enter(held, &held->deferred, bio);
	spin_unlock_irqrestore(&held->lock, flags);
	queue_work(held->writer_queue, &held->writer);
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
		remap_defer(set, bio);
		break;
	default:
		remap_fail(set, bio, io);
	}
}

static bool must_wait(struct remap_host *set, const struct bio *bio)
{
	unsigned long flags;
	bool wait;

	if (!op_is_write(bio_op(bio)))
		return false;
	spin_lock_irqsave(&set->held.lock, flags);
	wait = blocked(&set->held, range_of(bio));
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

		if (must_wait(set, bio))
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
	unsigned long flags;
	struct bio *bio;

	spin_lock_irqsave(&held->lock, flags);
	bio = bio_list_pop(&held->passing);
	if (bio && op_is_write(bio_op(bio)))
		held->passed = range_of(bio);
	spin_unlock_irqrestore(&held->lock, flags);
	return bio;
}

/* `kept` is NULL when the bio is gone, and must not be looked at. */
static void passed(struct remap_held *held, bool write, struct bio *kept)
{
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	held->passed.end = 0;
	if (kept)
		bio_list_add(&held->kept, kept);
	else
		left(held, write);
	spin_unlock_irqrestore(&held->lock, flags);
}

static void start_pass(struct remap_held *held)
{
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	bio_list_merge(&held->passing, &held->waiting);
	bio_list_init(&held->waiting);
	spin_unlock_irqrestore(&held->lock, flags);
}

/* Returns whether anything is left to look at. */
static bool end_pass(struct remap_held *held)
{
	unsigned long flags;
	bool some;

	spin_lock_irqsave(&held->lock, flags);
	bio_list_merge_head(&held->waiting, &held->kept);
	bio_list_init(&held->kept);
	some = !bio_list_empty(&held->waiting);
	spin_unlock_irqrestore(&held->lock, flags);
	return some;
}

static bool pass(struct remap_host *set)
{
	struct remap_held *held = &set->held;
	bool progress = false;
	struct bio *bio;

	start_pass(held);
	while ((bio = next_to_pass(held))) {
		bool write = op_is_write(bio_op(bio));
		bool gone = dispatch(set, bio);

		passed(held, write, gone ? NULL : bio);
		progress |= gone;
	}
	return end_pass(held) && progress;
}

static void dispatcher(struct work_struct *work)
{
	struct remap_host *set = container_of(work, struct remap_host, held.dispatcher);
	unsigned int noio = memalloc_noio_save();

	remap_send_flushes(set);
	while (pass(set))
		cond_resched();
	memalloc_noio_restore(noio);
}

/* ---- the writer ---- */

static struct bio *next_to_write(struct remap_held *held)
{
	unsigned long flags;
	struct bio *bio;

	spin_lock_irqsave(&held->lock, flags);
	bio = bio_list_pop(&held->deferred);
	if (bio && op_is_write(bio_op(bio)))
		held->written = range_of(bio);
	spin_unlock_irqrestore(&held->lock, flags);
	return bio;
}

static void written(struct remap_host *set, bool write)
{
	struct remap_held *held = &set->held;
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	held->written.end = 0;
	left(held, write);
	spin_unlock_irqrestore(&held->lock, flags);
	remap_host_release_held(set);
}

/* The set outlives the end of the last bio: its end waits for the workers (remap_held_exit()). */
static void writer(struct work_struct *work)
{
	struct remap_host *set = container_of(work, struct remap_host, held.writer);
	unsigned int noio = memalloc_noio_save();
	struct bio *bio;

	while ((bio = next_to_write(&set->held))) {
		struct remap_io *io = bio->bi_end_io == piece_ended
					      ? &container_of(bio, struct piece, bio)->io
					      : dm_per_bio_data(bio, sizeof(*io));
		blk_status_t status = remap_write_one(set, bio, io);

		written(set, op_is_write(bio_op(bio)));
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

	spin_lock_init(&held->lock);
	INIT_WORK(&held->dispatcher, dispatcher);
	INIT_WORK(&held->writer, writer);
	error = bioset_init(&held->pieces, PIECES, offsetof(struct piece, bio), 0);
	if (error)
		return error;
	error = -ENOMEM;
	/* Ordered ones are unbound, which from 6.17 on every queue has to choose. */
	held->dispatcher_queue = alloc_ordered_workqueue("remap-held/%s", WQ_MEM_RECLAIM, name);
	if (!held->dispatcher_queue)
		goto err_pieces;
	held->writer_queue = alloc_ordered_workqueue("remap-write/%s", WQ_MEM_RECLAIM, name);
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
