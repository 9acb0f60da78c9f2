// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/host.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/health/blame.h"

namespace remap::sim {

Host::Host(const HostShape &given, const Rates &rates, Random &given_chance)
    : shape(given), main(given.main, contents), spare(given.spare, contents),
      second(given.second, contents), trouble(rates),
      oracle(given.main.sectors, contents), chance(given_chance), excused(given.main.sectors)
{
	for (Sector i = 0; i < main.sectors(); ++i)
		main.put(i, Oracle::original(i));
}

void *Host::allocate(usize bytes)
{
	if (trouble.allocation_fails(chance)) {
		kinds.count(Kind::no_memory);
		return nullptr;
	}
	const usize whole = round_up(bytes, usize{64});
	void *memory = std::aligned_alloc(64, whole);
	std::memset(memory, 0, whole);
	live_[memory] = bytes;
	return memory;
}

void Host::deallocate(void *memory, usize bytes)
{
	const auto found = live_.find(memory);
	if (found == live_.end() || found->second != bytes)
		return oracle.violate(Promise::leaked,
				      "memory was freed that was not allocated like this");
	live_.erase(found);
	std::free(memory);
}

void Host::forget_memory()
{
	for (const auto &[memory, bytes] : live_)
		std::free(memory);
	live_.clear();
	was_cut_ = false;
}

void Host::say(const char *what, DeviceIndex device, Sector sector, u64 count, IoStatus status,
	       Fate fate) const
{
	static constexpr const char *kFates[] = {"",
						 " (refused)",
						 " (refused, but stored)",
						 " (refused, will land late)",
						 " (lost)",
						 " (lost at the next flush)",
						 " (misdirected)"};
	if (talks)
		std::printf("    %s %s %llu+%llu: %s%s\n", what,
			    device == kMainDevice   ? "main"
			    : device == kFirstSpare ? "spare"
						    : "second spare",
			    static_cast<unsigned long long>(sector),
			    static_cast<unsigned long long>(count), text_of(status),
			    kFates[static_cast<usize>(fate)]);
}

void Host::log(LogLevel, const char *text)
{
	last_line = text;
	if (talks)
		std::printf("    the core says: %s\n", text);
}

void Host::log_limited(const char *text)
{
	last_line = text;
	kinds.count(Kind::over_budget, last_line.ends_with(text_of(Judgement::budget)));
}

void Host::point()
{
	if (cut_)
		throw PowerCut{};
	if (!fibers.inside() || !chance.percent(shape.pause_share))
		return;
	fibers.pause();
	if (cut_)
		throw PowerCut{};
}

void Host::event()
{
	if (cut_ || ++events_ >= cut_at_) {
		cut_ = was_cut_ = true;
		throw PowerCut{};
	}
}

// A write that was refused long ago may arrive beside any other.
void Host::land_some()
{
	if (spare.late() && chance.one_in(shape.patience))
		land(chance.below(spare.late()));
	if (second.late() && chance.one_in(shape.patience))
		land_on_second(chance.below(second.late()));
}

// Only data is ever refused there.
void Host::land_on_second(usize index)
{
	trouble.note();
	trouble.note_hit();
	kinds.count(Kind::arrived_late);
	say("late write arrives on", kFirstSpare + 1, second.late_sector(index),
	    second.late_count(index), IoStatus::ok);
	second.land(index);
}

// In the log it shows, for what is behind does not fit; elsewhere it does not.
void Host::land(usize index)
{
	const Sector sector = spare.late_sector(index);
	const u64 count = spare.late_count(index);
	const Zone zone = trouble.zones().at(sector);
	const bool visible = zone != Zone::data && shows && shows(sector);
	// On a site whose write was refused in this life nobody counts any more: it is out until a load
	// that serves has mended it, and two of them are more than a load survives.
	const bool free = zone == Zone::data ||
			  is_out({kFirstSpare, trouble.zones().site_at(sector)});
	if (!free && !(visible ? trouble.may_wound(zone) : trouble.may_land(zone)))
		return;
	std::vector<Content> before;
	for (u64 i = 0; i < count; ++i)
		before.push_back(spare.content(sector + i));
	trouble.note();
	trouble.note_hit();
	kinds.count(Kind::arrived_late);
	say("late write arrives on", kFirstSpare, sector, count, IoStatus::ok);
	spare.land(index);
	if (free && zone != Zone::data)
		trouble.landed(zone);
	for (u64 i = 0; visible && i < count; ++i)
		trouble.wound({sector + i, before[i], spare.content(sector + i)});
	if (!free && !visible)
		trouble.hurt(sector, count);
}

void Host::power_up()
{
	cut_ = false;
	locked_ = false;
	cut_at_ = kNever;
	unstable_slot_.reset();
	watch_ = Watch::off;
	failed_places.clear();
	waiting_.clear();
	asleep_.clear();
	draining_.clear();
	tries_.clear();
}

void Host::lock()
{
	point();
	while (locked_)
		wait_for_unlock();
	locked_ = true;
}

void Host::wait_for_unlock()
{
	if (!fibers.inside()) {
		oracle.violate(Promise::lost, "the lock was taken twice");
		throw PowerCut{};
	}
	waiting_.push_back(fibers.current());
	fibers.pause();
	std::erase(waiting_, fibers.current());
	if (cut_)
		throw PowerCut{};
}

bool Host::lock_killable()
{
	point();
	while (locked_ && !stop_requested())
		wait_for_unlock();
	if (locked_)
		return false;
	locked_ = true;
	return true;
}

void Host::unlock()
{
	if (!locked_ && !cut_)
		oracle.violate(Promise::lost, "the lock was given back twice");
	locked_ = false;
}

// One who sleeps and is not woken cannot run, unless a signal comes or, now and then, for no reason.
void Host::wait_group()
{
	if (!fibers.inside() || !locked_) {
		oracle.violate(Promise::lost, "wait_group() outside of a thread or the lock");
		throw PowerCut{};
	}
	locked_ = false;
	if (!chance.one_in(8))
		asleep_.push_back(fibers.current());
	fibers.pause();
	std::erase(asleep_, fibers.current());
	if (cut_)
		throw PowerCut{};
	while (locked_)
		wait_for_unlock();
	locked_ = true;
}

void Host::wake_group()
{
	asleep_.clear();
}

void Host::wait_flush(u32 seen)
{
	kinds.count(Kind::awaited_flush);
	while (flush_wakes_ == seen) {
		point();
		if (flush_wakes_ == seen)
			users->hurry_flush();
		if (!oracle.violation().empty())
			throw PowerCut{};
	}
}

void Host::set_killable(Fibers::Id id, bool killable)
{
	if (id >= killable_.size())
		killable_.resize(id + 1);
	killable_[id] = killable;
}

bool Host::killable() const
{
	return fibers.inside() && fibers.current() < killable_.size() &&
	       killable_[fibers.current()];
}

bool Host::can_run(Fibers::Id id) const
{
	const bool sleeps = std::find(asleep_.begin(), asleep_.end(), id) != asleep_.end();
	const bool stops = stop && id < killable_.size() && killable_[id];
	if (sleeps && !stops)
		return false;
	const auto drain = draining_.find(id);
	if (drain != draining_.end() && !stops &&
	    users->holds_token(drain->second.first, drain->second.count))
		return false;
	return !locked_ || stops ||
	       std::find(waiting_.begin(), waiting_.end(), id) == waiting_.end();
}

IoStatus Host::write(DeviceIndex device, Sector sector, const void *data, u32 count)
{
	point();
	event();
	scratch_.clear();
	for (u32 i = 0; i < count; ++i)
		scratch_.push_back(
			contents.learn(static_cast<const u8 *>(data) + usize{i} * kSectorBytes));
	if (!writes)
		oracle.violate(Promise::stale, "something was written although no table may write");
	if (device == kMainDevice)
		check_copy_back(sector, count);
	else
		check_site({device, sector});
	const auto [fate, elsewhere] = outcome(device, sector, count);
	const IoStatus status =
		disk(device).write(sector, scratch_.data(), count, false, fate, elsewhere);
	say("core writes", device, sector, count, status, fate);
	if (status != IoStatus::ok)
		told(device, sector, count);
	refused_by_spare += device != kMainDevice && status != IoStatus::ok;
	if (device != kMainDevice && scratch_[0] != kZeros)
		note_site({device, sector}, status);
	if (device > kFirstSpare)
		kinds.count(zone_at(device, sector) == Zone::data ? Kind::second_data
								  : Kind::second_metadata);
	land_some();
	return status;
}

void Host::told(DeviceIndex device, Sector sector, u32 count)
{
	trouble.note();
	for (const Zone zone : {Zone::head, Zone::middle, Zone::tail})
		if (device == kFirstSpare && trouble.zones().of(zone).touches(sector, count))
			trouble.told(zone);
}

// The core writes to main only to give data back, and no other data than is read there now.
void Host::check_copy_back(Sector sector, u32 count)
{
	for (u32 i = 0; i < count; ++i)
		if (!oracle.may_read(sector + i, scratch_[i], oracle.now()))
			oracle.violate(Promise::stale,
				       "something else than its content was written to main: " +
					       oracle.describe(sector + i));
}

Trouble::Outcome Host::outcome(DeviceIndex device, Sector sector, u32 count)
{
	const bool data = device == kMainDevice || zone_at(device, sector) == Zone::data;
	if (!data && (device > kFirstSpare || only_second))
		return {};
	const Trouble::Outcome outcome =
		data ? trouble.of_data_write(chance)
		     : trouble.of_metadata_write(chance, sector, count);
	count_fate(outcome.fate, data ? Kind::refused_data : Kind::refused_metadata);
	return outcome;
}

void Host::count_fate(Fate fate, Kind refused)
{
	switch (fate) {
	case Fate::stored:
	case Fate::doomed: // counted by the flush that tells of it
		return;
	case Fate::refused:
		return kinds.count(refused);
	case Fate::refused_stored:
		kinds.count(refused);
		return kinds.count(Kind::refused_stored);
	case Fate::refused_late:
		kinds.count(refused);
		return kinds.count(Kind::refused_late);
	case Fate::lost:
		return kinds.count(Kind::lost);
	case Fate::misdirected:
		return kinds.count(Kind::misdirected);
	}
}

IoStatus Host::flush_disk(DeviceIndex device)
{
	Disk &to = disk(device);
	const bool fails = trouble.flush_fails(chance);
	if (!fails && to.has_doomed())
		kinds.count(Kind::doomed);
	const IoStatus status = fails ? to.flush_failing(chance) : to.flush();
	if (status != IoStatus::ok)
		kinds.count(Kind::failed_flush);
	return status;
}

// The device is done before the core hears of it.
IoStatus Host::flush(DeviceIndex device)
{
	point();
	event();
	const IoStatus status = flush_for_core(device);
	point();
	return status;
}

IoStatus Host::flush_for_core(DeviceIndex device)
{
	const IoStatus status = flush_disk(device);
	say("core flushes", device, 0, 0, status);
	if (status != IoStatus::ok) {
		trouble.note();
		trouble.note_hit();
		oracle.flush_failed();
		// Where something fails the power is not far from failing either.
		if (trouble.armed && !cut_is_due() && chance.one_in(2))
			cut_at(events_ + 1 + chance.below(60));
		owed[device] = true;
		if (device == kFirstSpare)
			trouble.told_all();
	}
	if (!unstable_slot_ || unstable_slot_->first != device)
		return status;
	if (status != IoStatus::ok)
		failed_sites_.push_back({device, zones_of(device).site_at(unstable_slot_->second)});
	unstable_slot_.reset();
	return status;
}

// The protocol's rules for superblocks: never the newest valid slot, one at a time, and no site of
// which a write may still arrive.
void Host::check_site(Spot slot)
{
	const auto [device, sector] = slot;
	const Zones &zones = zones_of(device);
	const Sector site = zones.site_at(sector);
	if (site == kNever || scratch_[0] == kZeros)
		return;
	if (is_out({device, site}))
		oracle.violate(Promise::lost,
			       "a site was written again after a write to it failed");
	if (unstable_slot_)
		oracle.violate(Promise::lost, "a superblock was written before another was stable");
	if (trouble.any() ||
	    (device == kFirstSpare && trouble.any_silent(zones.at(sector))))
		return; // the core cannot know what is there
	u32 crc = 0;
	const auto here = superblock(slot);
	const auto other =
		superblock({device, site + (site == sector ? kBlockSectors : 0)}, &crc);
	// A newer one that was written beside something else does not count, so it is free.
	if (here && (!other || (newer(*here, *other) && here->other == crc)))
		oracle.violate(Promise::lost, "the newest superblock of a site was overwritten");
}

bool Host::is_out(Spot site) const
{
	return std::find(failed_sites_.begin(), failed_sites_.end(), site) != failed_sites_.end();
}

void Host::note_site(Spot slot, IoStatus status)
{
	const Sector site = zones_of(slot.first).site_at(slot.second);
	if (site == kNever)
		return;
	if (status == IoStatus::ok)
		unstable_slot_ = slot;
	else
		failed_sites_.push_back({slot.first, site});
}

std::optional<Superblock> Host::superblock(Spot slot, u32 *crc) const
{
	const Disk &spare = slot.first == kFirstSpare && !only_second ? this->spare : second;
	const Sector sector = slot.second;
	SuperblockDisk disk;
	contents.spell(spare.content(sector), &disk);
	Superblock found;
	if (spare.is_unreadable(sector) || !is_whole(disk))
		return std::nullopt;
	unpack(disk, &found);
	if (crc)
		*crc = disk.crc;
	return found;
}

bool Host::drain(Sector sector, u64 length, bool)
{
	point();
	if (!locked_)
		oracle.violate(Promise::lost, "drain() without the lock");
	users->finish(sector, length);
	wait_tokens({sector, length});
	return !stop_requested();
}

// For those that no device has any more, and that count all the same.
void Host::wait_tokens(const Stretch &range)
{
	while (users->holds_token(range.first, range.count) && !stop_requested()) {
		draining_[fibers.current()] = range;
		fibers.pause();
		draining_.erase(fibers.current());
		if (cut_)
			throw PowerCut{};
	}
}

bool Host::drain_soon(Sector sector, u64 length)
{
	return !chance.one_in(8) && !users->holds_token(sector, length) &&
	       drain(sector, length, false);
}

bool Host::random(void *buffer, usize bytes)
{
	for (usize i = 0; i < bytes; ++i)
		static_cast<u8 *>(buffer)[i] = static_cast<u8>(chance.next());
	return true;
}

void Host::release_held()
{
	if (!cut_)
		users->release_held();
}

} // namespace remap::sim
