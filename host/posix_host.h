// SPDX-License-Identifier: GPL-2.0-or-later
// PosixHost: the Platform on files and block devices, for one thread that serves no I/O: what loads,
// checks, makes and mends sets. Nothing is in flight, nobody reads beside the writer.
//
// Main may be missing; then it answers as a disk that was pulled.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/platform/platform.h"
#include "host/device_file.h"

namespace remap::host {

class PosixHost {
public:
	// `main` may be nullptr. All must outlive the host. Writes are refused unless `writable`.
	PosixHost(DeviceFile *main, std::vector<DeviceFile *> spares, bool writable)
	    : main_(main), spares_(std::move(spares)), writable_(writable)
	{
	}
	PosixHost(DeviceFile *main, DeviceFile &spare, bool writable)
	    : PosixHost(main, std::vector{&spare}, writable)
	{
	}
	PosixHost(const PosixHost &) = delete;
	PosixHost &operator=(const PosixHost &) = delete;

	// ---- Platform ----
	void *allocate(usize bytes);
	void deallocate(void *memory, usize bytes);
	u64 grace_start() { return 0; }
	bool grace_elapsed(u64) { return true; }
	void grace_wait() {}
	void lock() {}
	void unlock() {}
	bool lock_killable() { return true; }
	void wait_group() {} // one thread waits for nobody
	void wake_group() {}
	u32 flush_wakes() { return 0; }
	void wait_flush(u32) {} // nor for a user's flush
	void wake_flush() {}

	IoStatus read(DeviceIndex device, Sector sector, void *buffer, u32 count);
	IoStatus write(DeviceIndex device, Sector sector, const void *data, u32 count);
	IoStatus flush(DeviceIndex device);
	IoStatus forward(Request, u64, DeviceIndex, Sector, u32) { return IoStatus::not_supported; }
	void fetch(Request, u64, void *, u32) {}
	bool watch_main() { return true; }
	bool main_took_write() { return false; }
	IoStatus scan_read(Sector, u32) { return IoStatus::not_supported; }
	bool busy() { return false; }
	void wake_scan() {}
	u64 seconds() { return 0; }
	bool drain(Sector, u64, bool) { return true; }
	bool drain_soon(Sector, u64) { return true; }
	void release_held() {}

	bool stop_requested() { return false; }
	bool writable() { return writable_; }
	bool claim(const void *) { return true; }
	bool device_open() { return false; }
	void notify() {}
	void log(LogLevel, const char *text) { lines_.emplace_back(text); }
	void log_limited(const char *text) { lines_.emplace_back(text); }
	bool random(void *buffer, usize bytes);
	HostCounters counters() { return {}; }
	void clear_counters() {}

	// What the core logged.
	const std::vector<std::string> &lines() const { return lines_; }
	u64 writes() const { return writes_; }

private:
	DeviceFile *device(DeviceIndex index);

	DeviceFile *main_;
	const std::vector<DeviceFile *> spares_;
	bool writable_;
	u64 writes_ = 0;
	std::vector<std::string> lines_;
};
static_assert(Platform<PosixHost>);

}  // namespace remap::host
