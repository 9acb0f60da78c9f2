// SPDX-License-Identifier: GPL-2.0-or-later
// The whole platform for benchmarks of the metadata: a spare in memory, of which only what is written
// takes any, and counts of what goes to it. Main is not there: nothing here reads or writes it.
#pragma once

#include "bench/bench_platform.h"
#include "core/format/layout.h"
#include "core/platform/platform.h"

namespace remap::bench {

class MetadataHost : public HeapPlatform {
public:
	explicit MetadataHost(Sector spare_sectors)
	    : bytes_(spare_sectors * kSectorBytes),
	      spare_(static_cast<u8 *>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)))
	{
		if (spare_ == MAP_FAILED) {
			std::perror("mmap");
			std::exit(1);
		}
	}
	~MetadataHost() { munmap(spare_, bytes_); }
	MetadataHost(const MetadataHost &) = delete;
	MetadataHost &operator=(const MetadataHost &) = delete;

	void lock() {}
	void unlock() {}
	bool lock_killable() { return true; }
	void wait_group() {} // one thread waits for nobody
	void wake_group() {}
	u32 flush_wakes() { return 0; }
	void wait_flush(u32) {} // nor for a user's flush
	void wake_flush() {}
	IoStatus read(DeviceIndex, Sector sector, void *buffer, u32 count)
	{
		++reads;
		sectors_read += count;
		std::memcpy(buffer, spare_ + sector * kSectorBytes, usize{count} * kSectorBytes);
		return IoStatus::ok;
	}
	IoStatus write(DeviceIndex, Sector sector, const void *data, u32 count)
	{
		++writes;
		sectors_written += count;
		std::memcpy(spare_ + sector * kSectorBytes, data, usize{count} * kSectorBytes);
		return IoStatus::ok;
	}
	IoStatus flush(DeviceIndex) { return IoStatus::ok; }
	IoStatus forward(Request, u64, DeviceIndex, Sector, u32) { return IoStatus::ok; }
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
	bool writable() { return true; }
	bool claim(const void *) { return true; }
	bool device_open() { return false; }
	void notify() {}
	void log(LogLevel, const char *) {}
	void log_limited(const char *) {}
	bool random(void *buffer, usize bytes)
	{
		std::memset(buffer, 0x5a, bytes);
		return true;
	}
	HostCounters counters() { return {}; }
	void clear_counters() {}

	u64 reads = 0;
	u64 sectors_read = 0;
	u64 writes = 0;
	u64 sectors_written = 0;

private:
	usize bytes_;
	u8 *spare_;
};
static_assert(Platform<MetadataHost>);

} // namespace remap::bench
