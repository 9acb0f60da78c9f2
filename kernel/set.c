// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets and their registry.
 *
 * dm opens devices with one claim for all of its targets, so it would let two mapped devices write
 * to one spare. The registry does not: a device is part of one set, and a set of one mapped device.
 *
 * Locking: `registry` guards the list of sets, their lists of users and the making of sets, so that
 * two tables cannot both make the set of a spare. Nothing that I/O waits for takes it.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat.h"
#include "log.h"
#include "set.h"

static DEFINE_MUTEX(registry);
static LIST_HEAD(sets);

/* ---- life of a set ---- */

/*
 * Only the table in use has a listener; dm ignores the event of another. A target leaves the list
 * of users before its table goes, so none of these tables is gone.
 */
static void send_event(struct work_struct *work)
{
	struct remap_host *set = container_of(work, struct remap_host, event);
	struct remap_target *target;

	mutex_lock(&registry);
	list_for_each_entry(target, &set->users, user)
		dm_table_event(target->ti->table);
	mutex_unlock(&registry);
}

static struct remap_host *new_set(const struct remap_target *target,
				  const struct remap_device_facts *facts,
				  const struct remap_table_line *line, const char **error)
{
	struct remap_host *set = kzalloc(sizeof(*set), GFP_KERNEL);
	int result = -ENOMEM;
	u32 i;

	*error = "not enough memory for a set";
	if (!set)
		return ERR_PTR(result);
	set->md = dm_table_get_md(target->ti->table);
	set->devices = target->devices;
	for (i = 0; i < target->devices; i++)
		set->bdev[i] = target->device[i]->bdev;
	mutex_init(&set->writer);
	init_waitqueue_head(&set->group);
	INIT_LIST_HEAD(&set->users);
	INIT_WORK(&set->event, send_event);
	result = remap_inflight_init(&set->inflight);
	if (result)
		goto err_set;
	result = remap_held_init(set);
	if (result)
		goto err_inflight;
	result = remap_core_create(set, facts, set->devices, line, &set->core, error);
	if (result)
		goto err_held;
	return set;

err_held:
	remap_held_exit(set);
err_inflight:
	remap_inflight_exit(&set->inflight);
err_set:
	kfree(set);
	return ERR_PTR(result);
}

/* No user is left, hence no I/O, message or status call. */
static void end_set(struct remap_host *set)
{
	cancel_work_sync(&set->event);
	remap_held_exit(set);
	synchronize_rcu();
	remap_core_destroy(set->core);
	remap_inflight_exit(&set->inflight);
	kfree(set);
}

/* ---- which set a table may use ---- */

/* The number of a device in a set, or -1. */
static int place_of(const struct remap_host *set, const struct block_device *bdev)
{
	u32 i;

	for (i = 0; i < set->devices; i++)
		if (set->bdev[i] == bdev)
			return i;
	return -1;
}

static bool same_devices(const struct remap_host *set, const struct remap_target *target)
{
	u32 i;

	if (set->devices != target->devices)
		return false;
	for (i = 0; i < set->devices; i++)
		if (set->bdev[i] != target->device[i]->bdev)
			return false;
	return true;
}

static bool used_by_table(const struct remap_host *set, const struct dm_table *table)
{
	const struct remap_target *target;

	list_for_each_entry(target, &set->users, user)
		if (target->ti->table == table)
			return true;
	return false;
}

/* Device `ours` of a new target is device `theirs` of a set that the target cannot use: why not? */
static const char *why_not(const struct remap_host *set, const struct remap_target *target,
			   int ours, int theirs)
{
	if (set->md != dm_table_get_md(target->ti->table)) {
		if (!ours)
			return theirs ? "the main device is a spare of another mapped device"
				      : "the main device belongs to another mapped device";
		return theirs ? "the spare belongs to another mapped device"
			      : "the spare is the main device of another mapped device";
	}
	if (used_by_table(set, target->ti->table))
		return "two targets of a table share a device";
	if (!ours)
		return theirs ? "the main device is a spare of this mapped device already"
			      : "a reload cannot change the spares of a main device";
	return theirs ? "a reload cannot change the main device of a spare"
		      : "the spare is the main device of this mapped device already";
}

/* The set that the target may share, NULL if there is none, or an error if a device is taken. */
static struct remap_host *find_set(const struct remap_target *target, const char **error)
{
	struct remap_host *set;
	u32 i;

	list_for_each_entry(set, &sets, list) {
		if (set->md == dm_table_get_md(target->ti->table) && same_devices(set, target) &&
		    !used_by_table(set, target->ti->table))
			return set;
		for (i = 0; i < target->devices; i++) {
			int theirs = place_of(set, target->device[i]->bdev);

			if (theirs < 0)
				continue;
			*error = why_not(set, target, i, theirs);
			return ERR_PTR(-EBUSY);
		}
	}
	return NULL;
}

int remap_set_get(struct remap_target *target, const struct remap_device_facts *facts,
		  const struct remap_table_line *line, const char **error)
{
	struct remap_host *set;
	int result = 0;

	mutex_lock(&registry);
	set = find_set(target, error);
	if (!set) {
		set = new_set(target, facts, line, error);
		if (!IS_ERR(set))
			list_add(&set->list, &sets);
	}
	if (IS_ERR(set))
		result = PTR_ERR(set);
	else
		result = remap_core_check_table(set->core, line, target->ti->len, error);
	if (!result) {
		target->set = set;
		list_add(&target->user, &set->users);
		if (remap_table_writes(target->ti->table))
			WRITE_ONCE(set->writers, set->writers + 1);
	}
	mutex_unlock(&registry);
	return result;
}

void remap_set_put(struct remap_target *target)
{
	struct remap_host *set = target->set;
	bool last;

	mutex_lock(&registry);
	list_del(&target->user);
	if (remap_table_writes(target->ti->table))
		WRITE_ONCE(set->writers, set->writers - 1);
	last = list_empty(&set->users);
	if (last)
		list_del(&set->list);
	mutex_unlock(&registry);
	if (last)
		end_set(set);
}
