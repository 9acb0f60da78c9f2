// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/ledger.h"

#include <algorithm>

namespace remap::sim {

namespace {

bool mapped(State state) { return state == State::active || state == State::lost; }

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
			   {first, first + static_cast<std::ptrdiff_t>(count)}});
	return next_++;
}

bool Ledger::touches_open(Sector main, u64 count) const
{
	return std::any_of(doubts_.begin(), doubts_.end(), [&](const Doubt &one) {
		return Stretch{one.main, one.count}.touches(main, count);
	});
}

bool Ledger::became(const Doubt &doubt, Sector sector, const Claim &found) const
{
	const Claim &before = doubt.before[sector - doubt.main];
	const Claim &now = claims_[sector];
	switch (doubt.change) {
	case Change::add:
		return mapped(found.state) && found.place == doubt.place + (sector - doubt.main);
	case Change::relocate:
		return mapped(found.state);
	case Change::remove:
		return found.state == State::none;
	case Change::revive:
		return mapped(found.state) &&
		       (found.place == before.place || found.place == now.place);
	}
	return false;
}

// A write to a lost sector may meet another place by the time it is carried out.
bool Ledger::is_done(const Doubt &doubt, Sector sector, const Claim &found) const
{
	if (doubt.change == Change::revive)
		return found.state != State::lost;
	return became(doubt, sector, found);
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
	for (const Doubt &doubt : doubts_) {
		if (!doubt.covers(sector))
			continue;
		const Claim &before = doubt.before[sector - doubt.main];
		if (alike || became(doubt, sector, found) ||
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
	if (done && one->change == Change::revive)
		revived(one->main, one->count);
	doubts_.erase(one);
}

// What a change in progress may leave as it was, is now alive.
void Ledger::revived(Sector main, u64 count)
{
	for (Doubt &doubt : doubts_)
		for (u64 i = 0; i < doubt.count; ++i)
			if (Stretch{main, count}.touches(doubt.main + i, 1) &&
			    doubt.before[i].state == State::lost)
				doubt.before[i].state = State::active;
}

void Ledger::peek(const Core &core) { look(core, "read-only"); }

void Ledger::recovered(const Core &core)
{
	look(core, "after recovery");
	adopt();
	doubts_.clear();
}

std::string Ledger::check_places(const Core &core)
{
	std::vector<bool> owned(core.layout().data_sectors());
	Extent found;
	for (Sector at = 0; at < core.main_sectors() && core.table().next(at, &found);
	     at = found.main + found.length) {
		if (!mapped(found.state))
			continue;
		for (u64 i = 0; i < found.length; ++i) {
			const Sector place = sector_of(found.place) + i;
			if (place >= owned.size() || owned[place])
				return "place " + std::to_string(place) +
				       (place < owned.size() ? " is owned twice" : " is outside");
			owned[place] = true;
		}
	}
	return {};
}

} // namespace remap::sim
