// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the core asks of its host beside memory (memory.c), I/O (io.c), drains (inflight.c) and
 * bios that wait (held.c): grace periods, the writer's lock, log, events, counters.
 *
 * Contexts are those of core/platform/platform.h.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "log.h"
#include "set.h"

/* Read sections are those of remap_look_up(): preemption off, which these wait for. */
uint64_t remap_host_grace_start(struct remap_host *set)
{
	return start_poll_synchronize_rcu();
}

bool remap_host_grace_elapsed(struct remap_host *set, uint64_t cookie)
{
	return poll_state_synchronize_rcu(cookie);
}

void remap_host_grace_wait(struct remap_host *set)
{
	synchronize_rcu_expedited();
}

void remap_host_lock(struct remap_host *set)
{
	mutex_lock(&set->writer);
}

/* A message's: what it waits for may be a command that is stuck in a disk. */
bool remap_host_lock_killable(struct remap_host *set)
{
	return !mutex_lock_killable(&set->writer);
}

void remap_host_unlock(struct remap_host *set)
{
	mutex_unlock(&set->writer);
}

/* How long a member sleeps whom nobody wakes. */
#define GROUP_POLL (HZ / 10 ?: 1)

/*
 * Enters the queue before the lock is given back: who wakes holding the lock misses nobody. One that
 * wakes without it may, so the sleep is short then: it is the way out of a rare moment (a message
 * that others waited for was killed), not the way in which members wait. A fatal signal ends the
 * sleep at once, and the core then writes the block itself.
 */
void remap_host_wait_group(struct remap_host *set)
{
	DEFINE_WAIT(wait);

	prepare_to_wait(&set->group, &wait, TASK_KILLABLE);
	mutex_unlock(&set->writer);
	schedule_timeout(GROUP_POLL);
	finish_wait(&set->group, &wait);
	mutex_lock(&set->writer);
}

void remap_host_wake_group(struct remap_host *set)
{
	wake_up_all(&set->group);
}

uint32_t remap_host_flush_wakes(struct remap_host *set)
{
	return atomic_read_acquire(&set->flush_wakes);
}

void remap_host_wait_flush(struct remap_host *set, uint32_t seen)
{
	wait_event(set->flush, remap_host_flush_wakes(set) != seen);
}

/* From the end of a flush, which nobody waits for any more once it returns. */
void remap_host_wake_flush(struct remap_host *set)
{
	atomic_inc(&set->flush_wakes);
	wake_up(&set->flush);
}

/*
 * A worker has no signals: what it does for an I/O always runs to its end. Asked between the pieces
 * of long work, so others get their turn here.
 */
bool remap_host_stop_requested(struct remap_host *set)
{
	cond_resched();
	return fatal_signal_pending(current);
}

/* A set of which every table is read-only writes nothing, to no device. */
bool remap_host_writable(struct remap_host *set)
{
	return READ_ONCE(set->writers);
}

bool remap_host_watch_main(struct remap_host *set)
{
	return xchg(&set->watch, REMAP_WATCH_ASKED) != REMAP_WATCH_ASKED;
}

bool remap_host_main_took_write(struct remap_host *set)
{
	return READ_ONCE(set->watch) != REMAP_WATCH_ASKED;
}

uint64_t remap_host_seconds(struct remap_host *set)
{
	return ktime_get_boottime_seconds();
}

bool remap_host_random(struct remap_host *set, void *buffer, size_t bytes)
{
	get_random_bytes(buffer, bytes);
	return true;
}

bool remap_host_device_open(struct remap_host *set)
{
	return disk_openers(dm_disk(set->md)) > 0;
}

/* dm_table_event() takes a mutex: from a worker only. */
void remap_host_notify(struct remap_host *set)
{
	schedule_work(&set->event);
}

/* ---- log ---- */

static const char *name_of(struct remap_host *set)
{
	return set ? dm_device_name(set->md) : "table";
}

void remap_host_log(struct remap_host *set, int level, const char *text)
{
	switch (level) {
	case REMAP_LOG_INFO:
	case REMAP_LOG_NOTICE:
		DMINFO("%s: %s", name_of(set), text);
		break;
	case REMAP_LOG_WARNING:
		DMWARN("%s: %s", name_of(set), text);
		break;
	default:
		DMERR("%s: %s", name_of(set), text);
	}
}

void remap_host_log_limited(struct remap_host *set, const char *text)
{
	DMINFO_LIMIT("%s: %s", name_of(set), text);
}

static DECLARE_WORK(tell_all, remap_sets_event);
static bool broken; /* for good; never cleared while the module is loaded */

/*
 * Told once, with an event for every set, whose mode it changes: the first broken invariant is the
 * one to look for. Never stops the machine.
 */
void remap_host_broken(const char *condition, const char *file, int line)
{
	if (xchg(&broken, true))
		return;
	DMCRIT("internal check failed: %s (%s:%d)", condition, file, line);
	dump_stack();
	schedule_work(&tell_all);
}

void remap_host_exit(void)
{
	cancel_work_sync(&tell_all);
}

bool remap_host_is_broken(void)
{
	return READ_ONCE(broken);
}

/* ---- counters ---- */

void remap_host_counters(struct remap_host *set, struct remap_host_counters *counters)
{
	int cpu;

	*counters = (struct remap_host_counters){
		.in_flight = remap_inflight_count(&set->inflight),
	};
	for_each_possible_cpu(cpu) {
		const struct remap_cpu *counted = per_cpu_ptr(set->inflight.cpu, cpu);

		counters->remapped_reads += READ_ONCE(counted->remapped_reads);
		counters->remapped_writes += READ_ONCE(counted->remapped_writes);
	}
	remap_line_add_counters(&set->held.line, counters);
}

/* I/O that is counted at the same moment may be left in or out. */
void remap_host_clear_counters(struct remap_host *set)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct remap_cpu *counted = per_cpu_ptr(set->inflight.cpu, cpu);

		WRITE_ONCE(counted->remapped_reads, 0);
		WRITE_ONCE(counted->remapped_writes, 0);
	}
	remap_line_clear_counters(&set->held.line);
}
