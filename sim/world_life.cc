// SPDX-License-Identifier: GPL-2.0-or-later
// How the set comes into service and goes out of it: made, closed, cut off, refused, loaded again.
#include "sim/world.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace remap::sim {

namespace {

constexpr Zone kZones[] = {Zone::head, Zone::middle, Zone::tail};

} // namespace

// One attempt, in which the power may fail.
World::Opened World::try_open()
{
	Refusal why;
	Terms terms;
	terms.max_extents = setup_.max_extents;
	terms.format = setup_.format && !has_set_;
	if (has_set_ && random_.one_in(2))
		terms.set = set_;
	terms.allow_degraded = allow_degraded_;
	terms.without = without_ ? 0b10 : 0;
	host_.begin_core();
	SpareSizes spares = setup_.shape.spare.sectors;
	if (host_.second_named)
		spares.add(setup_.shape.second.sectors);
	try {
		core_ = std::make_unique<Core>(host_);
		traffic_.set_core(core_.get());
		Status status = core_->create(
			{setup_.shape.main.sectors, spares, setup_.shape.block,
			 setup_.shape.main.physical},
			terms, why);
		core_->set_policy(host_.policy);
		if (status.ok())
			status = core_->start(why);
		if (!status.ok()) {
			refusal_ = why.any() ? why.text() : text_of(status.error());
			return Opened::refused;
		}
	} catch (const PowerCut &) {
		return Opened::cut;
	}
	set_ = core_->journal().superblock().set;
	has_set_ = true;
	host_.trouble.set_zones(Zones(core_->layout(), setup_.shape.spare.sectors));
	if (host_.second_named)
		host_.second_zones = Zones(core_->layout(1), setup_.shape.second.sectors);
	host_.spare.set_stubborn({host_.trouble.zones().of(Zone::head),
				  host_.trouble.zones().of(Zone::middle),
				  host_.trouble.zones().of(Zone::tail)});
	return Opened::yes;
}

void World::set_dark(u32 zones)
{
	dark_ = zones;
	if (zones)
		host_.trouble.note();
	std::vector<Stretch> stretches;
	for (const Zone zone : kZones)
		if (zones & Trouble::bit(zone)) {
			stretches.push_back(host_.trouble.zones().of(zone));
			host_.trouble.told(zone);
		}
	host_.spare.set_dark(std::move(stretches));
}

// Attempts until one succeeds: the first ones in the dark, with failing writes and allocations and
// further power failures; the last one has no excuse.
void World::open()
{
	u32 attempts = setup_.cut ? 0 : static_cast<u32>(random_.below(4));
	for (bool healed = false;; attempts -= attempts != 0) {
		const bool last = attempts == 0;
		const bool members = choose_members(last);
		const bool must = prepare(last) && members;
		const u32 suspects = host_.trouble.suspects();
		const u64 hits = host_.trouble.hits();
		const std::vector<Trouble::Wound> open_wounds = damaged();
		const Opened opened = try_open();
		tell_start(opened);
		host_.cut_at(kNever);
		host_.spare.set_missing(IoStatus::ok);
		host_.second.set_missing(dead_);
		if (opened == Opened::yes) {
			written_off_ = false;
			hand_over_debt();
			note_members();
			return serve(!dark_ && hits == host_.trouble.hits() &&
				     suspects == host_.trouble.suspects());
		}
		count_start(opened);
		written_off_ |= has_new_content(open_wounds);
		lost_ = lost_ && !host_.second_named; // it may be one again
		if (opened == Opened::cut)
			cut_power();
		else if (!is_explained() && must && !written_off_ && hits == host_.trouble.hits())
			return note(Promise::lost, "refused: " + refusal_);
		close_core();
		if (opened == Opened::refused && last && healed) {
			over_ = findings_.given_up = true;
			return;
		}
		healed = last;
		if (last)
			heal();
	}
}

// What is damaged now.
std::vector<Trouble::Wound> World::damaged() const
{
	std::vector<Trouble::Wound> open;
	for (const Trouble::Wound &wound : host_.trouble.wounds())
		if (host_.spare.content(wound.sector) == wound.rotten)
			open.push_back(wound);
	return open;
}

// Whether some of it is something else now. A start that cannot read the site with the newest epoch takes a
// damaged block of the log for the end, and writes that; when the power fails before it has begun an epoch
// of its own, nobody can bring back what the newest one asks for.
bool World::has_new_content(const std::vector<Trouble::Wound> &wounds) const
{
	return std::any_of(wounds.begin(), wounds.end(), [this](const Trouble::Wound &wound) {
		const Content now = host_.spare.content(wound.sector);
		return now != wound.rotten && now != wound.original;
	});
}

// The core before this one had a failed flush to tell of.
void World::hand_over_debt()
{
	if (owes_)
		core_->owe_flush();
	host_.owed[kMainDevice] |= owes_;
	owes_ = false;
}

void World::tell_start(Opened opened) const
{
	static constexpr const char *kWords[] = {"serves", "is refused: ", "is cut short"};
	if (host_.talks)
		std::printf("  a start %s%s%s%s\n", host_.second_named ? "with both spares " : "",
			    without_ ? "that gives up the second one " : "",
			    kWords[static_cast<usize>(opened)],
			    opened == Opened::refused ? refusal_.c_str() : "");
}

// Makes trouble for one attempt. Whether it must succeed, or fail for an excuse of its own.
bool World::prepare(bool last)
{
	Trouble &trouble = host_.trouble;
	const u32 wanted = last ? 0 : random_.one_in(2) ? next_dark_ : random_.below(8);
	set_dark(has_set_ ? trouble.may_be_dark(static_cast<u32>(wanted)) : 0);
	const bool must = trouble.must_load(dark_);
	trouble.forget();
	if (dark_)
		trouble.note();
	trouble.armed = !last && has_set_;
	if (!last && random_.one_in(2))
		host_.cut_at(host_.events() + 1 + random_.below(30));
	if (setup_.cut && setup_.cut->again && findings_.crashes == 1)
		host_.cut_at(host_.events() + setup_.cut->again);
	if (!last && random_.one_in(16)) {
		host_.kinds.count(Kind::missing);
		const bool second = host_.devices() > 2 && random_.one_in(2);
		(second ? host_.second : host_.spare).set_missing(IoStatus::transport);
		return false;
	}
	return must;
}

void World::count_start(Opened opened)
{
	constexpr u32 kHead = Trouble::bit(Zone::head), kTail = Trouble::bit(Zone::tail);
	Counts &kinds = host_.kinds;
	kinds.count(Kind::cut_start, opened == Opened::cut && has_set_);
	kinds.count(Kind::refused_start, opened == Opened::refused);
	if (opened == Opened::cut)
		return;
	kinds.count(Kind::dark_head, (dark_ & kHead) != 0);
	kinds.count(Kind::dark_middle, (dark_ & Trouble::bit(Zone::middle)) != 0);
	kinds.count(Kind::dark_tail, (dark_ & kTail) != 0);
	const u32 end = dark_ & (kHead | kTail);
	if (!end || end == (kHead | kTail))
		return;
	kinds.count(Kind::by_turns, (end ^ dark_end_) == (kHead | kTail));
	dark_end_ = end;
}

// Somebody brings back what could be seen to be damaged.
void World::heal()
{
	const std::vector<Trouble::Wound> &wounds = host_.trouble.wounds();
	for (usize i = wounds.size(); i-- > 0;) { // the last one first: two may have hit a sector
		const Trouble::Wound &wound = wounds[i];
		const Content now = host_.spare.content(wound.sector);
		if (now == wound.rotten)
			host_.spare.put(wound.sector, wound.original);
		host_.spare.heal(wound.sector);
	}
	host_.trouble.forget_wounds();
}

void World::serve(bool clean)
{
	host_.trouble.armed = true;
	if (!clean)
		return;
	check_copies();
	mend_silently();
	heal();
	if (random_.one_in(8)) {
		host_.spare.end_late(random_, true);
		host_.second.end_late(random_, true);
	}
	host_.trouble.all_is_well(kZones[random_.below(3)]);
}

// Where damage hit what no load looks at (an old lap of the ring, a free area), it stays; with the
// next zone's damage it would be two failures.
void World::mend_silently()
{
	const Layout &layout = core_->layout();
	std::vector<Sector> mirror(setup_.shape.spare.sectors);
	const auto pair = [&](Sector a, Sector b, u64 count) {
		for (u64 i = 0; i < count; ++i) {
			mirror[a + i] = b + i;
			mirror[b + i] = a + i;
		}
	};
	pair(layout.journal(0), layout.journal(1), layout.journal_blocks() * kBlockSectors);
	for (u32 which = 0; which < 2; ++which)
		pair(layout.area(0, which), layout.area(1, which),
		     layout.area_blocks() * kBlockSectors);
	for (const Sector sector : host_.trouble.hurt_sectors())
		if (mirror[sector])
			host_.spare.put(sector, host_.spare.content(mirror[sector]));
}

void World::cut_power()
{
	traffic_.power_cut();
	if (setup_.cut)
		cut_exactly(findings_.crashes ? setup_.cut->again_survivors
					      : setup_.cut->survivors);
	else
		cut_by_chance();
	host_.oracle.power_cut();
	host_.power_up();
	host_.stop = false;
	std::fill(std::begin(host_.owed), std::end(host_.owed), false);
	owes_ = false;
	++findings_.crashes;
}

void World::cut_by_chance()
{
	for (DeviceIndex device = 0; device < host_.disks(); ++device) {
		Disk *disk = &host_.disk(device);
		disk->end_late(random_, false);
		const Disk::Cut cut = disk->cut(random_, struck(device));
		findings_.torn += cut.torn;
		findings_.bad += cut.damaged;
		host_.kinds.count(Kind::torn, cut.torn);
		host_.kinds.count(Kind::dropped, cut.dropped);
		host_.kinds.count(Kind::reordered, cut.reordered);
		host_.kinds.count(Kind::struck, cut.damaged);
		host_.kinds.count(Kind::bystanders, cut.bystanders);
	}
}

// Which block the head was over: one of those that were being written, if its loss is covered.
std::optional<Sector> World::struck(DeviceIndex device)
{
	const Disk &disk = host_.disk(device);
	Trouble &trouble = host_.trouble;
	if (!has_set_ || device >= host_.devices() || !disk.unflushed_units() ||
	    !random_.percent(trouble.rates().cut_damage))
		return std::nullopt;
	const Sector sector =
		disk.unflushed(static_cast<u32>(random_.below(disk.unflushed_units())));
	const Zone zone = device == kMainDevice ? Zone::data : host_.zone_at(device, sector);
	// A slot that is being written is not the one that counts, so its loss costs nothing.
	if (zone == Zone::data || host_.zones_of(device).site_at(sector) != kNever)
		return sector;
	if (device > kFirstSpare || !trouble.may_wound(zone))
		return std::nullopt;
	const u32 physical = disk.shape().physical;
	for (u32 i = 0; i < physical; ++i)
		trouble.wound({sector / physical * physical + i, kZeros, kRaw});
	return sector;
}

void World::cut_exactly(u64 survivors)
{
	const u32 of_main = host_.main.unflushed_units();
	findings_.units = of_main + host_.spare.unflushed_units();
	const u64 of_spare = survivors == Disk::kAll ? survivors
			     : of_main < 64	     ? survivors >> of_main
						     : 0;
	findings_.torn += host_.main.cut(survivors).torn + host_.spare.cut(of_spare).torn;
}

void World::close_core()
{
	core_.reset();
	// What a flush of the core's lost is a debt to whoever flushes this device next. Nobody
	// will any more, unless another core is told of it.
	if (!owes_ && (host_.owed[0] || host_.owed[1] || host_.owed[2]))
		host_.oracle.power_cut();
	std::fill(std::begin(host_.owed), std::end(host_.owed), false);
	if (host_.allocations_live() && !host_.was_cut())
		note(Promise::leaked, "memory was not given back");
	host_.forget_memory(); // the machine's memory does not outlive its power
}

void World::unwind()
{
	while (!host_.fibers.living().empty())
		host_.fibers.resume(host_.fibers.living().front());
}

void World::recover()
{
	ledger_.take(*core_);
	note_lost();
	unwind();
	cut_power();
	close_core();
	open();
	if (failed() || over_)
		return;
	ledger_.recovered(*core_);
	adopt_decisions();
	check_recovered();
}

// dm holds new I/O back, lets what is there end, and tells the target before and after.
void World::suspend()
{
	suspending_ = true;
	core_->presuspend();
	quiet();
	suspending_ = false;
	if (host_.is_cut())
		return;
	try {
		core_->postsuspend();
		Refusal why;
		if (!core_->start(why).ok())
			note(Promise::lost, "a set that was in service does not go on");
		core_->resume();
	} catch (const PowerCut &) {
	}
}

// The device is removed and made again; the power stays on. Now and then the first table that is
// made is read-only.
void World::reload(bool read_only)
{
	suspending_ = true;
	core_->presuspend();
	quiet();
	suspending_ = false;
	if (host_.is_cut())
		return;
	try {
		core_->postsuspend();
	} catch (const PowerCut &) {
		return;
	}
	ledger_.take(*core_);
	note_lost();
	owes_ = core_->owes_flush();
	close_core();
	host_.main.end_late(random_, true);
	if (read_only)
		look_read_only();
	if (failed())
		return;
	open();
	if (failed() || over_)
		return;
	ledger_.recovered(*core_);
	adopt_decisions();
	check();
}

void World::look_read_only()
{
	host_.writes = false;
	host_.trouble.forget();
	host_.trouble.armed = false;
	set_dark(host_.trouble.may_be_dark(random_.one_in(2) ? next_dark_ : 0));
	without_ = false;
	host_.second_named = host_.second_named && member_;
	const bool must = host_.trouble.must_load(dark_) && !unsure_ &&
			  (!host_.second_named || dead_ == IoStatus::ok);
	host_.kinds.count(Kind::read_only);
	if (try_open() == Opened::yes) {
		ledger_.peek(*core_);
		check_content();
	} else if (must) {
		note(Promise::lost, "refused read-only: " + refusal_);
	}
	close_core();
	host_.writes = true;
}

// What was refused arrives after all.
void World::land()
{
	if (host_.main.late())
		host_.main.land(random_.below(host_.main.late()));
	if (host_.spare.late())
		host_.land(random_.below(host_.spare.late()));
	if (host_.second.late())
		host_.land_on_second(random_.below(host_.second.late()));
}

} // namespace remap::sim
