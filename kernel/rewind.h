/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bio that ended with an error: made into one that has not been sent, and carried out again.
 */
#ifndef REMAP_REWIND_H
#define REMAP_REWIND_H

#include <linux/bio.h>

#include "io.h"
#include "map.h"
#include "set.h"

/*
 * Makes of a bio that ended one that has not been sent: bio_endio() and the drivers below used up its
 * iterator and its flags. It has no integrity to be rewound, since the target passes none on.
 */
static inline void remap_rewind_bio(struct bio *bio, const struct remap_io *io)
{
	bio->bi_iter.bi_sector = io->to.device ? io->main : io->to.sector;
	bio->bi_iter.bi_size = io->to.sectors << SECTOR_SHIFT;
	bio->bi_iter.bi_idx = io->vec;
	bio->bi_iter.bi_bvec_done = io->vec_done;
	bio->bi_status = BLK_STS_OK;
	bio->bi_opf &= ~REQ_POLLED;
	bio_clear_flag(bio, BIO_REMAPPED);
	bio_clear_flag(bio, BIO_CHAIN);
	bio_clear_flag(bio, BIO_QOS_THROTTLED);
	bio_clear_flag(bio, BIO_QOS_MERGED);
	atomic_set(&bio->__bi_remaining, 1);
}

/*
 * How it ends. Its verdict is REMAP_HOLD: what was reported of it is not reported again. A suspend
 * without flush may be for a device below that does not answer, so nobody waits for that.
 */
static inline blk_status_t remap_write_one(struct remap_host *set, struct bio *bio,
					   struct remap_io *io)
{
	u64 sector = bio->bi_iter.bi_sector;
	u8 op = remap_op_of(bio);

	if (!io->ticket)
		return remap_blk_status(remap_core_deferred_write(set->core, bio, op, sector,
								  bio_sectors(bio)));
	if (io->ti && dm_noflush_suspending(io->ti))
		return BLK_STS_DM_REQUEUE;
	return remap_blk_status(remap_core_recover(set->core, bio, op, sector, bio_sectors(bio),
						   io->status, io->ticket));
}

#endif
