// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Flushes that wait while the core flushes the same device. They have no sectors and no order, so
 * nothing else waits for them; the dispatcher of held.c sends them on.
 */
#include "io.h"
#include "map.h"

bool remap_hold_flush(struct remap_host *set, struct bio *bio, u8 device)
{
	struct remap_held *held = &set->held;
	unsigned long flags;
	bool begins;

	spin_lock_irqsave(&held->lock, flags);
	begins = remap_core_flush_begins(set->core, device);
	if (!begins) {
		bio->bi_opf &= ~REQ_POLLED;
		bio_list_add(&held->flushes, bio);
		held->held++;
	}
	spin_unlock_irqrestore(&held->lock, flags);
	return !begins;
}

void remap_send_flushes(struct remap_host *set)
{
	struct remap_held *held = &set->held;
	struct bio_list flushes;
	unsigned long flags;
	struct bio *bio;

	spin_lock_irqsave(&held->lock, flags);
	flushes = held->flushes;
	bio_list_init(&held->flushes);
	spin_unlock_irqrestore(&held->lock, flags);
	while ((bio = bio_list_pop(&flushes))) {
		struct remap_io *io = dm_per_bio_data(bio, sizeof(*io));

		if (!remap_hold_flush(set, bio, io->to.device))
			dm_submit_bio_remap(bio, bio);
	}
}
