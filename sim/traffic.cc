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
	route({io, 0, sectors});
	--io->open;
	end_if_done(io);
}

// Asks map() for each part, as the shim does for a bio that it cuts.
void Traffic::route(Piece piece)
{
	for (u32 done = 0; done < piece.sectors;) {
		const u32 left = piece.sectors - done;
		const Mapping to = core_->map(piece.io->op, piece.sector() + done, left);
		if (!to.sectors || to.sectors > left) {
			host_.oracle.violate(Promise::lost,
					     "map() answered for a wrong number of sectors");
			return;
		}
		++piece.io->open;
		route_one({piece.io, piece.first + done, to.sectors, to.device, to.sector}, to);
		done += to.sectors;
	}
}

void Traffic::route_one(const Piece &piece, const Mapping &to)
{
	switch (to.verdict) {
	case Verdict::submit:
		in_flight_.push_back(piece);
		return;
	case Verdict::hold:
		held_.push_back(piece);
		return;
	case Verdict::defer:
		return defer(piece);
	case Verdict::fail_closed:
		if (!core_->journal().failed())
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
		else
			flush_one(choice - in_flight_.size());
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
	const u8 ticket = status == IoStatus::ok
				  ? 0
				  : core_->io_failed(piece.io->op, piece.device, status);
	if (ticket && blame(status) == Blame::path)
		host_.oracle.violate(Promise::lost, "an error of the path is acted on");
	if (ticket)
		return defer(piece, status, ticket);
	end(piece, status);
}

void Traffic::start_flush()
{
	flushes_.push_back(std::make_unique<UserFlush>());
	UserFlush *flush = flushes_.back().get();
	flush->issued = host_.oracle.flush_issued();
	flush->beside_failed = some_flush_failed();
	flush->open = host_.devices();
	for (DeviceIndex device = 0; device < host_.devices(); ++device)
		send_flush({flush, device});
}

void Traffic::send_flush(const FlushPiece &piece)
{
	const bool begins = core_->flush_begins(piece.device);
	host_.kinds.count(Kind::held_flush, !begins);
	(begins ? flushing_ : held_flushes_).push_back(piece);
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

void Traffic::release_held()
{
	std::vector<FlushPiece> flushes;
	flushes.swap(held_flushes_);
	for (const FlushPiece &piece : flushes)
		send_flush(piece);
	std::vector<Piece> held;
	held.swap(held_);
	for (const Piece &piece : held) {
		route(piece);
		--piece.io->open;
		end_if_done(piece.io);
	}
}

void Traffic::power_cut()
{
	for (const Piece &piece : in_flight_)
		if (piece.io->writes() && host_.chance.one_in(2))
			host_.disk(piece.device)
				.write(piece.physical, piece.data(), piece.sectors, false);
	in_flight_.clear();
	held_.clear();
	flushes_.clear();
	flushing_.clear();
	held_flushes_.clear();
	host_.oracle.forget_readers();
	ios_.clear();
}

} // namespace remap::sim
