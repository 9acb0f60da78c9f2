// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/traffic.h"

#include <algorithm>

namespace remap::sim {

namespace {

bool tracked(const Piece &piece) { return piece.io->op != Op::read || piece.device != kMainDevice; }

} // namespace

bool Traffic::busy(Sector sector, u32 sectors) const
{
	return std::any_of(ios_.begin(), ios_.end(), [&](const auto &io) {
		return io->writes() && io->touches(sector, sectors);
	});
}

const Piece *Traffic::some_waiting() const
{
	const Piece &one = waiting_[host_.chance.below(waiting_.size())]->piece;
	return one.sectors ? &one : nullptr;
}

void Traffic::start(Op op, Sector sector, u32 sectors, bool fua, const std::vector<Content> &data)
{
	ios_.push_back(std::make_unique<UserIo>());
	UserIo *io = ios_.back().get();
	*io = {op, sector, sectors, fua, 0, data, {}, {}, 1};
	io->data.resize(sectors);
	io->status.assign(sectors, IoStatus::ok);
	io->redirected.assign(sectors, false);
	writes_ += io->writes();
	host_.oracle.issued(*io);
	const Piece whole{io, 0, sectors};
	if (waits_behind(whole))
		return;
	route(whole);
	--io->open;
	end_if_done(io);
}

bool Traffic::waits_behind(const Piece &piece)
{
	auto newcomer = std::make_unique<WaitingPiece>(piece);
	if (!line_->wait_behind(*newcomer))
		return false;
	host_.kinds.count(Kind::waited_behind);
	waiting_.push_back(std::move(newcomer));
	return true;
}

WaitingPiece &Traffic::waiting(const Piece &piece)
{
	return *waiting_.emplace_back(std::make_unique<WaitingPiece>(piece));
}

void Traffic::forget(const WaitingPiece *waiting)
{
	std::erase_if(waiting_, [waiting](const auto &one) { return one.get() == waiting; });
}

// Asks map() for each part, as the shim does for a bio that it cuts.
void Traffic::route(Piece piece)
{
	Mapping to;
	for (u32 left = piece.sectors; left; left -= to.sectors) {
		if (!ask(piece, &to))
			return;
		Piece part = piece;
		part.sectors = to.sectors;
		++piece.io->open;
		if (to.verdict == Verdict::hold)
			wait_fence(part);
		else
			follow(part, to);
		piece.first += to.sectors;
		piece.sectors -= to.sectors;
	}
}

bool Traffic::ask(const Piece &piece, Mapping *to)
{
	*to = core_->map(piece.io->op, piece.sector(), piece.sectors);
	if (to->sectors && to->sectors <= piece.sectors)
		return true;
	host_.oracle.violate(Promise::lost, "map() answered for a wrong number of sectors");
	return false;
}

// Nobody else is at work meanwhile.
void Traffic::wait_fence(const Piece &piece)
{
	if (!line_->wait_fence(waiting(piece), piece.sectors, *core_))
		host_.oracle.violate(Promise::lost, "map() holds back what is in no fence");
}

// Does with a part what map() said. Not for those that it holds back.
void Traffic::follow(const Piece &part, const Mapping &to)
{
	Piece piece = part;
	piece.device = to.device;
	piece.physical = to.sector;
	switch (to.verdict) {
	case Verdict::hold:
		return;
	case Verdict::submit:
		host_.oracle.sent(*piece.io, piece.first, piece.sectors);
		in_flight_.push_back(piece);
		return;
	case Verdict::defer:
		return defer(piece);
	case Verdict::fail_closed:
		if (!core_->journal().failed() && host_.second_named)
			host_.oracle.violate(Promise::lost,
					     "a range is closed to writes without a reason");
		return end(piece, IoStatus::io);
	case Verdict::fail_medium:
		for (u32 i = 0; i < piece.sectors; ++i)
			if (!host_.excused[piece.sector() + i])
				host_.oracle.violate(Promise::lost,
						     "sector " +
							     std::to_string(piece.sector() + i) +
							     " is called lost without a reason");
		return end(piece, IoStatus::medium);
	}
}

// ---- the dispatcher ----

// One look at one part of one that waits. What has nothing left is gone.
void Traffic::dispatch()
{
	if (!in_pass_) {
		pass_is_due_ = false;
		in_pass_ = true;
		dispatch_flushes();
	}
	if (!hand_)
		hand_ = static_cast<WaitingPiece *>(line_->next());
	if (!hand_) {
		in_pass_ = false;
		return;
	}
	if (!send_part(*hand_)) {
		line_->keep(*hand_);
	} else if (hand_->piece.sectors) {
		return;
	} else {
		UserIo *io = hand_->piece.io;
		line_->gone();
		forget(hand_);
		--io->open;
		end_if_done(io);
	}
	hand_ = nullptr;
}

// false: what is left must wait on.
bool Traffic::send_part(WaitingPiece &hand)
{
	Mapping to;
	if (line_->must_wait(hand))
		return false;
	if (!ask(hand.piece, &to) || to.verdict == Verdict::hold)
		return false;
	Piece part = hand.piece;
	part.sectors = to.sectors;
	hand.piece.first += to.sectors;
	hand.piece.sectors -= to.sectors;
	hand.look();
	++part.io->open;
	follow(part, to);
	return true;
}

void Traffic::dispatch_flushes()
{
	while (Waiter *waiter = line_->next_flush(*core_)) {
		const auto *flush = static_cast<WaitingFlush *>(waiter);
		flushing_.push_back(flush->piece);
		std::erase_if(waiting_flushes_, [flush](const auto &one) { return one.get() == flush; });
	}
}

void Traffic::end(const Piece &piece, IoStatus status)
{
	piece.end(status);
	end_if_done(piece.io);
}

void Traffic::end_if_done(UserIo *io)
{
	if (io->open)
		return;
	host_.oracle.ended(*io);
	std::erase_if(ios_, [io](const auto &one) { return one.get() == io; });
}

void Traffic::step(usize choice)
{
	try {
		if (choice < in_flight_.size())
			perform(choice);
		else if (choice < in_flight_.size() + flushing_.size())
			flush_one(choice - in_flight_.size());
		else
			dispatch();
	} catch (const PowerCut &) {
	}
}

void Traffic::perform(usize index)
{
	const Piece piece = in_flight_[index];
	if (piece.io->writes())
		host_.event();
	in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(index));
	const IoStatus status = host_.perform(piece);
	host_.oracle.landed(*piece.io, piece.first, piece.sectors);
	const u8 ticket = status == IoStatus::ok
				  ? 0
				  : core_->io_failed(piece.io->op, piece.device, status);
	check_policy(piece, status, ticket);
	if (ticket)
		return recover(piece, status, ticket);
	end(piece, status);
}

void Traffic::start_flush()
{
	flushes_.push_back(std::make_unique<UserFlush>());
	UserFlush *flush = flushes_.back().get();
	flush->issued = host_.oracle.flush_issued();
	flush->beside_failed = some_flush_failed();
	const u32 devices = core_->flushed_devices();
	flush->open = static_cast<u32>(__builtin_popcount(devices));
	for (DeviceIndex device = 0; device < host_.devices(); ++device)
		if (devices >> device & 1)
			send_flush({flush, device});
}

void Traffic::send_flush(const FlushPiece &piece)
{
	auto newcomer = std::make_unique<WaitingFlush>(piece);
	const bool waits = line_->hold_flush(*newcomer, *core_);
	host_.kinds.count(Kind::held_flush, waits);
	if (waits)
		waiting_flushes_.push_back(std::move(newcomer));
	else
		flushing_.push_back(piece);
}

// First the device, and at another time the end: between them others may do something.
void Traffic::flush_one(usize index)
{
	host_.event();
	FlushPiece &piece = flushing_[index];
	if (piece.performed) {
		const FlushPiece done = piece;
		flushing_.erase(flushing_.begin() + static_cast<std::ptrdiff_t>(index));
		return end_flush(done);
	}
	piece.performed = true;
	piece.status = host_.flush_disk(piece.device);
	host_.say("user flushes", piece.device, 0, 0, piece.status);
	if (piece.status == IoStatus::ok)
		return;
	host_.trouble.note();
	host_.oracle.flush_failed();
	doubt_flushes();
}

bool Traffic::some_flush_failed() const
{
	return std::any_of(flushing_.begin(), flushing_.end(), [](const FlushPiece &piece) {
		return piece.status != IoStatus::ok;
	});
}

// Users' flushes are side by side as on a bare disk: who is not told that something is lost has learnt
// nothing when somebody else is told.
void Traffic::doubt_flushes()
{
	for (const auto &flush : flushes_)
		flush->beside_failed = true;
}

void Traffic::end_flush(const FlushPiece &piece)
{
	UserFlush &flush = *piece.flush;
	IoStatus status = piece.status;
	if (status != IoStatus::ok) {
		core_->flush_failed(piece.device);
		if (piece.device == kFirstSpare)
			host_.trouble.told_all();
	} else if (core_->flush_owed(piece.device)) {
		status = IoStatus::io;
	}
	core_->flush_ends(piece.device);
	if (status != IoStatus::ok) {
		// At once: others may feel it before this flush has ended on the other device.
		host_.oracle.power_cut();
		host_.owed[piece.device] = false;
		flush.status = status;
		doubt_flushes();
	}
	if (--flush.open)
		return;
	host_.oracle.flush_ended(flush);
	std::erase_if(flushes_, [&](const auto &one) { return one.get() == &flush; });
}

// The core waits for a flush to end.
void Traffic::hurry_flush()
{
	if (flushing_.empty())
		host_.oracle.violate(Promise::lost, "the core waits for a flush that nobody sent");
	else
		flush_one(host_.chance.below(flushing_.size()));
}

void Traffic::finish(Sector sector, u64 length)
{
	for (usize i = 0; i < in_flight_.size();) {
		const Piece &piece = in_flight_[i];
		const bool inside = Stretch{piece.sector(), piece.sectors}.touches(sector, length);
		if (inside && tracked(piece))
			perform(i);
		else
			++i;
	}
}

// Only with a deliberate bug.
bool Traffic::holds_token(Sector sector, u64 length) const
{
	return std::any_of(waiting_.begin(), waiting_.end(), [&](const auto &one) {
		return one->token && Stretch{one->sector, one->sectors}.touches(sector, length);
	});
}

void Traffic::power_cut()
{
	for (const Piece &piece : in_flight_)
		if (piece.io->writes() && host_.chance.one_in(2))
			host_.disk(piece.device)
				.write(piece.physical, piece.data(), piece.sectors, false);
	in_flight_.clear();
	line_.emplace(host_);
	hand_ = nullptr;
	in_pass_ = pass_is_due_ = false;
	waiting_.clear();
	waiting_flushes_.clear();
	flushes_.clear();
	flushing_.clear();
	host_.oracle.forget_users();
	ios_.clear();
}

} // namespace remap::sim
