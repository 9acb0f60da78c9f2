// SPDX-License-Identifier: GPL-2.0-or-later
// Ledger: which mappings there have to be, and which may be.
//
// What the table showed to I/O is durable by the protocol, so a recovery has to bring back exactly
// what stood in memory when the power failed. Exempt are the ranges of messages and deferred writes
// that had not been answered: there each sector may be as before, or as it would have become.
#pragma once

#include <string>
#include <vector>

#include "sim/core.h"

namespace remap::sim {

// recover: an I/O that failed, or a write that changes the table.
// move: what is mapped is put elsewhere.
enum class Change : u8 { add, relocate, remove, recover, move };

class Ledger {
public:
	using Id = u32;

	// `short_of_memory`: a message that is taken back may forget what was pending.
	Ledger(Sector main_sectors, bool short_of_memory)
	    : claims_(main_sectors), losable_(main_sectors), short_of_memory_(short_of_memory)
	{
	}

	// A message or a deferred write begins that may change these sectors.
	Id open(Change change, Sector main, u64 count, Place place);
	// It was answered. The table is what it is now; `done`: the change must be there, all of
	// it. An answer that says nothing (in doubt) leaves the range open until the next recovery.
	void close(Id id, bool done, bool in_doubt, const Core &core);
	bool touches_open(Sector main, u64 count) const;
	bool any_open() const { return !doubts_.empty(); }

	// The table as it is in memory now, which may differ from before in open ranges only.
	void take(const Core &core);
	// A table that was loaded to be read only: what is in doubt stays so.
	void peek(const Core &core);
	// The table after a recovery.
	void recovered(const Core &core);

	// Places owned twice or outside, and the sum against what the core calls used.
	static std::string check_places(const Core &core);
	// What an open change began with. Outside of it: State::none.
	State state_before(Id id, Sector sector) const;
	// Whether anything else may have changed a sector since that change began.
	bool disturbed(Id id, Sector sector) const;
	// Whether it alone can have given a sector the place where it is now.
	bool moved(Id id, Sector sector) const;

	// What is mapped may be found lost after the next load, or that behind it.
	void may_lose(Sector sector) { losable_[sector] = true; }
	void may_lose_no_more() { losable_.assign(losable_.size(), false); }

	const std::string &violation() const { return violation_; }
	Place place(Sector sector) const { return claims_[sector].place; }
	// Whether it is mapped to a place from `first` on, or was before a change that is still open.
	bool may_be_behind(Sector sector, Place first) const;
	State state(Sector sector) const { return claims_[sector].state; }
	// As a checkpoint counts them: of the table and of the places that failed.
	u64 stretches() const { return runs_.size() + bad_runs_; }

private:
	struct Claim {
		State state = State::none;
		bool boundary = false;
		Place place = 0;
		bool operator==(const Claim &) const = default;
	};
	// What the table has of a sector at which the runs differ.
	struct Found {
		Sector sector;
		bool there; // or only before
		Claim claim;
	};
	struct Doubt {
		Id id;
		Change change;
		Sector main;
		u64 count;
		Place place;
		std::vector<Claim> before;
		std::vector<u8> touched; // by what ended meanwhile: a bit for each kind
		bool covers(Sector sector) const { return sector >= main && sector < main + count; }
	};

	const Doubt *find(Id id) const;
	u8 touched_by(const Doubt &doubt, Sector sector) const;
	void touch(const Doubt &closed);
	bool recovering(Id since) const;
	bool removed(const Core &core, Place place) const;
	void look(const Core &core, const char *when);
	void note_difference(const Extent &run, bool there);
	void adopt();
	void take_bad(const Core &core, bool loaded);
	bool allowed(Sector sector, const Claim &found) const;
	bool became(const Doubt &doubt, Sector sector, const Claim &found) const;
	bool is_done(const Doubt &doubt, Sector sector, const Claim &found) const;
	bool at_border(Sector sector) const;
	void violate(const char *when, Sector sector, const Claim &found);

	std::vector<Claim> claims_; // by sector
	std::vector<bool> losable_;
	bool short_of_memory_;
	std::vector<Extent> runs_;  // the same as the table tells it
	// Places that are never handed out again, with the number of the next change when each was
	// first seen; else 0.
	std::vector<Id> bad_;
	u64 bad_runs_ = 0;
	std::vector<Doubt> doubts_;
	// Of the last look: the table, and the sectors in which it is not what it was.
	std::vector<Extent> found_runs_;
	std::vector<Found> found_;
	std::string violation_;
	Id next_ = 1;
};

} // namespace remap::sim
