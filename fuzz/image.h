// SPDX-License-Identifier: GPL-2.0-or-later
// Image: a small spare in memory, copied where it is written, so that an execution costs what it
// changes. Its base is a set that the core itself made and filled.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "core/engine/engine.h"

namespace remap::fuzz {

inline constexpr u64 kMaxExtents = 64;
inline constexpr u64 kSpareBlocks = 320;
inline constexpr Sector kSpareSectors = kSpareBlocks * kBlockSectors;
inline constexpr Sector kMainSectors = 65536;

using Block = std::array<u8, kMetadataBlockBytes>;

class Image {
public:
	// Zeros.
	Image() = default;
	// What `base` is now; it must outlive this and not change.
	explicit Image(const Image *base) : base_(base) {}

	IoStatus read(Sector sector, void *buffer, u32 count) const;
	IoStatus write(Sector sector, const void *data, u32 count);
	// To look at and to change, by number.
	const Block &block(u64 number) const;
	Block &change(u64 number);

private:
	const Image *base_ = nullptr;
	std::array<std::unique_ptr<Block>, kSpareBlocks> blocks_;
};

// The platform on an Image; main reads as zeros and takes every write.
class Host {
public:
	Host(Image &spare, bool writable) : spare_(spare), writable_(writable) {}

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
	bool writable() { return writable_; }
	bool claim(const void *) { return true; }
	bool device_open() { return false; }
	void notify() {}
	void log(LogLevel, const char *) {}
	void log_limited(const char *) {}
	bool random(void *buffer, usize bytes)
	{
		__builtin_memset(buffer, 0x5a, bytes);
		return true;
	}
	HostCounters counters() { return {}; }
	void clear_counters() {}
#ifdef DMREMAP_PLANTED_BUG
	bool bug(Bug which) { return which == Bug::no_repair; }
#endif

private:
	Image &spare_;
	bool writable_;
};
static_assert(Platform<Host>);

// A set with a checkpoint and a log behind it, closed or left open.
const Image &filled_set(bool closed);
Layout layout();

// Loads what is there as check and repair would. With `mend` also as a start would; then a load that
// succeeded has to be stable: the table after mending is the one before, and the set is sound.
void load_every_way(Image &image, bool mend);

// The bytes of the input, one number after the other; zeros behind its end.
class Input {
public:
	Input(const u8 *data, usize bytes) : at_(data), left_(bytes) {}
	bool empty() const { return !left_; }
	u32 byte()
	{
		if (!left_)
			return 0;
		--left_;
		return *at_++;
	}
	u32 number() { return byte() | byte() << 8; }

private:
	const u8 *at_;
	usize left_;
};

// Changes up to 8 bytes of a structure of `bytes` bytes, at a place that the input chooses.
void edit(Input &input, void *structure, usize bytes);
// Makes the slot's superblock whole again.
void seal_superblock(Image &image, u32 site, u32 slot);

}  // namespace remap::fuzz
