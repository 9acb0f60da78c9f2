// SPDX-License-Identifier: GPL-2.0-or-later
// The second spare: it joins and leaves, dies as a whole, is missing, is given up and comes back. The first
// one is always there, so that what a load has to survive of its metadata is counted as ever.
#include <cerrno>
#include <cstdio>

#include "sim/world.h"

namespace remap::sim {

namespace {

constexpr u32 kSecond = 1; // the number it has in the set

}

bool World::on_second(Sector sector) const { return ledger_.may_be_behind(sector, second_first_); }

// ---- joining ----

// Somebody wipes it and prepares it, while the set is in use; then the device is made again with it.
void World::enlist()
{
	if (!setup_.shape.second.sectors || member_ || !has_set_)
		return;
	quiet();
	if (host_.is_cut() || host_.second_named)
		return;
	host_.second.end_late(random_, true);
	for (Sector sector = 0; sector < host_.second.sectors(); ++sector) {
		host_.second.heal(sector);
		host_.second.put(sector, kZeros);
	}
	dead_ = IoStatus::ok;
	host_.second.set_missing(dead_);
	if (!prepare_second())
		return;
	member_ = unsure_ = true;
	reload(false);
}

bool World::prepare_second()
{
	const Sector sectors = setup_.shape.second.sectors;
	Terms terms;
	terms.max_extents = core_->spares().max_extents();
	host_.second_zones = Zones(Layout::of(sectors, terms.max_extents), sectors);
	host_.begin_other();
	host_.trouble.armed = false;
	Status status;
	try {
		Core alone(host_);
		Refusal why;
		status = alone.create({setup_.shape.main.sectors, sectors, setup_.shape.block,
				       setup_.shape.main.physical},
				      terms, why);
		if (status.ok())
			status = alone.prepare(core_->journal().superblock(), why);
		if (!status.ok())
			note(Promise::lost, std::string("a spare cannot be prepared: ") + why.text());
	} catch (const PowerCut &) {
		status = Error::interrupted;
	}
	host_.end_other();
	host_.trouble.armed = true;
	return status.ok();
}

// ---- leaving ----

void World::leave()
{
	quiet();
	if (host_.is_cut() || !host_.second_named || !member_ || leaving_ || ledger_.any_open() ||
	    core_->journal().superblock().members[0].gone())
		return;
	ledger_.take(*core_);
	for (Sector sector = 0; sector < setup_.shape.main.sectors; ++sector) {
		if (!on_second(sector) || ledger_.state(sector) != State::active)
			continue;
		const Address at = core_->spares().address(ledger_.place(sector), 1);
		if (at.device > kFirstSpare && host_.second.is_unreadable(at.sector))
			host_.excused[sector] = true;
	}
	leaving_ = unsure_ = true;
	send("remove_spare 1", Change::move, 0, setup_.shape.main.sectors, 0);
}

void World::left(int result)
{
	leaving_ = false;
	for (Sector sector = 0; sector < setup_.shape.main.sectors; ++sector)
		if (core_->table().lookup(sector, 1).state == State::lost && !host_.excused[sector])
			note(Promise::lost, "a move lost sector " + std::to_string(sector));
	if (result < 0)
		return;
	host_.kinds.count(Kind::left);
	member_ = false;
	host_.owed[kMainDevice] |= host_.owed[kFirstSpare + kSecond];
	host_.owed[kFirstSpare + kSecond] = false;
	Extent extent;
	for (Sector at = 0; core_->table().next(at, &extent); at = extent.main + extent.length)
		if (extent.state != State::pending &&
		    extent.place + extent.length > second_first_)
			note(Promise::leaked, "something is left on a spare that was removed");
}

// ---- dying ----

// It gives nothing any more, or works again. The set notices when it changes something, and goes on.
void World::perish(const Operation &operation)
{
	quiet();
	if (host_.is_cut() || !host_.second_named ||
	    !core_->journal().superblock().members[kSecond].in_use())
		return;
	host_.trouble.note();
	if (dead_ != IoStatus::ok) {
		dead_ = IoStatus::ok;
		return host_.second.set_missing(dead_);
	}
	host_.kinds.count(Kind::perished);
	dead_ = operation.place % 2 ? IoStatus::transport : IoStatus::io;
	host_.second.set_missing(dead_);
	const bool alone = core_->journal().opened() && !host_.trouble.suspects() &&
			   core_->journal().copies() & copies_on(0);
	const u64 hits = host_.trouble.hits();
	sync();
	quiet();
	if (host_.is_cut())
		return;
	if (alone && hits == host_.trouble.hits() && core_->journal().failed())
		note(Promise::lost, "a spare that died took the set with it");
	host_.kinds.count(Kind::lost_members, core_->journal().gone() != 0);
}

// ---- starts ----

// Who is there at the next attempt. Whether it must succeed as far as that goes.
bool World::choose_members(bool last)
{
	without_ = false;
	if (!setup_.shape.second.sectors)
		return true;
	bool away = has_set_ && member_ && random_.one_in(3) && (!last || lost_);
	away |= ask_again_;
	// Back to the first, without which the set may have gone on, is no way forward.
	without_ = away && !last && !lost_ && !unsure_ && !first_lost_ &&
		   !second_lost_first() && random_.one_in(3);
	without_ |= ask_again_;
	asked_ |= without_;
	host_.second_named = member_ && !away;
	if (host_.second_named && (last || random_.one_in(2)))
		dead_ = IoStatus::ok;
	host_.second.set_missing(dead_);
	// Whether it is gone or was removed may depend on which site can be read.
	allow_degraded_ = away || random_.one_in(2) || unsure_;
	excuse_second();
	return !(away && !lost_) && (!host_.second_named || dead_ == IoStatus::ok);
}

// Whether a superblock of the second spare says that the set goes on without the first: a power failure
// may have ended that epoch before anybody could see it in memory.
bool World::second_lost_first() const
{
	if (!host_.second_zones.of(Zone::head).count)
		return false;
	for (const Sector site : host_.second_zones.sites())
		for (const Sector slot : {site, site + kBlockSectors}) {
			const auto found = host_.superblock({kFirstSpare + kSecond, slot});
			if (found && found->members[0].gone())
				return true;
		}
	return false;
}

// What was on it is lost with it, if the operator says so.
void World::excuse_second()
{
	for (Sector sector = 0; sector < setup_.shape.main.sectors; ++sector)
		if (asked_ && on_second(sector)) {
			host_.excused[sector] = true;
			ledger_.may_lose(sector);
		}
}

// A start has succeeded.
void World::note_members()
{
	if (!setup_.shape.second.sectors)
		return;
	const Member &second = core_->journal().superblock().members[kSecond];
	if (core_->spares().exists(kSecond))
		second_first_ = core_->spares().first_place(kSecond);
	host_.kinds.count(Kind::joined, unsure_ && second.in_use());
	host_.kinds.count(Kind::came_back, (lost_ || given_up_) && second.in_use());
	host_.kinds.count(Kind::without, second.gone());
	host_.kinds.count(Kind::given_up, without_);
	Extent extent;
	for (Sector at = 0; given_up_ && second.in_use() && core_->table().next(at, &extent);
	     at = extent.main + extent.length)
		if (extent.state == State::active && extent.place + extent.length > second_first_)
			note(Promise::stale, "a spare that was given up came back as current");
	// Who starts without it accepts that what was not flushed there is at risk: no flush reaches it.
	if (second.gone())
		host_.oracle.power_cut();
	given_up_ = second.given_up();
	asked_ &= second.gone();
	ask_again_ = false;
	lost_ = second.gone();
	member_ = second.state != MemberState::absent;
	unsure_ = told_off_ = false;
	first_lost_ = core_->journal().superblock().members[0].gone();
}

void World::note_lost()
{
	const Superblock &now = core_->journal().superblock();
	lost_ = now.members[kSecond].gone();
	first_lost_ = first_lost_ || now.members[0].gone();
	leaving_ = false;
}

// Of one that had just joined or was leaving when the power failed, the set may know nothing any more; and
// of a repair that was cut short nobody can tell whether it counts.
bool World::is_explained()
{
	const auto says = [this](const char *words) {
		return refusal_.find(words) != std::string::npos;
	};
	const bool removed = unsure_ && host_.second_named && says("which goes on without it; wiped");
	// One site may say so, and be dark at the next start.
	const bool back = told_off_ && !host_.second_named && says("more spares than were named");
	told_off_ = (told_off_ || removed) && !back;
	member_ = (member_ && !removed) || back;
	ask_again_ = asked_ && says("was about to be given up");
	// A site that could not be read before says that it was done.
	const bool done = without_ && says("is not in use; only one that is missing");
	// Of one that was lost and is mostly dark nobody can tell.
	return removed || back || ask_again_ || done || says("which was lost, hold a superblock");
}

u64 World::used_places() const
{
	const Spares &spares = core_->spares();
	const auto counts = [&](Place place) {
		const u32 m = spares.member(place);
		return m == Spares::kNobody || core_->journal().superblock().members[m].in_use();
	};
	u64 used = 0;
	Extent extent;
	for (Sector at = 0; core_->table().next(at, &extent); at = extent.main + extent.length)
		for (u64 i = 0; extent.state != State::pending && i < extent.length; ++i)
			used += counts(extent.place + i);
	for (Sector at = 0; at < spares.data_sectors() && core_->bad().next(at, &extent);
	     at = extent.main + extent.length)
		for (u64 i = 0; i < extent.length; ++i)
			used += counts(extent.main + i);
	return used;
}

} // namespace remap::sim
