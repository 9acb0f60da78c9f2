// SPDX-License-Identifier: GPL-2.0-or-later
// Host: the machine on which the core runs here. It models Platform on two simulated disks, or three: of
// a second spare the metadata is not damaged, but its flushes fail, its data does what data does, and it is
// added, removed, dies, is missing and comes back.
//
// Every blocking call of the core's is a place where another thread may go on, where users may
// issue I/O, and where the power may fail. The power failure is an exception: it unwinds the stack
// of whichever thread is in a call, now and whenever another one would go on. Calls that the core
// makes from destructors (unlock, wake_group, release_held, deallocate) never throw and never pause.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/base/bug.h"
#include "core/engine/policy.h"
#include "core/journal/site.h"
#include "core/platform/platform.h"
#include "sim/fiber.h"
#include "sim/kinds.h"
#include "sim/oracle.h"
#include "sim/trouble.h"
#include "sim/user_io.h"

namespace remap::sim {

// Thrown out of a call of the core's when the power fails.
struct PowerCut {};

struct HostShape {
	DiskShape main;
	DiskShape spare;
	DiskShape second;    // another spare; no sectors: there is none
	u32 block = 1;	     // logical block of the set, in sectors
	u32 pause_share = 0; // percent of the calls in which another thread goes on
	u32 patience = 16;   // of how many writes of the core's one sees a late one arrive
};

// What the host needs of those who send I/O through it.
class Users {
public:
	virtual ~Users() = default;
	virtual void release_held() = 0;
	virtual void finish(Sector sector, u64 length) = 0;
	// Whether something there counts as in flight all the same.
	virtual bool holds_token(Sector sector, u64 length) const = 0;
	// A step of some flush that is under way.
	virtual void hurry_flush() = 0;
	// The scan cannot read these: the core is about to look at them again.
	virtual void scan_failed(Sector sector, u64 count) = 0;
};

class Host {
public:
	Host(const HostShape &shape, const Rates &rates, Random &random);
	Host(const Host &) = delete;
	Host &operator=(const Host &) = delete;

	// ---- Platform ----
	void *allocate(usize bytes);
	void deallocate(void *memory, usize bytes);
	u64 grace_start() { return graces_ += 2; }
	bool grace_elapsed(u64 cookie) { return cookie < graces_ || ++grace_polls_ % 2 == 0; }
	void grace_wait() {}
	void lock();
	void unlock();
	bool lock_killable();
	void wait_group();
	void wake_group();
	u32 flush_wakes() const { return flush_wakes_; }
	void wait_flush(u32 seen);
	void wake_flush() { ++flush_wakes_; }
	IoStatus read(DeviceIndex device, Sector sector, void *buffer, u32 count);
	IoStatus write(DeviceIndex device, Sector sector, const void *data, u32 count);
	IoStatus flush(DeviceIndex device);
	IoStatus forward(Request request, u64 first, DeviceIndex device, Sector sector, u32 count);
	void fetch(Request request, u64 first, void *buffer, u32 count);
	bool watch_main() { return std::exchange(watch_, Watch::asked) != Watch::asked; }
	bool main_took_write() { return watch_ != Watch::asked; }
	IoStatus scan_read(Sector sector, u32 count);
	bool busy() { return chance.one_in(3); }
	void wake_scan() {}
	u64 seconds() { return events_ / 16; } // the machine's own pace
	bool drain(Sector sector, u64 length, bool stoppable);
	bool drain_soon(Sector sector, u64 length);
	void release_held();
	bool stop_requested() { return stop && killable(); }
	bool writable() { return writes; }
	bool claim(const void *) { return true; }
	bool device_open() { return open; }
	bool random(void *buffer, usize bytes);
	void notify() {}
	void log(LogLevel, const char *text);
	void log_limited(const char *text);
	HostCounters counters() { return {}; }
	void clear_counters() {}
	// What the core of this run does wrong on purpose. The place that a load leaves free hides a
	// record of an earlier epoch but for once in ten thousand seeds, so it is not left with that one.
	bool bug(Bug which) const
	{
		return planted == which ||
		       (planted == Bug::old_epoch_replayed && which == Bug::same_place);
	}

	// ---- the machine ----
	Disk &disk(DeviceIndex device)
	{
		const bool first = device == kFirstSpare && !only_second;
		return device == kMainDevice ? main : first ? spare : second;
	}
	// Those of the table line, and all that there are.
	DeviceIndex devices() const { return second_named ? 3 : 2; }
	DeviceIndex disks() const { return shape.second.sectors ? 3 : 2; }
	// What of a spare this is.
	Zone zone_at(DeviceIndex device, Sector sector) const
	{
		return zones_of(device).at(sector);
	}
	const Zones &zones_of(DeviceIndex device) const
	{
		return device == kFirstSpare && !only_second ? trouble.zones() : second_zones;
	}
	// A write or flush is about to happen: counts it, and throws if the power fails there.
	void event();
	u64 events() const { return events_; }
	// The power fails before the event of that number.
	void cut_at(u64 event) { cut_at_ = event; }
	bool cut_is_due() const { return cut_at_ != kNever; }
	bool cut_is_next() const { return events_ + 1 == cut_at_; }
	bool is_cut() const { return cut_; }
	void cut_now() { cut_ = was_cut_ = true; }
	void power_up();
	// Whether it failed since the memory was last forgotten.
	bool was_cut() const { return was_cut_; }
	void forget_memory();
	// Prints a line of a replay.
	bool talks = false;
	void say(const char *what, DeviceIndex device, Sector sector, u64 count, IoStatus status,
		 Fate fate = Fate::stored) const;
	// Whether a thread can go on.
	bool can_run(Fibers::Id id) const;
	// Another core is made.
	void begin_core()
	{
		failed_sites_.clear();
		core_began_ = seconds();
	}
	u64 core_seconds() { return seconds() - core_began_; }
	// One beside the core that serves is at work on the second spare alone.
	void begin_other()
	{
		only_second = true;
		failed_sites_.swap(failed_elsewhere_);
	}
	void end_other()
	{
		only_second = false;
		failed_sites_.swap(failed_elsewhere_);
		failed_elsewhere_.clear();
	}
	// A refused write to the spare arrives, if it may.
	void land(usize index);
	void land_on_second(usize index);
	// A sector of a device.
	using Spot = std::pair<DeviceIndex, Sector>;
	// What is in a slot, if it is a whole superblock.
	std::optional<Superblock> superblock(Spot slot, u32 *crc = nullptr) const;
	// Carries out a user's piece on the disk.
	IoStatus perform(const Piece &piece);
	// Carries out a flush on the disk, or lets it fail.
	IoStatus flush_disk(DeviceIndex device);
	// How the reads of main went, a block at a time, that the thread at work makes for one recovery.
	struct Tries {
		u32 failed = 0;
		bool came_back = false; // the last one succeeded
	};
	using TriesOf = std::map<Sector, Tries>; // those of which one failed
	void begin_tries();
	TriesOf end_tries();
	// Threads that a signal reaches: the operator's, not a worker of ours.
	void set_killable(Fibers::Id id, bool killable);
	usize allocations_live() const { return live_.size(); }
	bool locked() const { return locked_; }

	const HostShape shape;
	Contents contents;
	Disk main;
	Disk spare;
	Disk second;
	Trouble trouble;
	Zones second_zones;
	Fibers fibers;
	Oracle oracle;
	Random &chance;
	Users *users = nullptr;
	// Whether a load would see that this block of the log is not what it was.
	std::function<bool(Sector sector)> shows;
	// Whether a sector of main is mapped to this address, and not lost.
	std::function<bool(Sector main, DeviceIndex device, Sector physical)> in_place;
	// Places of the spare that refused what the core sent there of a request, for sectors of main.
	struct FailedPlace {
		Request request;
		DeviceIndex device;
		Sector sector;
		Sector main;
	};
	std::vector<FailedPlace> failed_places;
	u64 refused_by_spare = 0; // of what the core wrote, or gave a reader back from there
	// Sectors of main that the core could not read, so that it may call them lost.
	std::vector<bool> excused;
	std::optional<Bug> planted;
	Policy policy; // of the table line
	std::string last_line;
	// What went wrong so far.
	Counts kinds;
	// Devices of which a flush of the core's failed, and no user has heard of it yet.
	bool owed[3] = {};
	bool second_named = false; // whether the table line has the second spare,
	bool only_second = false;  // and whether it has no other one
	bool stop = false; // a fatal signal to whoever sends messages
	bool writes = true;
	bool open = true;

private:
	enum class Watch : u8 { off, asked, seen };

	bool killable() const;
	void wait_for_unlock();
	void wait_tokens(const Stretch &range);
	IoStatus flush_for_core(DeviceIndex device);
	void point();
	IoStatus read_disk(DeviceIndex device, Sector sector, Content *out, u32 count);
	void tried(Sector block, IoStatus status);
	void land_some();
	void told(DeviceIndex device, Sector sector, u32 count);
	void check_copy_back(Sector sector, u32 count);
	void check_site(Spot slot);
	void note_site(Spot slot, IoStatus status);
	bool is_out(Spot site) const; // a write to it has failed since this core began
	Trouble::Outcome outcome(DeviceIndex device, Sector sector, u32 count);
	void count_fate(Fate fate, Kind refused);

	std::unordered_map<void *, usize> live_;
	std::vector<Fibers::Id> waiting_; // for the lock
	std::vector<Fibers::Id> asleep_;  // in wait_group()
	std::vector<bool> killable_;	  // by thread
	std::unordered_map<Fibers::Id, Stretch> draining_; // what each thread waits for
	std::vector<Content> scratch_;
	std::unordered_map<Fibers::Id, TriesOf> tries_;
	std::vector<Spot> failed_sites_;    // since this core began
	std::vector<Spot> failed_elsewhere_; // of the other one
	std::optional<Spot> unstable_slot_; // a superblock that was written and not flushed
	u64 events_ = 0;
	u64 core_began_ = 0;
	u64 cut_at_ = kNever;
	u64 graces_ = 0;
	u64 grace_polls_ = 0;
	u32 flush_wakes_ = 0;
	Watch watch_ = Watch::off;
	bool cut_ = false;
	bool was_cut_ = false;
	bool locked_ = false;
};
static_assert(Platform<Host>);

} // namespace remap::sim
