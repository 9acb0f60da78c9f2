/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The set: a main device and its spares, the core that decides about them, and what the shim keeps
 * for them. It is the core's `host`.
 *
 * A set belongs to one mapped device and is shared by its tables. A reload makes the new table
 * before it drops the old one, so the set, and with it every remap, lives on until the last table
 * that uses it is gone. The registry (set.c) sees to it that no device is part of the sets of two
 * mapped devices. A table that names other spares of the same main has a set of its own: it is
 * loaded from the spares when that table is resumed, and the old one, suspended by then, is not
 * used again.
 *
 * bdev[] is valid without references of its own: each table that uses the set has opened all of
 * its devices, an open block_device is one object however often it is opened, and the set ends
 * with the last table.
 */
#ifndef REMAP_SET_H
#define REMAP_SET_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "core/remap_core.h"
#include "held.h"
#include "inflight.h"

/* Enough for the core's largest piece at any place in memory. */
#define REMAP_COPY_PAGES ((REMAP_COPY_SECTORS << SECTOR_SHIFT) / PAGE_SIZE + 1)

/* Whether the core asks if main takes writes: remap_host_watch_main(). */
enum { REMAP_WATCH_OFF, REMAP_WATCH_ASKED, REMAP_WATCH_SEEN };

/* One target of one table: ti->private. Constant from ctr to dtr. */
struct remap_target {
	struct remap_host *set;
	struct dm_target *ti;
	struct list_head user; /* in set->users */
	bool writes; /* whether the table may */
	u32 devices;
	struct dm_dev *device[REMAP_MAX_DEVICES];
	struct remap_policy policy;
};

struct remap_host {
	/* Constant while the set has users. */
	struct remap_core *core; /* NULL before the spare was read */
	struct block_device *bdev[REMAP_MAX_DEVICES];
	u32 devices;
	struct dm_table *table; /* that it is made for, until it has users; only to be compared */
	struct mapped_device *md;

	unsigned int watch; /* any context, without a lock */

	struct remap_inflight inflight;
	struct remap_held held;

	struct mutex writer; /* remap_host_lock() */
	wait_queue_head_t group; /* those in remap_host_wait_group() */
	wait_queue_head_t flush; /* the one in remap_host_wait_flush() */
	atomic_t flush_wakes;
	struct bio_vec vecs[REMAP_COPY_PAGES]; /* under writer: the core's own read or write */

	struct work_struct event;
	struct delayed_work scan;
	unsigned long scan_saw; /* I/O of the mapped device that had ended; the scan's own */
	/* Under the registry's mutex. */
	u8 name[16]; /* the UUID of the set, once it is known */
	bool named;
	struct list_head list;
	struct list_head users;
	/* Written under the registry's mutex: tables that were opened for writing. */
	unsigned int writers;
};

/*
 * Finds or makes the set for a target whose devices are open, and enters the target as a user.
 * Returns 0 or a negative errno with *error set to a static sentence. Context: sleep.
 */
int remap_set_get(struct remap_target *target, const struct remap_device_facts *facts,
		  const struct remap_table_line *line, const char **error);
/* The scan of main (scan.c). stop: returns when no turn is under way. Context: sleep. */
void remap_scan_init(struct remap_host *set);
void remap_scan_stop(struct remap_host *set);
/* Before I/O is let in: remap_core_start() for this target. Context: sleep. */
int remap_set_start(struct remap_target *target);
/* An event for every set: a work of its own. Context: sleep. */
void remap_sets_event(struct work_struct *work);
/* Before the module goes. Context: sleep. */
void remap_host_exit(void);
/* The last user's call ends the set. Context: sleep, no I/O of the target's left. */
void remap_set_put(struct remap_target *target);

#endif
