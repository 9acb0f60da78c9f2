// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Flushes that wait while the core flushes the same device. They have no sectors and no order, so
 * nothing else waits for them; the dispatcher of held.c sends them on.
 */
#include "io.h"
#include "map.h"

bool remap_hold_flush(struct remap_host *set, struct bio *bio, struct remap_io *io)
{
	struct remap_held *held = &set->held;
	unsigned long flags;
	bool queued;

	io->waiter = (struct remap_waiter){ .device = io->to.device };
	spin_lock_irqsave(&held->lock, flags);
	queued = remap_line_hold_flush(&held->line, set->core, &io->waiter);
	if (queued)
		bio->bi_opf &= ~REQ_POLLED;
	spin_unlock_irqrestore(&held->lock, flags);
	return queued;
}

static struct bio *next_flush(struct remap_host *set)
{
	struct remap_held *held = &set->held;
	struct remap_waiter *waiter;
	unsigned long flags;

	spin_lock_irqsave(&held->lock, flags);
	waiter = remap_line_next_flush(&held->line, set->core);
	spin_unlock_irqrestore(&held->lock, flags);
	if (!waiter)
		return NULL;
	return dm_bio_from_per_bio_data(container_of(waiter, struct remap_io, waiter),
					sizeof(struct remap_io));
}

void remap_send_flushes(struct remap_host *set)
{
	struct bio *bio;

	while ((bio = next_flush(set)))
		dm_submit_bio_remap(bio, bio);
}
