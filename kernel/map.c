// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * map and end_io: one lookup in the core, and the bio is on its way.
 *
 * No lock, no allocation, no log and no sleep on the way of a bio that is simply sent on
 * (tests/lint/map-symbols.sh looks). Why rows of the checklist that no test reaches hold:
 *   - map returns no errno, which dm would answer with BUG(): all its returns are below.
 *   - dm_accept_partial_bio() is called for reads, writes, write-zeroes and discards only, each of
 *     which dm sends once (num_*_bios = 1); flushes, which dm duplicates, leave map before it.
 *     Secure erase, zone and atomic operations never come: their limits are 0 and dm refuses them.
 *   - PREFLUSH with data never comes: dm sends an empty flush first.
 *   - The iterator is saved (io->to) before the bio is submitted, since completion consumes it.
 *   - end_io may run again for the same bio (a clone held back by dm): the token is cleared first,
 *     and of a flush the verdict by which it counts.
 */
#include <linux/build_bug.h>

#include "compat.h"
#include "held.h"
#include "io.h"
#include "map.h"

u8 remap_op_of(const struct bio *bio)
{
	BUILD_BUG_ON((int)REMAP_OP_READ != REQ_OP_READ || (int)REMAP_OP_WRITE != REQ_OP_WRITE);

	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return REMAP_OP_READ;
	case REQ_OP_WRITE_ZEROES:
		return REMAP_OP_WRITE_ZEROES;
	case REQ_OP_DISCARD:
		return REMAP_OP_DISCARD;
	default:
		return REMAP_OP_WRITE;
	}
}

static int end_with(struct bio *bio, blk_status_t status)
{
	bio->bi_status = status;
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

/*
 * A flush clone, one for each device. An empty bio that is no flush goes to main. With a flush in
 * num_flush_bios for every spare, what was acknowledged is stable wherever it was sent. A spare that
 * the set goes on without gets none. It waits while the core flushes that device.
 */
static noinline int map_empty(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	*io = (struct remap_io){ .to.device = dm_bio_get_target_bio_nr(bio) };
	bio_set_dev(bio, set->bdev[io->to.device]);
	if (!(remap_core_flushed_devices(set->core) >> io->to.device & 1)) {
		io->to.verdict = REMAP_HOLD;
		return end_with(bio, BLK_STS_OK);
	}
	if (remap_core_flush_begins(set->core, io->to.device))
		return DM_MAPIO_REMAPPED;
	if (bio->bi_opf & REQ_NOWAIT) {
		io->to.verdict = REMAP_HOLD;
		return end_with(bio, BLK_STS_AGAIN);
	}
	return remap_hold_flush(set, bio, io) ? DM_MAPIO_SUBMITTED : DM_MAPIO_REMAPPED;
}

void remap_fail(struct remap_host *set, struct bio *bio, const struct remap_io *io)
{
	blk_status_t status =
		io->to.verdict == REMAP_FAIL_CLOSED ? BLK_STS_IOERR : BLK_STS_MEDIUM;

	remap_core_io_refused(set->core, io->to.op);
	end_with(bio, status);
}

/*
 * A bio that may not wait and cannot simply be sent on as a whole. Its submitter tries again where
 * it may wait, and learns that it has to from the status of the whole bio: were the first part on
 * a device by then, the answer would come too late and from elsewhere, and io_uring would hand it
 * on as an error. The block layer does the same with those that it would have to split.
 */
static int refuse_to_wait(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	remap_drop_token(set, io);
	io->to.verdict = REMAP_HOLD;
	return end_with(bio, BLK_STS_AGAIN);
}

/*
 * Of a read-only table. The block layer only warns of such a write, which comes from a page that was
 * dirty when the table was loaded, and sends it on.
 */
static noinline int refuse_to_write(struct bio *bio, struct remap_io *io)
{
	*io = (struct remap_io){ .to.verdict = REMAP_HOLD };
	return end_with(bio, BLK_STS_IOERR);
}

/* A bio of which only the first part goes where `io` says; dm comes back with the rest. */
static noinline int map_first_part(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	if (bio->bi_opf & REQ_NOWAIT)
		return refuse_to_wait(set, bio, io);
	dm_accept_partial_bio(bio, io->to.sectors);
	remap_redirect(set, bio, io);
	return DM_MAPIO_REMAPPED;
}

/*
 * A bio that is not simply sent on. What waits gives up polling: nobody would poll the queue that
 * a worker puts it in. It holds no token, since the fence it waits for waits for those.
 */
static noinline int map_slowly(struct remap_host *set, struct bio *bio, struct remap_io *io, u8 op)
{
	unsigned int look;

	*io = (struct remap_io){ .to.verdict = REMAP_HOLD };
	if (bio->bi_opf & REQ_NOWAIT)
		return refuse_to_wait(set, bio, io);
	for (look = 0; look < REMAP_LOOKS; look++) {
		if (op != REMAP_OP_READ && remap_wait_behind(set, bio, io))
			return DM_MAPIO_SUBMITTED;
		remap_look_up(set, op, bio->bi_iter.bi_sector, bio_sectors(bio), io);
		if (io->to.sectors < bio_sectors(bio))
			dm_accept_partial_bio(bio, io->to.sectors);

		switch (io->to.verdict) {
		case REMAP_SUBMIT:
			remap_redirect(set, bio, io);
			return DM_MAPIO_REMAPPED;
		case REMAP_FAIL_MEDIUM:
		case REMAP_FAIL_CLOSED:
			remap_fail(set, bio, io);
			return DM_MAPIO_SUBMITTED;
		case REMAP_DEFER:
			remap_defer(set, bio, io);
			return DM_MAPIO_SUBMITTED;
		default:
			if (remap_wait_fence(set, bio, io))
				return DM_MAPIO_SUBMITTED;
		}
	}
	remap_wait_turn(set, bio, io);
	return DM_MAPIO_SUBMITTED;
}

/* Everything but a read of main: tracked. */
static noinline int map_tracked(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	u64 sector = bio->bi_iter.bi_sector;
	u32 sectors = bio_sectors(bio);
	u8 op = remap_op_of(bio);

	if (unlikely(!sectors))
		return map_empty(set, bio, io);
	if (op != REMAP_OP_READ && unlikely(remap_line_spans(&set->held.line, sector, sectors)))
		return map_slowly(set, bio, io, op);
	remap_look_up(set, op, sector, sectors, io);
	if (unlikely(io->to.verdict != REMAP_SUBMIT))
		return map_slowly(set, bio, io, op);
	if (unlikely(io->to.sectors < sectors))
		return map_first_part(set, bio, io);
	remap_redirect(set, bio, io);
	return DM_MAPIO_REMAPPED;
}

/*
 * Most I/O of a disk in use is a read of a place that is not mapped: that is decided right here. A
 * read that needs more looks up again with its token in hand, as inflight.h demands.
 */
int remap_map(struct dm_target *ti, struct bio *bio)
{
	const struct remap_target *target = ti->private;
	struct remap_host *set = target->set;
	u32 sectors = bio_sectors(bio);
	struct remap_mapping to;
	struct remap_io *io;

	bio->bi_iter.bi_sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	io = dm_per_bio_data(bio, sizeof(*io));
	if (bio_op(bio) != REQ_OP_READ || unlikely(!sectors)) {
		if (unlikely(!target->writes && sectors))
			return refuse_to_write(bio, io);
		return map_tracked(set, bio, io);
	}
	rcu_read_lock_sched();
	to = remap_core_map(set->core, REMAP_OP_READ, bio->bi_iter.bi_sector, sectors);
	rcu_read_unlock_sched();
	if (unlikely(to.sectors != sectors || to.device || to.verdict != REMAP_SUBMIT))
		return map_tracked(set, bio, io);
	io->to = to;
	io->token = 0;
	remap_keep_iter(bio, io);
	bio_set_dev(bio, set->bdev[0]);
	return DM_MAPIO_REMAPPED;
}

/* Whether a device ended an I/O because it does not know the operation; it has not failed then. */
static bool unknown_to(struct block_device *bdev, u8 op, blk_status_t status)
{
	if (status == BLK_STS_TARGET && op == REMAP_OP_DISCARD)
		return !bdev_max_discard_sectors(bdev);
	if (status == BLK_STS_TARGET && op == REMAP_OP_WRITE_ZEROES)
		return !bdev_write_zeroes_sectors(bdev);
	return status == BLK_STS_NOTSUPP;
}

/*
 * A discard is a hint: on a spare that does not know it, it is done by ignoring it. A NOWAIT bio
 * that would have waited says nothing about the device either.
 */
blk_status_t remap_failed(struct remap_host *set, struct remap_io *io, blk_status_t status)
{
	io->ticket = 0;
	if (io->to.verdict != REMAP_SUBMIT || status == BLK_STS_AGAIN)
		return status;
	if (unknown_to(set->bdev[io->to.device], io->to.op, status))
		return io->to.op == REMAP_OP_DISCARD && io->to.device ? BLK_STS_OK : status;
	io->status = remap_io_status(status);
	if (io->to.sectors)
		io->ticket = remap_core_io_failed(set->core, io->to.op, io->to.device, io->status);
	else
		remap_core_flush_failed(set->core, io->to.device, remap_io_status(status));
	return status;
}

/* After the core was told how it ended. A second end_io does not count. */
static void end_flush(struct remap_host *set, struct remap_io *io)
{
	io->to.verdict = REMAP_HOLD;
	remap_core_flush_ends(set->core, io->to.device);
}

/* dm forgets a bio of which end_io says that it is incomplete, until it ends again. */
static noinline int end_failed(struct dm_target *ti, struct bio *bio, struct remap_io *io,
			       blk_status_t *error)
{
	struct remap_host *set = ((struct remap_target *)ti->private)->set;
	bool flush = !io->to.sectors && io->to.verdict == REMAP_SUBMIT;

	*error = remap_failed(set, io, *error);
	if (flush)
		end_flush(set, io);
	if (!io->ticket)
		return DM_ENDIO_DONE;
	io->ti = ti;
	io->is_piece = false;
	remap_recover_later(set, bio, io);
	return DM_ENDIO_INCOMPLETE;
}

static noinline int end_tracked(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct remap_host *set = ((struct remap_target *)ti->private)->set;
	struct remap_io *io = dm_per_bio_data(bio, sizeof(*io));
	bool flush = !io->to.sectors && io->to.verdict == REMAP_SUBMIT;

	remap_drop_token(set, io);
	if (unlikely(*error))
		return end_failed(ti, bio, io, error);
	if (unlikely(flush) && remap_core_flush_owed(set->core, io->to.device))
		*error = BLK_STS_IOERR;
	if (unlikely(flush))
		end_flush(set, io);
	remap_succeeded(set, io);
	return DM_ENDIO_DONE;
}

/*
 * A good read from main holds no token and has nothing to tell. A driver may have pointed the bio
 * to a device of its own below, which then is not main: main is claimed by device-mapper.
 */
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct remap_host *set = ((struct remap_target *)ti->private)->set;

	if (likely(!*error) && bio_op(bio) == REQ_OP_READ && bio->bi_bdev == set->bdev[0])
		return DM_ENDIO_DONE;
	return end_tracked(ti, bio, error);
}
