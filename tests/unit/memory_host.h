// SPDX-License-Identifier: GPL-2.0-or-later
// MemoryHost: the Platform on MemoryDisks, with everything that a test wants to see, break or
// do in the middle of a step. One thread.
//
// hook is called at the begin of each read, write, flush, forward, drain and wait_flush of the
// core's. It may
// issue I/O, ask for a stop, or change the disks.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/base/bits.h"
#include "core/format/layout.h"
#include "core/platform/platform.h"
#include "tests/unit/user_io.h"

namespace remap::test {

enum class HostCall { read, write, flush, forward, drain, wait_flush, scan_read };

// Fails allocations by number, counted from 1 on since arm().
class AllocationFaults {
public:
	static constexpr u64 kNever = ~u64{0};

	void arm(u64 only, u64 from)
	{
		count_ = 0;
		only_ = only;
		from_ = from;
	}
	void disarm() { arm(kNever, kNever); }
	bool next_fails() { return ++count_ == only_ || count_ >= from_; }
	u64 count() const { return count_; }

private:
	u64 count_ = 0;
	u64 only_ = kNever;
	u64 from_ = kNever;
};

class MemoryHost {
public:
	static constexpr u64 kMainOrigin = u64{0xa} << 48;
	static constexpr u64 kSpareOrigin = u64{0xb} << 48;

	MemoryHost(Sector main_sectors, Sector spare_sectors, u64 spare_origin = kSpareOrigin)
		: main(main_sectors, kMainOrigin), spare(spare_sectors, spare_origin)
	{
	}
	MemoryHost(const MemoryHost &) = delete;
	MemoryHost &operator=(const MemoryHost &) = delete;
	~MemoryHost()
	{
		require(live_.empty(), "memory was not given back");
		require(!locked_, "the lock was not given back");
	}

	// ---- Platform ----
	void *allocate(usize bytes)
	{
		if (faults.next_fails())
			return nullptr;
		void *memory = std::aligned_alloc(64, round_up(bytes, 64));
		std::memset(memory, 0, round_up(bytes, 64));
		live_[memory] = bytes;
		return memory;
	}
	void deallocate(void *memory, usize bytes)
	{
		const auto found = live_.find(memory);
		require(found != live_.end() && found->second == bytes, "freed as allocated");
		live_.erase(found);
		written_ = nullptr;
		std::memset(memory, 0xdd, bytes);
		std::free(memory);
	}
	u64 grace_start() { return graces_ += 2; }
	// The second question finds it over.
	bool grace_elapsed(u64 cookie) { return cookie < graces_ || ++grace_polls_ % 2 == 0; }
	void grace_wait() {}

	void lock()
	{
		require(!locked_, "lock() while locked");
		locked_ = true;
	}
	void unlock()
	{
		require(locked_, "unlock() while not locked");
		locked_ = false;
	}
	// One thread: the lock is free, and whoever was killed takes it first.
	bool lock_killable()
	{
		if (lock_interrupted)
			return false;
		lock();
		return true;
	}
	bool locked() const { return locked_; }
	void wait_group() { require(false, "one thread waits for nobody"); }
	void wake_group() {}
	u32 flush_wakes() const { return flush_wakes_; }
	// Whatever is to end a user's flush is a hook.
	void wait_flush(u32 seen)
	{
		call(HostCall::wait_flush, kMainDevice, 0, 0);
		require(flush_wakes_ != seen, "one thread waits for nobody's flush");
	}
	void wake_flush() { ++flush_wakes_; }

	IoStatus read(DeviceIndex device, Sector sector, void *buffer, u32 count)
	{
		call(HostCall::read, device, sector, count);
		return disk(device).read(sector, buffer, count);
	}
	IoStatus write(DeviceIndex device, Sector sector, const void *data, u32 count)
	{
		call(HostCall::write, device, sector, count);
		if (device == kFirstSpare && count == kBlockSectors)
			written_ = const_cast<void *>(data);
		return disk(device).write(sector, data, count);
	}
	IoStatus flush(DeviceIndex device)
	{
		call(HostCall::flush, device, 0, 0);
		if (buffer_fill && device == kFirstSpare && written_)
			std::memset(written_, buffer_fill, kMetadataBlockBytes);
		written_ = nullptr;
		return disk(device).flush();
	}
	IoStatus forward(Request request, u64 first, DeviceIndex device, Sector sector, u32 count)
	{
		call(HostCall::forward, device, sector, count);
		const Piece &piece = *static_cast<Piece *>(request);
		require(first + count <= piece.sectors, "forward() inside the request");
		if (piece.io->op == Op::read)
			return disk(device).read(sector, piece.data() + first, count);
		const IoStatus status =
			disk(device).write(sector, piece.data() + first, count, piece.io->fua);
		note_write(device, status);
		return status;
	}
	void fetch(Request request, u64 first, void *buffer, u32 count)
	{
		const Piece &piece = *static_cast<Piece *>(request);
		std::memcpy(buffer, piece.data() + first, usize{count} * kSectorBytes);
	}
	bool watch_main() { return std::exchange(watch_, Watch::asked) != Watch::asked; }
	bool main_took_write() { return watch_ != Watch::asked; }
	// A user's write of main succeeds.
	void prove_main() { note_write(kMainDevice, IoStatus::ok); }
	IoStatus scan_read(Sector sector, u32 count)
	{
		require(!locked_, "the scan reads without the lock");
		call(HostCall::scan_read, kMainDevice, sector, count);
		std::vector<u8> nobody(usize{count} * kSectorBytes);
		return main.read(sector, nobody.data(), count);
	}
	bool busy()
	{
		if (on_busy)
			on_busy();
		return users_busy;
	}
	void wake_scan() { ++scan_wakes; }
	u64 seconds() { return now; }
	// Whatever is in flight to the range ends now.
	bool drain(Sector sector, u64 length, bool stoppable)
	{
		drained_stoppable = stoppable;
		call(HostCall::drain, kMainDevice, sector, length);
		require(locked_, "drain() under the lock");
		finish(sector, length);
		return !drain_interrupted;
	}
	bool drain_soon(Sector sector, u64 length) { return drain(sector, length, false); }
	void release_held()
	{
		if (on_release)
			on_release();
	}

	bool stop_requested() { return stop; }
	bool writable() { return writes; }
	bool claim(const void *name)
	{
		std::memcpy(claimed.data(), name, claimed.size());
		return claimed != taken;
	}
	bool device_open() { return open; }
	void notify() { ++notified; }
	void log(LogLevel, const char *text) { lines.emplace_back(text); }
	void log_limited(const char *text) { lines.emplace_back(text); }
	// As another machine would draw.
	void draw_from(u64 number) { randoms_ = number; }
	bool random(void *buffer, usize bytes)
	{
		for (usize i = 0; i < bytes; ++i)
			static_cast<u8 *>(buffer)[i] = static_cast<u8>(++randoms_ * 151 >> 3);
		return true;
	}
	HostCounters counters() { return counted; }
	void clear_counters() { counted = HostCounters{}; }

	// ---- for tests ----
	MemoryDisk &disk(DeviceIndex device)
	{
		require(device <= kFirstSpare + more.size(), "a device of this set");
		return device == kMainDevice   ? main
		       : device == kFirstSpare ? spare
					       : more[device - kFirstSpare - 1];
	}
	// Carries out what is in flight to the range of main.
	void finish(Sector sector, u64 length)
	{
		for (usize i = 0; i < in_flight.size();) {
			const Piece piece = in_flight[i];
			if (!ranges_overlap(piece.sector(), piece.sectors, sector, length)) {
				++i;
				continue;
			}
			in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(i));
			perform(piece);
		}
	}
	void perform(const Piece &piece)
	{
		MemoryDisk &to = disk(piece.device);
		const IoStatus status =
			piece.io->op == Op::read
				? to.read(piece.physical, piece.data(), piece.sectors)
				: to.write(piece.physical, piece.data(), piece.sectors,
					   piece.io->fua);
		if (piece.io->op != Op::read && piece.io->op != Op::discard)
			note_write(piece.device, status);
		if (status != IoStatus::ok && on_failed && on_failed(piece, status))
			return; // it will end later
		piece.end(status);
	}
	bool logged(const std::string &part) const
	{
		for (const std::string &line : lines)
			if (line.find(part) != std::string::npos)
				return true;
		return false;
	}
	u64 allocations_live() const { return live_.size(); }

	MemoryDisk main;
	MemoryDisk spare;
	std::deque<MemoryDisk> more; // spares
	AllocationFaults faults;
	std::function<void(HostCall, DeviceIndex, Sector, u64)> hook;
	std::function<void()> on_release;
	std::function<bool(const Piece &, IoStatus)> on_failed;
	u64 now = 1000; // seconds
	bool users_busy = false;
	std::function<void()> on_busy;
	u32 scan_wakes = 0;
	std::vector<Piece> held;
	std::vector<Piece> in_flight;
	std::vector<std::string> lines;
	HostCounters counted;
	u64 notified = 0;
	// What was claimed last, and what another host has.
	std::array<u8, 16> claimed{};
	std::array<u8, 16> taken{};
	bool stop = false;
	bool writes = true;
	bool open = true;
	bool drain_interrupted = false;
	bool lock_interrupted = false;
	// Of the last drain.
	bool drained_stoppable = false;
	// Not 0: what the buffer that was last written to the spare as a single block holds after
	// the flush, since it is used up then.
	u8 buffer_fill = 0;

	static void require(bool condition, const char *what)
	{
		if (condition)
			return;
		std::fprintf(stderr, "memory host: broken rule: %s\n", what);
		std::abort();
	}

private:
	enum class Watch { off, asked, seen };

	void note_write(DeviceIndex device, IoStatus status)
	{
		if (device == kMainDevice && status == IoStatus::ok && watch_ == Watch::asked)
			watch_ = Watch::seen;
	}
	void call(HostCall what, DeviceIndex device, Sector sector, u64 count)
	{
		if (!hook || in_hook_)
			return;
		in_hook_ = true;
		hook(what, device, sector, count);
		in_hook_ = false;
	}

	std::unordered_map<void *, usize> live_;
	Watch watch_ = Watch::off;
	void *written_ = nullptr;
	u32 flush_wakes_ = 0;
	u64 graces_ = 0;
	u64 randoms_ = 0;
	u64 grace_polls_ = 0;
	bool locked_ = false;
	bool in_hook_ = false;
};
static_assert(Platform<MemoryHost>);

}  // namespace remap::test
