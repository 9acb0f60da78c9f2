// SPDX-License-Identifier: GPL-2.0-or-later
// ServingHost: the Platform of a set that is served by this process. I/O of users goes through the
// reactor (volume.h); messages and deferred writes run in threads of their own, which wait for what
// they read and write.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/mapping.h"
#include "core/engine/waiting_line.h"
#include "core/platform/platform.h"
#include "host/device_file.h"
#include "host/faults.h"
#include "host/in_flight.h"
#include "host/job.h"
#include "host/memory.h"

namespace remap::host {

// Who asked for what the calling thread does; a message ends when he is gone.
class Caller {
public:
	virtual bool gone() = 0;

protected:
	~Caller() = default;
};

class ServingHost {
public:
	// All of them must outlive the host. `name` is what lines of the log begin with.
	// REQUIRES: from one to kMaxSpares spares.
	ServingHost(Reactor &reactor, DeviceFile &main, const std::vector<DeviceFile *> &spares,
		    const Faults &faults, const std::string &name)
	    : reactor_(reactor), faults_(faults), name_(name)
	{
		files_[kMainDevice] = &main;
		use(spares.data(), static_cast<u32>(spares.size()));
	}
	ServingHost(Reactor &reactor, DeviceFile &main, DeviceFile &spare, const Faults &faults,
		    const std::string &name)
	    : ServingHost(reactor, main, std::vector{&spare}, faults, name)
	{
	}
	ServingHost(const ServingHost &) = delete;
	ServingHost &operator=(const ServingHost &) = delete;
	~ServingHost();

	// ---- Platform ----
	void *allocate(usize bytes) { return allocate_zeroed(bytes); }
	void deallocate(void *memory, usize) { std::free(memory); }
	u64 grace_start() { return reactor_.grace_start(); }
	bool grace_elapsed(u64 cookie) { return reactor_.grace_elapsed(cookie); }
	void grace_wait() { reactor_.grace_wait(); }
	void lock() { writer_.lock(); }
	void unlock() { writer_.unlock(); }
	bool lock_killable();
	void wait_group();
	void wake_group() { group_.notify_all(); }
	u32 flush_wakes() const { return flush_wakes_.load(); }
	void wait_flush(u32 seen) { flush_wakes_.wait(seen); }
	void wake_flush()
	{
		flush_wakes_.fetch_add(1);
		flush_wakes_.notify_one();
	}

	IoStatus read(DeviceIndex device, Sector sector, void *buffer, u32 count);
	IoStatus write(DeviceIndex device, Sector sector, const void *data, u32 count);
	IoStatus flush(DeviceIndex device);
	// `request` is a Job.
	IoStatus forward(Request request, u64 first, DeviceIndex device, Sector sector, u32 count);
	void fetch(Request request, u64 first, void *buffer, u32 count);
	bool watch_main() { return watch_.exchange(Watch::asked) != Watch::asked; }
	bool main_took_write() { return watch_.load() != Watch::asked; }
	IoStatus scan_read(Sector sector, u32 count);
	bool busy()
	{
		const u64 begun = begun_.load();
		return open_.load() > 0 || std::exchange(scan_saw_, begun) != begun;
	}
	void wake_scan();
	u64 seconds();
	bool drain(Sector sector, u64 length, bool stoppable);
	bool drain_soon(Sector sector, u64 length);
	void release_held();

	bool stop_requested() { return caller && caller->gone(); }
	bool writable() { return true; }
	bool claim(const void *set);
	bool device_open() { return users_.load() > 0; }
	void notify();
	void log(LogLevel level, const char *text);
	void log_limited(const char *text);
	bool random(void *buffer, usize bytes);
	HostCounters counters();
	void clear_counters();

	// ---- for the volume ----
	InFlight &in_flight() { return in_flight_; }
	// The reactor's thread.
	WaitingLine<ServingHost> &line() { return line_; }
	// Main and the spares.
	u32 devices() const { return devices_; }
	DeviceFile &file(DeviceIndex device) const { return *files_[device]; }
	// Other spares, for another engine. Nothing else may use the host.
	void use(DeviceFile *const *spares, u32 count)
	{
		std::copy(spares, spares + count, files_ + kFirstSpare);
		devices_ = kFirstSpare + count;
		watch_.store(Watch::off);
	}
	bool is_faulty(DeviceIndex device, Sector sector, u64 count) const
	{
		return device == kMainDevice && faults_.any() && faults_.touch(sector, count);
	}
	// Whether a fence has opened since the last call. The reactor's thread.
	bool take_released() { return released_.load() && released_.exchange(false); }
	void suspend_begins() { suspending_.store(true); }
	void suspend_ends() { suspending_.store(false); }
	// A user's write of main has ended well.
	void main_was_written()
	{
		Watch asked = Watch::asked;
		(void)watch_.compare_exchange_strong(asked, Watch::seen);
	}
	// Requests of users that have not ended.
	void request_begins()
	{
		open_.fetch_add(1);
		begun_.fetch_add(1, std::memory_order_relaxed);
	}
	void request_ends() { open_.fetch_sub(1); }
	bool any_request() const { return open_.load() > 0; }
	// ---- for who waits for events ----
	// How many there were.
	u32 events();
	// Returns the number when it is another one than `seen`, or when so much time has passed.
	u32 wait_event(u32 seen, std::chrono::milliseconds most);
	// ---- for the thread of the scan ----
	// Sleeps for so long, or until wake_scan(). false: the scan is over.
	bool wait_scan(u32 milliseconds);
	void end_scan();
	void count_users(int change) { users_.fetch_add(change); }
	int users() const { return users_.load(); }
	void count_remapped(bool write)
	{
		(write ? remapped_writes_ : remapped_reads_).fetch_add(1, std::memory_order_relaxed);
	}

	// Of the calling thread.
	static thread_local Caller *caller;
	// The last line that was logged by the calling thread, if it has a caller: the sentence of a
	// refusal.
	static thread_local std::string last_line;

private:
	static constexpr usize kScanBytes = 131072; // the core's largest piece
	using Count = std::atomic<u64>;
	// Whether the core asks if main takes writes.
	enum class Watch : u8 { off, asked, seen };

	Reactor &reactor_;
	u32 devices_ = kFirstSpare;
	DeviceFile *files_[kFirstSpare + kMaxSpares] = {};
	const Faults &faults_;
	const std::string name_;
	InFlight in_flight_;
	WaitingLine<ServingHost> line_{*this};

	std::timed_mutex writer_;
	std::condition_variable_any group_;
	std::atomic<u32> flush_wakes_{0};

	std::atomic<Watch> watch_{Watch::off};
	std::atomic<bool> released_{false};
	std::atomic<bool> suspending_{false};
	std::atomic<int> users_{0};
	std::atomic<int> open_{0};
	std::atomic<u64> begun_{0};
	u64 scan_saw_ = 0; // of these; the scan's own
	std::mutex scan_mutex_;
	std::condition_variable scan_changed_;
	bool scan_woken_ = false; // these two under scan_mutex_
	bool scan_over_ = false;
	std::mutex events_mutex_;
	std::condition_variable events_changed_;
	u32 events_ = 0; // under events_mutex_
	struct Free {
		void operator()(void *memory) const { std::free(memory); }
	};
	std::unique_ptr<void, Free> scan_buffer_{allocate_zeroed(kScanBytes)};
	Count remapped_reads_{0}, remapped_writes_{0};

	std::mutex log_mutex_;
	std::chrono::steady_clock::time_point log_period_{};
	u32 log_lines_ = 0;

	// The set that this process has claimed, and the socket that says so.
	std::string claimed_;
	int claim_ = -1;
};
static_assert(Platform<ServingHost>);

}  // namespace remap::host
