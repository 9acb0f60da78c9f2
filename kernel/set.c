// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets and their registry.
 *
 * dm opens devices with one claim for all of its targets, so it would let two mapped devices write
 * to one spare. The registry does not: the sets that a device is part of are of one mapped device, and
 * of them one is in use, as only one of its tables is.
 * A spare may have several names (two loop devices on a file, a linear device over it), so a set is
 * told by its UUID too (remap_host_claim()).
 *
 * Locking: `registry` guards the list of sets, their names and their lists of users. It is never
 * held while a device is waited for: a spare that hangs must not stop the tables and events of
 * others. So a set enters the list before its spare is read, without users and without a core, and
 * whoever comes for one of its devices meanwhile is refused. dm makes the tables of one mapped
 * device one after the other, so no table of its own comes then. Nothing that I/O waits for takes
 * `registry`; it may be taken under a set's writer's lock.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "log.h"
#include "set.h"

static DEFINE_MUTEX(registry);
static LIST_HEAD(sets);

/*
 * Held while a blank spare is looked at again and formatted. Two sets on one such spare, under two
 * names, have no UUID yet that could differ: the second must find what the first made of it.
 */
static DEFINE_MUTEX(formats);

/* ---- life of a set ---- */

/*
 * Only the table in use has a listener; dm ignores the event of another. A target leaves the list
 * of users before its table goes, so none of these tables is gone.
 */
static void tell_users(struct remap_host *set)
{
	struct remap_target *target;

	list_for_each_entry(target, &set->users, user)
		dm_table_event(target->ti->table);
}

static void send_event(struct work_struct *work)
{
	struct remap_host *set = container_of(work, struct remap_host, event);

	mutex_lock(&registry);
	tell_users(set);
	mutex_unlock(&registry);
}

void remap_sets_event(struct work_struct *work)
{
	struct remap_host *set;

	mutex_lock(&registry);
	list_for_each_entry(set, &sets, list)
		tell_users(set);
	mutex_unlock(&registry);
}

/* Without a core. Reads and writes no device. */
static struct remap_host *new_set(const struct remap_target *target, const char **error)
{
	struct remap_host *set = kzalloc(sizeof(*set), GFP_KERNEL);
	int result = -ENOMEM;
	u32 i;

	*error = "not enough memory for a set";
	if (!set)
		return ERR_PTR(result);
	set->table = target->ti->table;
	set->md = dm_table_get_md(target->ti->table);
	set->devices = target->devices;
	for (i = 0; i < target->devices; i++)
		set->bdev[i] = target->device[i]->bdev;
	mutex_init(&set->writer);
	init_waitqueue_head(&set->group);
	init_waitqueue_head(&set->flush);
	INIT_LIST_HEAD(&set->users);
	INIT_WORK(&set->event, send_event);
	remap_scan_init(set);
	result = remap_inflight_init(&set->inflight);
	if (result)
		goto err_set;
	result = remap_held_init(set);
	if (result)
		goto err_inflight;
	return set;

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
	remap_scan_stop(set);
	remap_held_exit(set);
	synchronize_rcu();
	if (set->core)
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
		return "the main device is a spare of this mapped device already";
	return theirs ? "a reload cannot change the main device of a spare"
		      : "the spare is the main device of this mapped device already";
}

/*
 * Whether the target is to take the place of the set: that of another table of its mapped device,
 * with the same main and other spares.
 */
static bool replaces(const struct remap_target *target, const struct remap_host *set)
{
	return set->core && set->md == dm_table_get_md(target->ti->table) &&
	       set->bdev[0] == target->device[0]->bdev && !used_by_table(set, target->ti->table);
}

/* 0, or an error if a device of the target is taken by the set. */
static int check_apart(const struct remap_host *set, const struct remap_target *target,
		       const char **error)
{
	u32 i;

	for (i = 0; i < target->devices; i++) {
		int theirs = place_of(set, target->device[i]->bdev);

		if (theirs < 0 || (replaces(target, set) && !i == !theirs))
			continue;
		*error = why_not(set, target, i, theirs);
		return -EBUSY;
	}
	return 0;
}

/* The set that the target may share, NULL if there is none, or an error if a device is taken. */
static struct remap_host *find_set(const struct remap_target *target, const char **error)
{
	struct remap_host *found = NULL;
	struct remap_host *set;
	int result;

	list_for_each_entry(set, &sets, list) {
		if (replaces(target, set) && same_devices(set, target)) {
			found = set;
			continue;
		}
		result = check_apart(set, target, error);
		if (result)
			return ERR_PTR(result);
	}
	return found;
}

static void leave(struct remap_host *set)
{
	mutex_lock(&registry);
	list_del(&set->list);
	mutex_unlock(&registry);
}

/* The set that the target may share, else one that was entered without a core, or an error. */
static struct remap_host *find_or_enter(const struct remap_target *target, const char **error)
{
	struct remap_host *fresh;
	struct remap_host *set;

	mutex_lock(&registry);
	set = find_set(target, error);
	mutex_unlock(&registry);
	if (set)
		return set;
	fresh = new_set(target, error);
	if (IS_ERR(fresh))
		return fresh;
	mutex_lock(&registry);
	set = find_set(target, error);
	if (!set)
		list_add(&fresh->list, &sets);
	mutex_unlock(&registry);
	if (!set)
		return fresh;
	end_set(fresh);
	return set;
}

/* Whether another set of this mapped device has the same main, and its name. */
static bool name_of_replaced(const struct remap_target *target, u8 *name)
{
	const struct remap_host *other;
	bool found = false;

	mutex_lock(&registry);
	list_for_each_entry(other, &sets, list) {
		if (!replaces(target, other) || !other->named)
			continue;
		memcpy(name, other->name, sizeof(other->name));
		found = true;
	}
	mutex_unlock(&registry);
	return found;
}

/* Enters the target as a user, if the set suits it. `core`: of a set that has none yet. */
static int use_set(struct remap_target *target, struct remap_host *set, struct remap_core *core,
		   const struct remap_table_line *line, const char **error)
{
	int result;

	mutex_lock(&registry);
	if (core)
		set->core = core;
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

int remap_set_get(struct remap_target *target, const struct remap_device_facts *facts,
		  const struct remap_table_line *line, const char **error)
{
	struct remap_host *set = find_or_enter(target, error);
	struct remap_core *core = NULL;
	struct remap_table_line own = *line;
	u8 name[sizeof(set->name)];
	bool fresh;
	int result = 0;

	if (IS_ERR(set))
		return PTR_ERR(set);
	fresh = !set->core;
	if (fresh && name_of_replaced(target, name))
		own.replaces = name;
	if (fresh)
		result = remap_core_create(set, facts, set->devices, &own, &core, error);
	if (!result)
		result = use_set(target, set, core, line, error);
	if (result && fresh) {
		leave(set);
		end_set(set);
	}
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

/* Whether the other set is that of another table of this mapped device, for the same main. */
static bool gives_way(const struct remap_host *other, const struct remap_host *set)
{
	const struct remap_target *target;
	bool fresh = list_empty(&set->users);

	list_for_each_entry(target, &other->users, user)
		if (fresh ? target->ti->table == set->table : used_by_table(set, target->ti->table))
			return false;
	return other->md == set->md && other->bdev[0] == set->bdev[0];
}

bool remap_host_claim(struct remap_host *set, const void *name)
{
	struct remap_host *other;
	bool taken = false;

	mutex_lock(&registry);
	list_for_each_entry(other, &sets, list)
		taken |= other != set && other->named && !gives_way(other, set) &&
			 !memcmp(other->name, name, sizeof(other->name));
	if (!taken) {
		memcpy(set->name, name, sizeof(set->name));
		set->named = true;
	}
	mutex_unlock(&registry);
	return !taken;
}

/* What served main until now, which dm has suspended, may have something to tell to users of it. */
static void take_over(struct remap_host *set)
{
	struct remap_host *other;

	mutex_lock(&registry);
	list_for_each_entry(other, &sets, list)
		if (other != set && other->core && gives_way(other, set) &&
		    remap_core_owes_flush(other->core))
			remap_core_owe_flush(set->core);
	mutex_unlock(&registry);
}

int remap_set_start(struct remap_target *target)
{
	struct remap_core *core = target->set->core;
	bool formats_it = remap_core_will_format(core);
	int result;

	take_over(target->set);

	if (formats_it && mutex_lock_killable(&formats))
		return -EINTR;
	result = remap_core_start(core, &target->policy, remap_table_writes(target->ti->table));
	if (formats_it)
		mutex_unlock(&formats);
	return result;
}
