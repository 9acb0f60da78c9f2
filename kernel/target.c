// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The target as dm sees it, apart from I/O (map.c): tables, suspend, messages, status.
 *
 * It decides nothing: what a table line, a message or a status line is, the core knows. Why rows of
 * the checklist that no test reaches hold:
 *   - Devices are opened through dm_get_device() only, so a live table can be reloaded.
 *   - No prepare_ioctl: dm answers ENOTTY, so no SG_IO write goes round the map and the fences.
 *   - No DAX operations, and of the features only NOWAIT: no integrity, inline crypto, zones or
 *     atomic writes. num_secure_erase_bios is 0: bad sectors would keep their content anyway.
 *   - Suspend: dm calls presuspend, waits for every bio, then postsuspend. Nothing that a bio
 *     waits for is stopped in presuspend. presuspend_undo follows a suspend that failed.
 *   - A reload suspends the old table and resumes the new one, which shares the set; the set sees
 *     presuspend, postsuspend, resume in that order, and the old table's dtr only after. With other
 *     spares the new table has a set of its own, which is loaded at that resume.
 *
 * Contexts: all of these may sleep, except where dm calls status while it is suspended; nothing
 * here waits for I/O of the mapped device.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "log.h"
#include "map.h"
#include "set.h"
#include "target.h"

/* ---- tables ---- */

static void close_devices(struct remap_target *target)
{
	while (target->devices)
		dm_put_device(target->ti, target->device[--target->devices]);
}

static const char *why_not_open(bool main, int result)
{
	switch (result) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
	case -EINVAL:
		return main ? "the main device does not exist" : "the spare does not exist";
	case -EBUSY:
		return main ? "the main device is in use" : "the spare is in use";
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return main ? "the main device is read-only" : "the spare is read-only";
	default:
		return main ? "the main device cannot be opened" : "the spare cannot be opened";
	}
}

static int open_devices(struct remap_target *target, const struct remap_table_line *line,
			const char **error)
{
	struct dm_target *ti = target->ti;
	u32 i;

	for (i = 0; i < line->devices; i++) {
		int result = dm_get_device(ti, line->device[i], dm_table_get_mode(ti->table),
					   &target->device[i]);

		/* Newer kernels open a read-only device for writing and let the writes fail. */
		if (!result) {
			target->devices++;
			if (remap_table_writes(ti->table) && bdev_read_only(target->device[i]->bdev))
				result = -EROFS;
		}
		if (result) {
			DMERR("cannot open '%s': error %d", line->device[i], -result);
			*error = why_not_open(!i, result);
			close_devices(target);
			return result;
		}
	}
	return 0;
}

static void gather_facts(const struct remap_target *target, struct remap_device_facts *facts)
{
	u32 i;

	for (i = 0; i < target->devices; i++) {
		struct block_device *bdev = target->device[i]->bdev;

		facts[i] = (struct remap_device_facts){
			.sectors = bdev_nr_sectors(bdev),
			.identity = bdev->bd_dev,
			.logical_block = bdev_logical_block_size(bdev),
			.physical_block = bdev_physical_block_size(bdev),
			.alignment_offset = bdev_alignment_offset(bdev),
			.zoned = bdev_is_zoned(bdev),
		};
	}
}

/*
 * Discards are offered if main takes them. A spare that does not gets them all the same, and its
 * refusal counts as done (remap_failed()): for dm, one device without discards would otherwise
 * take them from the whole.
 */
static void set_up(struct dm_target *ti, const struct remap_target *target)
{
	bool discards = bdev_max_discard_sectors(target->device[0]->bdev);

	ti->num_flush_bios = target->devices;
	ti->flush_supported = true;
	ti->num_discard_bios = discards;
	ti->discards_supported = discards;
	ti->num_write_zeroes_bios = 1;
	ti->per_io_data_size = sizeof(struct remap_io);
	ti->limit_swap_bios = true;
	/* What waits is sent with dm_submit_bio_remap(), or ended unsent, which dm accounts too. */
	ti->accounts_remapped_io = true;
	ti->private = (void *)target;
}

static int make_target(struct remap_target *target, const struct remap_table_line *line,
		       const char **error)
{
	struct remap_device_facts facts[REMAP_MAX_DEVICES];
	int result = open_devices(target, line, error);

	if (result)
		return result;
	gather_facts(target, facts);
	result = remap_core_check_devices(facts, target->devices, target->ti->len, error);
	if (!result)
		result = remap_set_get(target, facts, line, error);
	if (result)
		close_devices(target);
	return result;
}

static int remap_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	const char *error = "not enough memory for a target";
	struct remap_table_line line = {};
	struct remap_target *target;
	int result;

	target = kzalloc(sizeof(*target), GFP_KERNEL);
	if (!target) {
		ti->error = (char *)error;
		return -ENOMEM;
	}
	target->ti = ti;
	target->writes = remap_table_writes(ti->table);
	result = remap_core_parse_table(argc, argv, &line, &error);
	target->policy = line.policy;
	if (!result)
		result = make_target(target, &line, &error);
	if (result) {
		ti->error = (char *)error;
		kfree(target);
		return result;
	}
	set_up(ti, target);
	return 0;
}

static void remap_dtr(struct dm_target *ti)
{
	struct remap_target *target = ti->private;

	remap_set_put(target);
	close_devices(target);
	kfree(target);
}

static int remap_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct remap_target *target = ti->private;
	int result = fn(ti, target->device[0], 0, ti->len, data);
	u32 i;

	for (i = 1; !result && i < target->devices; i++)
		result = fn(ti, target->device[i], 0, bdev_nr_sectors(target->device[i]->bdev),
			    data);
	return result;
}

/* ---- suspend ---- */

static struct remap_core *core_of(const struct dm_target *ti)
{
	return ((struct remap_target *)ti->private)->set->core;
}

/* May sleep and do I/O: dm lets none of its own in before it returns. */
static int remap_preresume(struct dm_target *ti)
{
	unsigned int noio = memalloc_noio_save();
	int result = remap_set_start(ti->private);

	memalloc_noio_restore(noio);
	return result;
}

static void remap_presuspend(struct dm_target *ti)
{
	struct remap_target *target = ti->private;

	remap_core_presuspend(target->set->core);
	remap_scan_stop(target->set);
}

static void remap_postsuspend(struct dm_target *ti)
{
	remap_core_postsuspend(core_of(ti));
}

static void remap_resume(struct dm_target *ti)
{
	remap_core_resume(core_of(ti));
}

/* ---- messages and status ---- */

/* The core's errors are plain errno values, so nothing of the kernel's own leaks to user space. */
static int remap_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
			 unsigned int maxlen)
{
	unsigned int noio = memalloc_noio_save();
	int answer = remap_core_message(core_of(ti), argc, argv, result, maxlen);

	memalloc_noio_restore(noio);
	return answer;
}

static void table_line(const struct remap_target *target, char *result, unsigned int maxlen)
{
	struct remap_table_line line = {
		.devices = target->devices,
		.policy = target->policy,
	};
	char features[REMAP_FEATURES_ROOM];
	unsigned int sz = 0;
	u32 i;

	for (i = 0; i < target->devices; i++)
		line.device[i] = target->device[i]->name;
	DMEMIT("%s %s", line.device[0],
	       remap_core_uses(target->set->core, 1) ? line.device[1] : "-");
	/* In one piece: one that does not fit fills the buffer, by which dm knows to say so. */
	if (remap_core_status(target->set->core, REMAP_STATUS_TABLE, &line, features,
			      sizeof(features)))
		DMEMIT(" %s", features);
}

static void ima_line(const struct remap_target *target, char *result, unsigned int maxlen)
{
	struct dm_target *ti = target->ti;
	unsigned int sz = 0;
	u32 i;

	DMEMIT_TARGET_NAME_VERSION(ti->type);
	DMEMIT(",main=%s", target->device[0]->name);
	for (i = 1; i < target->devices; i++)
		DMEMIT(",spare_%u=%s", i, target->device[i]->name);
	DMEMIT(",");
	if (sz < maxlen)
		sz += remap_core_status(target->set->core, REMAP_STATUS_IMA, NULL,
					result + sz, maxlen - sz);
	DMEMIT(";");
}

static void remap_status(struct dm_target *ti, status_type_t type, unsigned int flags,
			 char *result, unsigned int maxlen)
{
	struct remap_target *target = ti->private;

	switch (type) {
	case STATUSTYPE_INFO:
		remap_core_status(target->set->core, REMAP_STATUS_INFO, NULL, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		table_line(target, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		ima_line(target, result, maxlen);
		break;
	}
}

struct target_type remap_target_type = {
	.name = "dm-remap",
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = remap_ctr,
	.dtr = remap_dtr,
	.map = remap_map,
	.end_io = remap_end_io,
	.presuspend = remap_presuspend,
	.presuspend_undo = remap_resume,
	.postsuspend = remap_postsuspend,
	.preresume = remap_preresume,
	.resume = remap_resume,
	.status = remap_status,
	.message = remap_message,
	.iterate_devices = remap_iterate_devices,
};
