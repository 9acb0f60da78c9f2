/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only face between the core (C++) and a host written in C: the kernel shim.
 *
 * remap_core_*() are the core's; remap_host_*() are the host's. Direct calls only, no function
 * pointers, so that kernels with kCFI run it. Sectors are 512 bytes, always. Device 0 is main, 1
 * to 4 are the spares; sectors given with a device are physical sectors of that device.
 *
 * Contexts:
 *   any    no sleep, no lock; also from an interrupt
 *   read   as any, inside the host's read section (RCU)
 *   sleep  may sleep; never from the path of an I/O that the mapped device waits for
 */
#ifndef REMAP_CORE_H
#define REMAP_CORE_H

#if defined(__KERNEL__) && !defined(__cplusplus)
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define REMAP_VERSION "0.1.0"
#define REMAP_MAX_SPARES 4
#define REMAP_MAX_DEVICES (1 + REMAP_MAX_SPARES)
/* The largest piece that the core reads or writes at once, in sectors. */
#define REMAP_COPY_SECTORS 256

struct remap_core;
struct remap_host;

/* ---- the table line: <main> <spare> [<#features> <feature>...] ---- */

/* What a table line says about errors (core/engine/policy.h). */
struct remap_policy {
	uint32_t retries;
	uint32_t budget_remaps;
	uint32_t budget_seconds;
	uint32_t scan_rate; /* sectors per second; 0: off */
	bool remap_writes;
	bool retry_reads;
	bool heal;
	bool allow_degraded;
};

struct remap_table_line {
	const char *device[REMAP_MAX_DEVICES]; /* points into argv */
	uint32_t devices;                      /* main and spares */
	const char *set;                       /* NULL: not given; as are these */
	const char *main_id;
	bool format;
	/*
	 * 16 bytes, or NULL: the name of the set that another table of this mapped device uses for the same
	 * main. No other one may take its place, nor a new one. The host's to say.
	 */
	const void *replaces;
	struct remap_policy policy;
};

/*
 * Parses the words of a table line. Returns 0, or a negative errno with *error set to a static
 * sentence that names the argument; what was found is written to the log. Changes nothing else.
 * Context: sleep.
 */
int remap_core_parse_table(unsigned int argc, char **argv, struct remap_table_line *line,
			   const char **error);

/* What the host found out about a device that it opened. */
struct remap_device_facts {
	uint64_t sectors;
	uint64_t identity;       /* equal for equal devices (dev_t) */
	uint32_t logical_block;  /* bytes */
	uint32_t physical_block; /* bytes */
	int alignment_offset;    /* bytes; not 0: the first physical block begins elsewhere */
	bool zoned;
};

/*
 * Whether a set can live on these devices and a target of `length` sectors on that set. Returns 0
 * or a negative errno with *error as above. Context: sleep.
 */
int remap_core_check_devices(const struct remap_device_facts *facts, uint32_t devices,
			     uint64_t length, const char **error);

/* ---- life ---- */

/*
 * Makes the state of a set. `host` is handed back with every remap_host_*() call; it can do I/O
 * already. Reads what the spares say of themselves, and refuses what is neither blank nor all of this
 * set; writes nothing. Returns 0 or a negative errno with *error as above. Context: sleep.
 */
int remap_core_create(struct remap_host *host, const struct remap_device_facts *facts,
		      uint32_t devices, const struct remap_table_line *line,
		      struct remap_core **core, const char **error);
/*
 * Whether a further table of `length` sectors can share the set. A table is sized when its set is
 * made, so main may have grown since, but what lies beyond has no place in it. Returns 0 or a
 * negative errno with *error as above. Context: sleep.
 */
int remap_core_check_table(struct remap_core *core, const struct remap_table_line *line,
			   uint64_t length, const char **error);
/* No I/O, message or reader may be left. Context: sleep. */
void remap_core_destroy(struct remap_core *core);

/*
 * Whether the next start would format the spare, if nobody else did since it was looked at. Of
 * several such starts the host lets one run at a time: they may be on one spare under two names.
 * Context: sleep.
 */
bool remap_core_will_format(const struct remap_core *core);
/*
 * Before I/O is let in, at first and after each suspend: loads the remaps, formats a blank spare,
 * begins an epoch. `policy` and `writes` are those of the table that is being resumed. Returns 0 or a
 * negative errno; the sentence is in the log. Context: sleep.
 */
int remap_core_start(struct remap_core *core, const struct remap_policy *policy, bool writes);
/* Messages return -EINTR at their next step from here on; recoveries go on. Context: sleep. */
void remap_core_presuspend(struct remap_core *core);
/* Whether that was called, and neither resume nor its undoing since. Context: any. */
bool remap_core_suspending(const struct remap_core *core);
/* All I/O has ended: messages are refused with -EBUSY until resume. Context: sleep. */
void remap_core_postsuspend(struct remap_core *core);
void remap_core_resume(struct remap_core *core);

#define REMAP_SCAN_IDLE 0xffffffffu
/*
 * A piece of the background scan. Returns after how many milliseconds the next one is due, or
 * REMAP_SCAN_IDLE: not before remap_host_wake_scan(). One at a time, and none between the return of the
 * host's presuspend and remap_core_resume(). Context: sleep.
 */
uint32_t remap_core_scan_turn(struct remap_core *core);

/* ---- the I/O path ---- */

enum remap_op {
	REMAP_OP_READ,
	REMAP_OP_WRITE,
	REMAP_OP_WRITE_ZEROES,
	REMAP_OP_DISCARD,
};

enum remap_verdict {
	REMAP_SUBMIT,     /* send to `device` at `sector` */
	REMAP_HOLD,       /* keep until remap_host_release_held(), then ask again */
	REMAP_DEFER,      /* hand to remap_core_deferred_write() in a context that may sleep */
	REMAP_FAIL_MEDIUM, /* end with BLK_STS_MEDIUM */
	REMAP_FAIL_CLOSED  /* end with BLK_STS_IOERR */
};

/* Holds for the first `sectors` sectors of what was asked; 1 <= sectors <= asked. */
struct remap_mapping {
	uint64_t sector;
	uint32_t sectors;
	uint8_t verdict; /* enum remap_verdict */
	uint8_t device;
	uint8_t op; /* as asked */
	uint8_t unused;
};

/*
 * Where the I/O on `sectors` sectors (at least 1) from `sector` of main on goes. One lookup: no
 * allocation, lock, log or time stamp. The read section must last until an I/O that has to be
 * tracked (everything that modifies main, and everything that does not go to main) is counted.
 * Context: read.
 */
struct remap_mapping remap_core_map(const struct remap_core *core, uint8_t op, uint64_t sector,
				    uint32_t sectors);

/*
 * A write or write-zeroes that map() deferred, whole, `request` being the host's name for it. When
 * it returns, the write has ended with the remap_io_status it returns and, if that is OK, is
 * durable. Context: sleep.
 */
uint8_t remap_core_deferred_write(struct remap_core *core, void *request, uint8_t op,
				  uint64_t sector, uint32_t sectors);

/*
 * An I/O that was sent to a device ended with an error. Returns 0: it goes upward; or a ticket with
 * which it is to be handed to remap_core_recover(), having given up its token. Context: any.
 */
uint8_t remap_core_io_failed(struct remap_core *core, uint8_t op, uint8_t device, uint8_t status);
/*
 * `request` covers `sectors` sectors from `sector` of main on, as it was before it was sent. When it
 * returns, the I/O has ended with the remap_io_status it returns. Context: sleep.
 */
uint8_t remap_core_recover(struct remap_core *core, void *request, uint8_t op, uint64_t sector,
			   uint32_t sectors, uint8_t status, uint8_t ticket);
/*
 * An I/O ended with an error without having been sent, since the verdict was REMAP_FAIL_*.
 * Context: any.
 */
void remap_core_io_refused(struct remap_core *core, uint8_t op);
/* A flush that was submitted ended with an error. Context: any. */
void remap_core_flush_failed(struct remap_core *core, uint8_t device, uint8_t status);
/*
 * A flush of the user's succeeded on a device. Returns whether it must fail all the same, since a
 * flush of the core's own failed before, and the device may have told only that one. Context: any.
 */
bool remap_core_flush_owed(struct remap_core *core, uint8_t device);
/*
 * Whether users have still to be told of a flush of the core's that failed. If so, and another core is to
 * serve main from now on, that one owes it. Context: any, with no I/O of users under way.
 */
bool remap_core_owes_flush(const struct remap_core *core);
void remap_core_owe_flush(struct remap_core *core);
/*
 * The devices that a flush of the user's has to be sent to, a bit for each: not a spare that the set goes
 * on without. Context: any.
 */
uint32_t remap_core_flushed_devices(const struct remap_core *core);
/* Whether a device of the table line belongs to the set still. Context: any. */
bool remap_core_uses(const struct remap_core *core, uint32_t device);
/*
 * A flush of the user's is about to be sent to a device. Returns false if it must be held: ask again
 * after remap_host_release_held(). Context: any.
 */
bool remap_core_flush_begins(struct remap_core *core, uint8_t device);
/* The one that began has ended, and remap_core_flush_failed() or _owed() was called. Context: any. */
void remap_core_flush_ends(struct remap_core *core, uint8_t device);

/* ---- what waits, and in which order it goes on (core/engine/waiting_line.h) ---- */

/*
 * All but remap_line_spans() and the counters are called under one lock of the host's, which they
 * neither take nor wait for. Context: any.
 */

/* How often what has just come is looked up before remap_line_wait_turn(). */
#define REMAP_LOOKS 4

/* Part of what waits; it must not move until it has left the line. */
struct remap_waiter {
	struct remap_waiter *next; /* the line's */
	uint64_t sector;           /* of main: what was not sent yet begins here */
	uint32_t sectors;
	bool writes;    /* it modifies */
	uint8_t device; /* that a flush is for */
};

struct remap_line {
	/* Spans all writes that wait. */
	uint64_t first;
	uint64_t end; /* 0: there are none */
	uint64_t rest[15];
};

/*
 * Whether a write may have to wait behind an earlier one that waits: WaitingSpan::spans() without a
 * call. Without the lock. Context: any.
 */
static inline bool remap_line_spans(const struct remap_line *line, uint64_t sector, uint32_t sectors)
{
	return __builtin_expect(__atomic_load_n(&line->end, __ATOMIC_RELAXED) > sector, 0) &&
	       __atomic_load_n(&line->first, __ATOMIC_RELAXED) < sector + sectors;
}

void remap_line_init(struct remap_line *line);

/* Queues a write behind an earlier one that waits for some of its sectors; false: there is none. */
bool remap_line_wait_behind(struct remap_line *line, struct remap_waiter *waiter);
/* Queues what map() said to lie in a fence; false: it does not any more, look it up again. */
bool remap_line_wait_fence(struct remap_line *line, const struct remap_core *core,
			   struct remap_waiter *waiter);
/* Queues what was looked up REMAP_LOOKS times in vain. A pass has to follow. */
void remap_line_wait_turn(struct remap_line *line, struct remap_waiter *waiter);

/*
 * One pass of the dispatcher: next() until it returns NULL, and for each a keep() or a gone(). It is
 * due after remap_host_release_held(), and where it is said here.
 */
struct remap_waiter *remap_line_next(struct remap_line *line);
/* Whether the rest of the one that next() returned must wait on, whatever map() would say. */
bool remap_line_must_wait(const struct remap_line *line, const struct remap_waiter *rest);
/* The rest of it waits on. */
void remap_line_keep(struct remap_line *line, struct remap_waiter *rest);
/* All of it was sent on; it may have ended by now. */
void remap_line_gone(struct remap_line *line);

/* For the writer: a write with the verdict REMAP_DEFER, and an I/O that failed and got a ticket. */
void remap_line_defer(struct remap_line *line, struct remap_waiter *waiter);
void remap_line_recover(struct remap_line *line, struct remap_waiter *waiter);
/* NULL: there is none. */
struct remap_waiter *remap_line_next_to_write(struct remap_line *line);
/* The writer has done it, and is about to end it. A pass has to follow. */
void remap_line_written(struct remap_line *line, struct remap_waiter *waiter);

/* Queues a flush for waiter->device, unless that can begin; false: it has begun. */
bool remap_line_hold_flush(struct remap_line *line, struct remap_core *core,
			   struct remap_waiter *waiter);
/* One that need not wait any more and has begun; NULL: there is none. Part of a pass. */
struct remap_waiter *remap_line_next_flush(struct remap_line *line, struct remap_core *core);

/* ---- what people ask ---- */

/*
 * A message. Returns 1 with text in `reply` (at most room - 1 bytes and a NUL), 0 without text, or
 * a negative errno: then nothing was changed, or only whole steps were; the sentence is in the log
 * and in `last_error`. A `reply` filled to the last byte asks for a repetition with more room.
 * Context: sleep, holding no lock.
 */
int remap_core_message(struct remap_core *core, unsigned int argc, char **argv, char *reply,
		       unsigned int room);

enum remap_status_kind {
	REMAP_STATUS_INFO,  /* the status line */
	REMAP_STATUS_TABLE, /* the features, to be printed behind main and first spare; may be empty */
	REMAP_STATUS_IMA    /* name=value pairs, comma separated */
};
/* Enough for the features of any set. */
#define REMAP_FEATURES_ROOM 512
/*
 * Writes at most room - 1 bytes and a NUL; returns the length written. `line`: devices and policy of
 * the table that is asked, for REMAP_STATUS_TABLE alone. Context: any.
 */
unsigned int remap_core_status(const struct remap_core *core, enum remap_status_kind kind,
			       const struct remap_table_line *line, char *text, unsigned int room);

/* ---- what the host provides; see core/platform/platform.h for the contracts ---- */

/* The order of IoStatus in core/platform/io_status.h. */
enum remap_io_status {
	REMAP_IO_OK,
	REMAP_IO_MEDIUM,
	REMAP_IO_TARGET,
	REMAP_IO_IO,
	REMAP_IO_PROTECTION,
	REMAP_IO_TRANSPORT,
	REMAP_IO_TIMEOUT,
	REMAP_IO_RESOURCE,
	REMAP_IO_NOT_SUPPORTED,
	REMAP_IO_NO_SPACE,
	REMAP_IO_INTERRUPTED
};

void *remap_host_allocate(struct remap_host *host, size_t bytes);
void remap_host_deallocate(struct remap_host *host, void *memory, size_t bytes);
uint64_t remap_host_grace_start(struct remap_host *host);
bool remap_host_grace_elapsed(struct remap_host *host, uint64_t cookie);
void remap_host_grace_wait(struct remap_host *host);

void remap_host_lock(struct remap_host *host);
void remap_host_unlock(struct remap_host *host);
bool remap_host_lock_killable(struct remap_host *host);
void remap_host_wait_group(struct remap_host *host);
void remap_host_wake_group(struct remap_host *host);
uint32_t remap_host_flush_wakes(struct remap_host *host);
void remap_host_wait_flush(struct remap_host *host, uint32_t seen);
void remap_host_wake_flush(struct remap_host *host);

uint8_t remap_host_read(struct remap_host *host, uint32_t device, uint64_t sector, void *buffer,
			uint32_t sectors);
uint8_t remap_host_write(struct remap_host *host, uint32_t device, uint64_t sector,
			 const void *data, uint32_t sectors);
uint8_t remap_host_flush(struct remap_host *host, uint32_t device);
/* Sends `sectors` sectors of a request, from its sector `first` on, to a device and waits. */
uint8_t remap_host_forward(struct remap_host *host, void *request, uint64_t first, uint32_t device,
			   uint64_t sector, uint32_t sectors);

/* Copies what a write has for `sectors` of its sectors, from its sector `first` on. */
void remap_host_fetch(struct remap_host *host, void *request, uint64_t first, void *buffer,
		      uint32_t sectors);
/*
 * From now on a user's write of main that ends well is noted. Returns whether one did since the
 * last call; true at the first. Context: any.
 */
bool remap_host_watch_main(struct remap_host *host);
/* Whether one did since the last call of remap_host_watch_main(). Context: any. */
bool remap_host_main_took_write(struct remap_host *host);
uint64_t remap_host_seconds(struct remap_host *host);

/* For the scan: reads sectors of main, at most REMAP_COPY_SECTORS, whose content nobody wants. */
uint8_t remap_host_scan_read(struct remap_host *host, uint64_t sector, uint32_t sectors);
bool remap_host_busy(struct remap_host *host);
void remap_host_wake_scan(struct remap_host *host);

/* `stoppable`: ends with false once remap_core_suspending(). */
bool remap_host_drain(struct remap_host *host, uint64_t sector, uint64_t sectors, bool stoppable);
bool remap_host_drain_soon(struct remap_host *host, uint64_t sector, uint64_t sectors);
void remap_host_release_held(struct remap_host *host);
bool remap_host_stop_requested(struct remap_host *host);
bool remap_host_random(struct remap_host *host, void *buffer, size_t bytes);
bool remap_host_writable(struct remap_host *host);
/* `name`: 16 bytes. */
bool remap_host_claim(struct remap_host *host, const void *name);
bool remap_host_device_open(struct remap_host *host);
void remap_host_notify(struct remap_host *host);

enum remap_log_level { REMAP_LOG_INFO, REMAP_LOG_NOTICE, REMAP_LOG_WARNING, REMAP_LOG_ERROR };
/* `host` is NULL while a table line is parsed. `text` has no line end. */
void remap_host_log(struct remap_host *host, int level, const char *text);
/* As remap_host_log() at level info, but the host may leave out lines when many come. */
void remap_host_log_limited(struct remap_host *host, const char *text);

/* What the host counted by itself, since a success never enters the core. */
struct remap_host_counters {
	uint64_t remapped_reads;  /* bios sent to a spare */
	uint64_t remapped_writes; /* writes, write-zeroes and discards sent to a spare */
	uint64_t held;            /* bios held back at a fence */
	uint64_t held_outside;    /* bios that waited although outside every fence: always 0 */
	uint64_t deferred;        /* writes that changed the table before they were acknowledged */
	uint64_t in_flight;       /* tracked I/O that has not ended */
};
/* Adds what the line counted: held, held_outside and deferred. Without the lock. */
void remap_line_add_counters(const struct remap_line *line, struct remap_host_counters *counters);
void remap_line_clear_counters(struct remap_line *line);
void remap_host_counters(struct remap_host *host, struct remap_host_counters *counters);
void remap_host_clear_counters(struct remap_host *host);

/*
 * An invariant of the core's does not hold (core/base/check.h). Logs, and from then on every set is
 * read-only: messages are refused, mappings serve. Never panics. Context: any.
 */
void remap_host_broken(const char *condition, const char *file, int line);
bool remap_host_is_broken(void);

#ifdef __cplusplus
}
#endif

#endif
