// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/ledger.h"

#include <algorithm>

namespace remap::sim {

namespace {

bool mapped(State state) { return state == State::active || state == State::lost; }

constexpr u8 bit(Change change) { return static_cast<u8>(1u << static_cast<unsigned>(change)); }

bool same(const Extent &a, const Extent &b)
{
	return a.main == b.main && a.length == b.length && a.place == b.place &&
	       a.state == b.state && a.boundary == b.boundary;
}

} // namespace

// A table changes in a few places between two looks, so runs are compared, not sectors.
void Ledger::look(const Core &core, const char *when)
{
	found_runs_.clear();
	found_.clear();
	Extent run;
	for (Sector at = 0; at < claims_.size() && core.table().next(at, &run);
	     at = run.main + run.length)
		found_runs_.push_back(run);
	auto before = runs_.begin();
	auto now = found_runs_.begin();
	while (before != runs_.end() || now != found_runs_.end()) {
		const bool both = before != runs_.end() && now != found_runs_.end();
		if (both && same(*before, *now)) {
			++before;
			++now;
		} else if (now == found_runs_.end() || (both && before->main <= now->main)) {
			note_difference(*before++, false);
		} else {
			note_difference(*now++, true);
		}
	}
	// Of a sector in an old and in a new run the new one counts: it is the last.
	std::sort(found_.begin(), found_.end(), [](const Found &a, const Found &b) {
		return a.sector != b.sector ? a.sector < b.sector : a.there < b.there;
	});
	for (usize i = 0; i < found_.size(); ++i) {
		const Found &one = found_[i];
		const bool last = i + 1 == found_.size() || found_[i + 1].sector != one.sector;
		if (last && !(one.claim == claims_[one.sector]) && !allowed(one.sector, one.claim))
			violate(when, one.sector, one.claim);
	}
}

void Ledger::note_difference(const Extent &run, bool there)
{
	for (u64 i = 0; i < run.length; ++i) {
		Claim claim;
		if (there)
			claim = {run.state, run.boundary && !i,
				 mapped(run.state) ? run.place + i : 0};
		found_.push_back({run.main + i, there, claim});
	}
}

void Ledger::adopt()
{
	for (const Found &one : found_)
		claims_[one.sector] = one.claim;
	runs_.swap(found_runs_);
}

Ledger::Id Ledger::open(Change change, Sector main, u64 count, Place place)
{
	const auto first = claims_.begin() + static_cast<std::ptrdiff_t>(main);
	doubts_.push_back({next_,
			   change,
			   main,
			   count,
			   place,
			   {first, first + static_cast<std::ptrdiff_t>(count)},
			   std::vector<u8>(count)});
	return next_++;
}

bool Ledger::touches_open(Sector main, u64 count) const
{
	return std::any_of(doubts_.begin(), doubts_.end(), [&](const Doubt &one) {
		return Stretch{one.main, one.count}.touches(main, count);
	});
}

bool Ledger::may_be_behind(Sector sector, Place first) const
{
	const auto behind = [first](const Claim &claim) {
		return mapped(claim.state) && claim.place >= first;
	};
	return behind(claims_[sector]) ||
	       std::any_of(doubts_.begin(), doubts_.end(), [&](const Doubt &one) {
		       return one.covers(sector) && behind(one.before[sector - one.main]);
	       });
}

bool Ledger::became(const Doubt &doubt, Sector sector, const Claim &found) const
{
	const Claim &before = doubt.before[sector - doubt.main];
	switch (doubt.change) {
	case Change::add:
		return mapped(found.state) && found.place == doubt.place + (sector - doubt.main);
	case Change::relocate:
		return mapped(found.state);
	case Change::remove:
		return found.state == State::none;
	case Change::recover:
		// What a message made of it meanwhile may be what is durable.
		if (found.state == State::lost)
			return touched_by(doubt, sector) & ~bit(Change::recover);
		return found.state != State::none || before.state == State::pending;
	case Change::move:
		return mapped(before.state) && mapped(found.state) &&
		       (found.state == before.state || found.state == State::lost);
	}
	return false;
}

// What of a recovery has to be there, whoever waits for it looks at. Places that an addition named
// may fail before its message is answered. A removal leaves what was pending as it is, and I/O may
// fail where something was just given back.
bool Ledger::is_done(const Doubt &doubt, Sector sector, const Claim &found) const
{
	if (doubt.change == Change::recover || doubt.change == Change::move ||
	    became(doubt, sector, found))
		return true;
	if (doubt.change == Change::add && mapped(found.state))
		return touched_by(doubt, sector) & bit(Change::recover);
	if (doubt.change != Change::remove || found.state == State::lost)
		return false;
	const bool pending = doubt.before[sector - doubt.main].state == State::pending &&
			     found.state == State::pending;
	return pending || (touched_by(doubt, sector) & bit(Change::recover));
}

bool Ledger::at_border(Sector sector) const
{
	return std::any_of(doubts_.begin(), doubts_.end(),
			   [&](const Doubt &one) { return sector == one.main + one.count; });
}

// A border's boundary bit may come and go with what lies before it.
bool Ledger::allowed(Sector sector, const Claim &found) const
{
	const Claim &claim = claims_[sector];
	const bool alike = claim.state == found.state && claim.place == found.place;
	if (alike && (claim.boundary == found.boundary || at_border(sector)))
		return true;
	// Lost is durable with the copy that its spare gets when it is back, and with no load before.
	const auto lost_or_back = [&](const Claim &from) {
		return losable_[sector] && mapped(found.state) && mapped(from.state) &&
		       found.place == from.place;
	};
	if (lost_or_back(claim))
		return true;
	for (const Doubt &doubt : doubts_) {
		if (!doubt.covers(sector))
			continue;
		const Claim &before = doubt.before[sector - doubt.main];
		if (lost_or_back(before))
			return true;
		const bool forgotten = short_of_memory_ && doubt.change != Change::recover &&
				       before.state == State::pending &&
				       found.state == State::none;
		// I/O that ended since has made it whole where it was, or found it unreadable.
		const bool whole = before.state == State::lost && found.state == State::active &&
				   before.place == found.place;
		const bool unread = before.state == State::none && found.state == State::pending;
		const bool by_io =
			(whole || unread) && touched_by(doubt, sector) & bit(Change::recover);
		if (alike || forgotten || by_io || became(doubt, sector, found) ||
		    (before.state == found.state && before.place == found.place))
			return true;
	}
	return false;
}

void Ledger::violate(const char *when, Sector sector, const Claim &found)
{
	static constexpr const char *kNames[] = {"none", "active", "lost", "pending"};
	if (!violation_.empty())
		return;
	const auto say = [](const Claim &claim) {
		return std::string(kNames[static_cast<usize>(claim.state)]) + " at " +
		       std::to_string(claim.place) + (claim.boundary ? ", a beginning" : "");
	};
	violation_ = std::string(when) + ": sector " + std::to_string(sector) + " is " +
		     say(found) + " and was " + say(claims_[sector]);
}

void Ledger::take(const Core &core)
{
	look(core, "in memory");
	adopt();
	take_bad(core, false);
}

void Ledger::close(Id id, bool done, bool in_doubt, const Core &core)
{
	take(core);
	const auto one = std::find_if(doubts_.begin(), doubts_.end(),
				      [id](const Doubt &doubt) { return doubt.id == id; });
	if (in_doubt)
		return;
	for (Sector i = 0; done && i < one->count; ++i)
		if (!is_done(*one, one->main + i, claims_[one->main + i]))
			violate("after an acknowledged change", one->main + i,
				claims_[one->main + i]);
	const Doubt closed = *one;
	doubts_.erase(one);
	touch(closed);
}

// A change in progress that is taken back leaves what a recovery made meanwhile.
void Ledger::touch(const Doubt &closed)
{
	for (Doubt &doubt : doubts_)
		for (u64 i = 0; i < doubt.count; ++i) {
			const Sector sector = doubt.main + i;
			if (!closed.covers(sector))
				continue;
			doubt.touched[i] |= bit(closed.change);
			if (closed.change == Change::recover &&
			    !became(doubt, sector, claims_[sector]))
				doubt.before[i] = claims_[sector];
		}
}

const Ledger::Doubt *Ledger::find(Id id) const
{
	const auto one = std::find_if(doubts_.begin(), doubts_.end(),
				      [id](const Doubt &doubt) { return doubt.id == id; });
	return one == doubts_.end() ? nullptr : &*one;
}

State Ledger::state_before(Id id, Sector sector) const
{
	const Doubt *doubt = find(id);
	return doubt && doubt->covers(sector) ? doubt->before[sector - doubt->main].state
					      : State::none;
}

// What ended since it began, and what is under way beside it.
u8 Ledger::touched_by(const Doubt &doubt, Sector sector) const
{
	u8 kinds = doubt.touched[sector - doubt.main];
	for (const Doubt &other : doubts_)
		if (other.id != doubt.id && other.covers(sector))
			kinds |= bit(other.change);
	return kinds;
}

bool Ledger::disturbed(Id id, Sector sector) const
{
	const Doubt *doubt = find(id);
	return !doubt || !doubt->covers(sector) || touched_by(*doubt, sector);
}

bool Ledger::moved(Id id, Sector sector) const
{
	if (disturbed(id, sector) || claims_[sector].state != State::active)
		return false;
	const Doubt *doubt = find(id);
	const Claim &before = doubt->before[sector - doubt->main];
	return before.state != State::active || before.place != claims_[sector].place;
}

// Whether a recovery that began before change `since` is under way.
bool Ledger::recovering(Id since) const
{
	return std::any_of(doubts_.begin(), doubts_.end(), [since](const Doubt &doubt) {
		return doubt.change == Change::recover && doubt.id < since;
	});
}

// Whether the spare of a place has left the set, or is about to.
bool Ledger::removed(const Core &core, Place place) const
{
	const u32 m = core.spares().member(place);
	return m == Spares::kNobody ||
	       core.journal().superblock().members[m].state == MemberState::absent ||
	       std::any_of(doubts_.begin(), doubts_.end(),
			   [](const Doubt &doubt) { return doubt.change == Change::move; });
}

// A place that is bad stays so. What a recovery was about to record may be missing after a power
// failure, as it may be of the table.
void Ledger::take_bad(const Core &core, bool loaded)
{
	Extent run;
	if (!bad_runs_ && !core.bad().next(0, &run))
		return;
	std::vector<Id> found(core.spares().data_sectors());
	bad_.resize(found.size());
	bad_runs_ = 0;
	for (Sector at = 0; at < found.size() && core.bad().next(at, &run);
	     at = run.main + run.length, ++bad_runs_)
		for (u64 i = 0; i < run.length; ++i)
			found[run.main + i] = bad_[run.main + i] ? bad_[run.main + i] : next_;
	for (Sector place = 0; place < bad_.size(); ++place)
		if (bad_[place] && !found[place] && violation_.empty() &&
		    !(loaded && recovering(bad_[place])) && !removed(core, place))
			violation_ = "place " + std::to_string(place) + " was bad and is not";
	bad_ = std::move(found);
}

void Ledger::peek(const Core &core) { look(core, "read-only"); }

void Ledger::recovered(const Core &core)
{
	look(core, "after recovery");
	adopt();
	take_bad(core, true);
	doubts_.clear();
}

std::string Ledger::check_places(const Core &core)
{
	std::vector<bool> owned(core.spares().data_sectors());
	Extent found;
	for (Sector at = 0; at < owned.size() && core.bad().next(at, &found);
	     at = found.main + found.length)
		for (u64 i = 0; i < found.length; ++i)
			owned[found.main + i] = true;
	for (Sector at = 0; at < core.main_sectors() && core.table().next(at, &found);
	     at = found.main + found.length) {
		if (!mapped(found.state))
			continue;
		for (u64 i = 0; i < found.length; ++i) {
			const Sector place = found.place + i;
			if (place >= owned.size() || owned[place])
				return "place " + std::to_string(place) +
				       (place < owned.size() ? " is owned twice" : " is outside");
			owned[place] = true;
		}
	}
	return {};
}

} // namespace remap::sim
