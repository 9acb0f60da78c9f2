// SPDX-License-Identifier: GPL-2.0-or-later
// Traffic: the users' I/O on its way through the core and the devices. It does what the kernel shim
// does: asks map(), counts what is in flight, and lets wait and go on what the core's line says. Its
// dispatcher does a part at a time, between anything that others do.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sim/core.h"
#include "sim/ledger.h"

namespace remap::sim {

class Traffic final : public Users {
public:
	Traffic(Host &host, Ledger &ledger) : host_(host), ledger_(ledger) { line_.emplace(host_); }

	void set_core(Core *core) { core_ = core; }

	// Whether a write there would meet one that has not ended.
	bool busy(Sector sector, u32 sectors) const;
	// Or is with the core.
	bool somebody_waits() const { return !waiting_.empty(); }
	// One of those; nullptr: all of it was sent on. REQUIRES: somebody waits.
	const Piece *some_waiting() const;
	void start(Op op, Sector sector, u32 sectors, bool fua, const std::vector<Content> &data);
	void start_flush();

	// How many steps there are to choose from, and takes one. The power may fail in it.
	usize choices() const { return in_flight_.size() + flushing_.size() + dispatches(); }
	void step(usize choice);
	bool idle() const { return ios_.empty() && flushes_.empty(); }
	// After a power failure: what was on its way may have arrived, or not.
	void power_cut();

	// ---- Users ----
	void release_held() override { pass_is_due_ = true; }
	// Carries out what is in flight to the range of main, but for reads of main itself.
	void finish(Sector sector, u64 length) override;
	bool holds_token(Sector sector, u64 length) const override;
	void hurry_flush() override;
	void scan_failed(Sector sector, u64 count) override;

	// Never twice at a time.
	void scan_turn();

	u64 writes() const { return writes_; }

private:
	using Waiters = std::vector<std::unique_ptr<WaitingPiece>>;

	usize dispatches() const { return pass_is_due_ || in_pass_; }
	bool waits_behind(const Piece &piece);
	void route(Piece piece);
	bool ask(const Piece &piece, Mapping *to);
	void follow(const Piece &piece, const Mapping &to);
	WaitingPiece &waiting(const Piece &piece);
	void forget(const WaitingPiece *waiting);
	void wait_fence(const Piece &piece);
	// ---- the dispatcher ----
	void dispatch();
	void dispatch_flushes();
	bool send_part(WaitingPiece &hand);
	// recovery.cc: a write that was deferred, or with a ticket an I/O that failed.
	void defer(const Piece &piece);
	void recover(const Piece &piece, IoStatus status, u8 ticket);
	void hand_over(WaitingPiece &waiting);
	void run_writer();
	IoStatus carry_out(WaitingPiece &job);
	IoStatus run_one(WaitingPiece &job);
	void check_recovered(const Piece &piece, IoStatus status, bool failed, Ledger::Id id,
			     bool lucky, const Host::TriesOf &tries);
	void check_read_failed(const Piece &piece, Ledger::Id id, const Host::TriesOf &tries);
	bool has_place(const Piece &piece) const;
	bool worn_out(const Host::Tries &tries) const;
	void check_tries(const Host::TriesOf &all, Ledger::Id id, bool must_move, Kind rescued);
	void check_policy(const Piece &piece, IoStatus status, bool ticket);
	void check_written(const Piece &piece, Ledger::Id id);
	void check_neighbours(const Piece &piece, Ledger::Id id);
	void check_failed_places(Request request, Ledger::Id id, bool lucky);
	bool has_room(u64 changes) const;
	void check_scanned(Ledger::Id id);
	void perform(usize index);
	void send_flush(const FlushPiece &piece);
	void flush_one(usize index);
	void end_flush(const FlushPiece &piece);
	bool some_flush_failed() const;
	void doubt_flushes();
	void end(const Piece &piece, IoStatus status);
	void end_if_done(UserIo *io);

	Host &host_;
	Ledger &ledger_;
	Core *core_ = nullptr;
	std::vector<std::unique_ptr<UserIo>> ios_;
	std::vector<Piece> in_flight_;
	// Who waits or is with the writer, and the core's line of them: anew after each power failure.
	Waiters waiting_;
	std::vector<std::unique_ptr<WaitingFlush>> waiting_flushes_;
	std::optional<WaitingLine<Host>> line_;
	WaitingPiece *hand_ = nullptr; // the dispatcher's
	bool pass_is_due_ = false;
	bool in_pass_ = false;
	std::vector<std::unique_ptr<UserFlush>> flushes_;
	std::vector<FlushPiece> flushing_;
	u64 writes_ = 0;
	std::optional<Ledger::Id> scanned_; // what the turn at hand may change:
	Sector scan_first_ = 0;
	Sector scan_end_ = 0;
};

} // namespace remap::sim
