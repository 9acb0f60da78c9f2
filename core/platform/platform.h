// SPDX-License-Identifier: GPL-2.0-or-later
// What a host must offer so that the core can live on it: the kernel shim, the POSIX host and the
// simulator each model this concept, and the core is the same in all of them.
//
// Contexts. "Reader" calls come from the I/O path: any context, no sleep, inside a read section of
// the host (RCU in the kernel). "Writer" calls come from one thread at a time, the one that holds
// lock(), in a context that may sleep, and must never wait for I/O of the mapped device itself.
#pragma once

#include <concepts>

#include "core/base/result.h"
#include "core/platform/io_status.h"

namespace remap {

// The devices of a set by number: 0 is main, 1 to 4 are the spares in the order of the table.
using DeviceIndex = u32;
inline constexpr DeviceIndex kMainDevice = 0;
inline constexpr DeviceIndex kFirstSpare = 1;
inline constexpr u32 kMaxSpares = 4;
// Of a spare that is missing. No I/O goes there.
inline constexpr DeviceIndex kNoDevice = 31;

// An I/O of the user's that the host handed over; only the host knows what is behind it.
using Request = void *;

// What the host counts by itself, since an I/O that succeeds never enters the core.
struct HostCounters {
	u64 remapped_reads = 0;  // I/O sent to a spare
	u64 remapped_writes = 0; // writes, write-zeroes and discards sent to a spare
	u64 held = 0;            // held back at a fence
	u64 held_outside = 0;    // held back although outside every fence: always 0
	u64 deferred = 0;        // writes that had to change the table before they ended
	u64 in_flight = 0;       // tracked and not ended
};

enum class LogLevel : u8 { info, notice, warning, error };

// Memory alone, with the grace periods that make lock-free readers safe: all that a table needs.
template <class P>
concept MemoryPlatform = requires(P &p, void *memory, usize bytes, u64 cookie) {
	// Zeroed memory, aligned to 64 bytes when `bytes` is at least 64 and to 16 below; nullptr
	// when there is none. Writer context.
	{ p.allocate(bytes) } -> std::same_as<void *>;
	// `bytes` as given to allocate(). Writer context.
	p.deallocate(memory, bytes);
	// Begins a grace period and names it; writer context, does not wait.
	{ p.grace_start() } -> std::same_as<u64>;
	// Whether every reader that was inside a read section at grace_start() has left it.
	{ p.grace_elapsed(cookie) } -> std::same_as<bool>;
	// Waits until it has.
	p.grace_wait();
};

template <class P>
concept Platform = MemoryPlatform<P> &&
		   requires(P &p, DeviceIndex device, Sector sector, u32 count, void *buffer,
			    const void *data, Request request, u64 length, usize bytes,
			    const char *text, bool stoppable, u32 seen) {
	// The writer's mutex. Sleeps; not recursive.
	p.lock();
	p.unlock();
	// The same for somebody who may be asked to stop (stop_requested()). false: he was, and does
	// not have the mutex.
	{ p.lock_killable() } -> std::same_as<bool>;
	// Writer. Gives the mutex back, sleeps until somebody calls wake_group() after that, and
	// takes it again. May return early, and does when stop_requested(); never sleeps for more
	// than a moment on the word of a wake-up that came without the mutex.
	p.wait_group();
	// Wakes all who sleep in wait_group(); does not wait. They see all that was written before.
	// Without the mutex, who is just about to sleep may miss it, and returns early instead.
	p.wake_group();

	// Writer. How often wake_flush() was called; and sleeps until that is another number than
	// `seen`. Not for long: what it waits for is a flush of a user's, which no lock holds up.
	{ p.flush_wakes() } -> std::same_as<u32>;
	p.wait_flush(seen);
	// Any context.
	p.wake_flush();

	// Blocking I/O on the devices themselves, in physical sectors. `count` sectors, at most
	// kCopySectors; a multiple of the logical block size.
	{ p.read(device, sector, buffer, count) } -> std::same_as<IoStatus>;
	{ p.write(device, sector, data, count) } -> std::same_as<IoStatus>;
	// Returns when all that was acknowledged before the call is stable.
	{ p.flush(device) } -> std::same_as<IoStatus>;
	// Sends `count` sectors of a request of the user's (a read, write or write-zeroes), from its
	// sector `length` on, to a device; waits for the end; flags such as FUA as in the request.
	{ p.forward(request, length, device, sector, count) } -> std::same_as<IoStatus>;

	// Copies what a write has for `count` of its sectors, from its sector `length` on.
	p.fetch(request, length, buffer, count);
	// From now on the host notes whether a user's write of main, sent on or forwarded, ends well.
	// Returns whether one did since the last call; true at the first. Any context.
	{ p.watch_main() } -> std::same_as<bool>;
	// Whether one did since the last watch_main().
	{ p.main_took_write() } -> std::same_as<bool>;

	// For the scan, and not the writer's: without the mutex, by one thread at a time. Reads `count`
	// sectors of main, at most kCopySectors, whose content nobody wants.
	{ p.scan_read(sector, count) } -> std::same_as<IoStatus>;
	// Whether I/O of users is under way, or was since the last call. The scan's thread.
	{ p.busy() } -> std::same_as<bool>;
	// Has Engine::scan_turn() called soon. Any context; does not wait.
	p.wake_scan();

	// Waits until no tracked I/O that was mapped before the call is in flight to the range of
	// main. The caller has published a fence, so no new one starts. false: interrupted, by a
	// signal or, if it is stoppable, by the begin of a suspend.
	{ p.drain(sector, length, stoppable) } -> std::same_as<bool>;
	// The same, but gives up after a short while; false then as well. drain() can follow.
	{ p.drain_soon(sector, length) } -> std::same_as<bool>;
	// Looks up again and sends on what the I/O path held back; called after a fence opened, with
	// or without the mutex. Does not wait for what it sends on.
	p.release_held();

	// Whether the thread that called was asked to stop (a fatal signal). Called between the pieces
	// of long work; may sleep, so that others get their turn.
	{ p.stop_requested() } -> std::same_as<bool>;
	// Whether the set may write to its devices: not when every table of it is read-only.
	{ p.writable() } -> std::same_as<bool>;
	// Names the set that this host serves, by 16 bytes. false: another host of this machine serves
	// it already, since its spare has a second name. Called before anything is written to it.
	{ p.claim(data) } -> std::same_as<bool>;
	// Whether anybody has the mapped device open (mounted, or by a program).
	{ p.device_open() } -> std::same_as<bool>;
	// Of a clock that only goes forward.
	{ p.seconds() } -> std::same_as<u64>;
	// Something an administrator waits for has changed (dm_table_event).
	p.notify();
	p.log(LogLevel::info, text);
	// May leave out lines when many come.
	p.log_limited(text);
	// Fills `bytes` bytes at `buffer` with numbers that nobody can guess or repeat. false: none.
	{ p.random(buffer, bytes) } -> std::same_as<bool>;
	{ p.counters() } -> std::same_as<HostCounters>;
	p.clear_counters();
};

}  // namespace remap
