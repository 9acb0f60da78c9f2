// SPDX-License-Identifier: GPL-2.0-or-later
// I/O that the core carries out itself: writes that change the table, and whatever failed and got a
// ticket. A thread for each, as the shim has a worker; and what has to hold when it has ended.
#include <algorithm>

#include "sim/traffic.h"

namespace remap::sim {

void Traffic::defer(const Piece &piece)
{
	WaitingPiece &job = waiting(piece);
	host_.oracle.sent(*piece.io, piece.first, piece.sectors);
	host_.oracle.landed(*piece.io, piece.first, piece.sectors);
	line_->defer(job);
	hand_over(job);
}

void Traffic::recover(const Piece &piece, IoStatus status, u8 ticket)
{
	WaitingPiece &job = waiting(piece);
	job.status = status;
	job.ticket = ticket;
	job.token = has_bug(host_, Bug::token_kept) && piece.io->writes();
	line_->recover(job);
	hand_over(job);
}

// It holds no token while it waits, and its doubt covers whole physical blocks of main. Each has a writer
// of its own, who takes the first that nobody has.
void Traffic::hand_over(WaitingPiece &job)
{
	const Piece &piece = job.piece;
	const u32 physical = host_.shape.main.physical;
	const Sector first = round_down(piece.sector(), physical);
	const Sector end = min_of<Sector>(round_up(piece.sector() + piece.sectors, physical),
					  host_.shape.main.sectors);
	ledger_.take(*core_);
	job.id = ledger_.open(Change::recover, first, end - first, 0);
	host_.fibers.spawn([this] {
		try {
			run_writer();
		} catch (const PowerCut &) {
		}
	});
}

void Traffic::run_writer()
{
	auto *job = static_cast<WaitingPiece *>(line_->next_to_write());
	const Piece piece = job->piece;
	const IoStatus status = run_one(*job);
	line_->written(*job);
	forget(job);
	release_held();
	end(piece, status);
}

IoStatus Traffic::carry_out(WaitingPiece &job)
{
	Piece &piece = job.piece;
	const Op op = piece.io->op;
	try {
		return job.ticket ? core_->recover(&piece, op, piece.sector(), piece.sectors, job.status,
						   job.ticket)
				  : core_->deferred_write(&piece, op, piece.sector(), piece.sectors);
	} catch (const PowerCut &) {
		host_.kinds.count(Kind::cut_recovery, job.ticket != 0);
		throw;
	}
}

// How it ends, which is still to be told to its user.
IoStatus Traffic::run_one(WaitingPiece &job)
{
	Piece &piece = job.piece;
	const Ledger::Id id = job.id;
	const u8 ticket = job.ticket;
	const u64 hits = host_.trouble.hits();
	const u64 refused = host_.refused_by_spare;
	const Op op = piece.io->op;
	host_.begin_tries();
	const IoStatus status = carry_out(job);
	host_.say(ticket ? "recovery of" : "deferred write of", kMainDevice, piece.sector(),
		  piece.sectors, status);
	const bool ok = status == IoStatus::ok;
	const bool in_doubt = !ok && core_->journal().failed();
	ledger_.take(*core_);
	const bool lucky = hits == host_.trouble.hits();
	const Host::TriesOf tries = host_.end_tries();
	check_recovered(piece, status, ticket, id, lucky, tries);
	if (op == Op::read)
		check_tries(tries, id,
			    lucky && refused == host_.refused_by_spare && has_place(piece) &&
				    (ok || status == IoStatus::medium),
			    Kind::rescued);
	check_failed_places(&piece, id, lucky);
	if (ok && op != Op::read)
		check_written(piece, id);
	if (ok && op != Op::read && lucky && refused == host_.refused_by_spare)
		check_neighbours(piece, id);
	// Zeros are no request to the spare: what else was put there forward() has noted.
	for (u32 i = 0; ok && op == Op::write_zeroes && i < piece.sectors; ++i)
		if (ledger_.moved(id, piece.sector() + i))
			piece.io->redirected[piece.first + i] = true;
	ledger_.close(id, ok, in_doubt, *core_);
	// A message that waits may still give up what is there.
	if (op != Op::read)
		for (Sector i = piece.sector(); i < piece.sector() + piece.sectors; ++i)
			host_.excused[i] = host_.excused[i] &&
					   (ledger_.touches_open(i, 1) ||
					    ledger_.state(i) == State::lost ||
					    ledger_.state(i) == State::pending);
	return status;
}

// Whether so many changes more fit into the table.
bool Traffic::has_room(u64 changes) const
{
	return ledger_.stretches() + 2 * changes + 2 <= core_->spares().max_extents();
}

// `lucky`: nothing else went wrong meanwhile.
void Traffic::check_recovered(const Piece &piece, IoStatus status, bool failed, Ledger::Id id,
			      bool lucky, const Host::TriesOf &tries)
{
	const bool ok = status == IoStatus::ok;
	if (!ok && !failed && status != IoStatus::no_space && !host_.trouble.any())
		host_.oracle.violate(Promise::lost, "a deferred write failed without a reason");
	if (!core_->journal().opened())
		return;
	if (piece.io->op == Op::read && status == IoStatus::medium)
		check_read_failed(piece, id, tries);
	const bool recorded = piece.io->op == Op::read && status == IoStatus::medium && lucky &&
			      has_room(piece.sectors);
	for (u32 i = 0; i < piece.sectors; ++i) {
		const Sector sector = piece.sector() + i;
		const State state = ledger_.state(sector);
		// Unless it was pending, and then written and moved back to main before the read ended.
		if (recorded && host_.excused[sector] && host_.main.is_unreadable(sector) &&
		    state == State::none && !ledger_.disturbed(id, sector))
			host_.oracle.violate(Promise::lost, "sector " + std::to_string(sector) +
								    " is unreadable and not pending");
		if (state == State::pending && !host_.excused[sector] &&
		    ledger_.state_before(id, sector) == State::none)
			host_.oracle.violate(Promise::lost, "sector " + std::to_string(sector) +
								    " is pending without a reason");
	}
}

// Whoever is told of unreadable sectors asked for one that the core could not read however often it
// tried, or that is lost, unless somebody has written it since.
void Traffic::check_read_failed(const Piece &piece, Ledger::Id id, const Host::TriesOf &tries)
{
	if (piece.io->unread_spare)
		return;
	for (Sector sector = piece.sector(); sector < piece.sector() + piece.sectors; ++sector)
		if (ledger_.disturbed(id, sector) ||
		    (host_.excused[sector] && ledger_.state(sector) == State::lost))
			return;
	for (const auto &[sector, of] : tries)
		if (piece.io->touches(sector, host_.shape.block) && worn_out(of))
			return;
	host_.oracle.violate(Promise::lost, "a read of sector " + std::to_string(piece.sector()) +
						    " failed and none of it was unreadable");
}

// The first read of a block that failed by itself, and as many again as the policy allows.
bool Traffic::worn_out(const Host::Tries &tries) const
{
	return !tries.came_back && tries.failed > host_.policy.retries;
}

// Whether what a recovery moves finds a place, whatever it is.
bool Traffic::has_place(const Piece &piece) const
{
	constexpr u64 kInHands = 128; // others may have taken what is not mapped yet
	const u64 used = core_->table().mapped_sectors() + core_->bad().pending_sectors();
	return core_->journal().opened() && !core_->journal().gone() &&
	       used + kInHands <= places_of_set(*core_) &&
	       has_room(piece.sectors + 2 * host_.shape.main.physical);
}

// What came back in as many tries as the policy allows is moved, given a place, and neither pending nor
// excused.
void Traffic::check_tries(const Host::TriesOf &all, Ledger::Id id, bool must_move, Kind rescued)
{
	const u32 block = host_.shape.block;
	must_move &= host_.policy.budget_remaps == Policy::kBudgetRemaps;
	for (const auto &[at, tries] : all) {
		const Sector sector = at; // of which a function can be made
		const bool worn = worn_out(tries);
		host_.kinds.count(Kind::worn_out, worn ? block : 0);
		if (worn || ledger_.disturbed(id, sector))
			continue;
		const State state = ledger_.state(sector);
		const auto violate = [&](const char *what) {
			host_.oracle.violate(Promise::lost, "sector " + std::to_string(sector) + what);
		};
		if (state == State::pending && ledger_.state_before(id, sector) == State::none)
			violate(" is pending, and more tries were allowed");
		if (!tries.came_back)
			continue;
		if (must_move && state != State::active)
			violate(" came back after some tries and is left where it is");
		host_.kinds.count(rescued, ledger_.moved(id, sector) ? block : 0);
		for (Sector i = sector; i < sector + block; ++i)
			host_.excused[i] = state == State::lost;
	}
}

// Which failures are acted on: none of the path, and the others as the table line says.
void Traffic::check_policy(const Piece &piece, IoStatus status, bool ticket)
{
	if (status == IoStatus::ok)
		return;
	const Policy &policy = host_.policy;
	const bool read = piece.io->op == Op::read;
	const bool path = blame(status) == Blame::path;
	const bool possible = !path && piece.io->op != Op::discard &&
			      (read ? piece.device == kMainDevice : core_->journal().opened());
	const bool wanted = read ? policy.retry_reads : policy.remap_writes;
	host_.kinds.count(Kind::not_wanted, possible && !wanted);
	if (ticket && path)
		host_.oracle.violate(Promise::lost, "an error of the path is acted on");
	else if (ticket != (possible && wanted))
		host_.oracle.violate(Promise::lost, ticket ? "a failure is acted on against the policy"
							   : "a failure is not acted on");
}

// Each sector has a content, and what could not be read is not tried on main any more.
void Traffic::check_written(const Piece &piece, Ledger::Id id)
{
	for (u32 i = 0; i < piece.sectors; ++i) {
		const Sector sector = piece.sector() + i;
		const State state = ledger_.state(sector);
		const bool disturbed = ledger_.disturbed(id, sector);
		const bool pending = state == State::pending && !disturbed;
		// Main took it, and did not give it back to a message that moved it since.
		const bool gone = disturbed && host_.excused[sector];
		if (pending || (state == State::lost && !gone))
			host_.oracle.violate(Promise::lost, "sector " + std::to_string(sector) +
								    " was written and is still " +
								    (pending ? "pending" : "lost"));
	}
}

// Where a part of a physical block had to go, the rest of it may not stay, if there is room for it.
void Traffic::check_neighbours(const Piece &piece, Ledger::Id id)
{
	const u32 physical = host_.shape.main.physical;
	const Sector end = piece.sector() + piece.sectors;
	if (!has_place(piece))
		return;
	for (const Sector one : {piece.sector(), end - 1}) {
		const Sector block = round_down(one, physical);
		const Sector limit =
			min_of<Sector>(block + physical, host_.shape.main.sectors);
		bool moved = false;
		bool stays = false;
		for (Sector sector = block; sector < limit; ++sector) {
			const State state = ledger_.state(sector);
			const bool whole = ledger_.state_before(id, sector) == State::none &&
					   !ledger_.disturbed(id, sector);
			const bool inside = sector >= piece.sector() && sector < end;
			moved |= inside && host_.main.is_unwritable(sector) &&
				 state == State::active && whole;
			stays |= state == State::none && whole;
		}
		if (moved && stays)
			host_.oracle.violate(Promise::lost,
					     "the rest of the physical block at sector " +
						     std::to_string(block) + " was left behind");
	}
}

// Bad for good, or still in use because nothing else took its place; or free because a message moved its
// sector away between two steps: nobody was told that it had failed, and who gets it next finds out.
void Traffic::check_failed_places(Request request, Ledger::Id id, bool lucky)
{
	for (const Host::FailedPlace &one : host_.failed_places) {
		if (!lucky || one.request != request || !core_->journal().opened())
			continue;
		const u32 member = one.device - kFirstSpare;
		if (core_->journal().gone() >> member & 1 || !core_->uses(one.device))
			continue; // of what the set goes on without nothing is bad
		const Layout &layout = core_->layout(member);
		const bool behind = one.sector >= layout.middle_site();
		const Sector place = core_->spares().first_place(member) + one.sector -
				     layout.physical(0) - (behind ? kSiteSectors : 0);
		Extent found;
		bool kept = core_->bad().next(place, &found) && found.main <= place;
		for (Sector at = 0; !kept && at < core_->main_sectors() &&
				    core_->table().next(at, &found);
		     at = found.main + found.length)
			kept = found.state != State::pending && found.place <= place &&
			       place < found.place + found.length;
		if (!kept && !ledger_.disturbed(id, one.main))
			host_.oracle.violate(Promise::lost, "place " + std::to_string(place) +
								    " failed and is free again");
	}
	std::erase_if(host_.failed_places, [request](const Host::FailedPlace &one) {
		return one.request == request;
	});
}

} // namespace remap::sim
