// SPDX-License-Identifier: GPL-2.0-or-later
// Users' requests, as they reach a device: sent by the traffic itself, or by the core on their behalf.
#include "sim/host.h"

namespace remap::sim {

IoStatus Host::forward(Request request, u64 first, DeviceIndex device, Sector sector, u32 count)
{
	point();
	event();
	Piece piece = *static_cast<Piece *>(request);
	if (first + count > piece.sectors)
		oracle.violate(Promise::lost, "a request was forwarded beyond its end");
	piece.first += static_cast<u32>(first);
	piece.sectors = count;
	piece.device = device;
	piece.physical = sector;
	const bool reads = piece.io->op == Op::read;
	for (u32 i = 0; !reads && device != kMainDevice && i < count; ++i)
		if (!in_place(piece.sector() + i, device, sector + i))
			piece.io->redirected[piece.first + i] = true;
	const IoStatus status = perform(piece);
	const bool unread = reads && device != kMainDevice && status != IoStatus::ok;
	piece.io->unread_spare |= unread;
	refused_by_spare += unread;
	if (reads && device == kMainDevice && count == shape.block)
		tried(sector, status);
	for (u32 i = 0; status != IoStatus::ok && i < count; ++i) {
		if (!reads && device != kMainDevice && status != IoStatus::transport)
			failed_places.push_back({request, device, sector + i, piece.sector() + i});
	}
	return status;
}

void Host::fetch(Request request, u64 first, void *buffer, u32 count)
{
	const Piece &piece = *static_cast<Piece *>(request);
	for (u32 i = 0; i < count; ++i)
		contents.spell(piece.data()[first + i],
			       static_cast<u8 *>(buffer) + usize{i} * kSectorBytes);
}

IoStatus Host::perform(const Piece &piece)
{
	Disk &to = disk(piece.device);
	IoStatus status;
	Fate fate = Fate::stored;
	if (piece.io->op == Op::read) {
		status = read_disk(piece.device, piece.physical, piece.data(), piece.sectors);
	} else if (piece.io->op == Op::discard && chance.one_in(2)) {
		status = IoStatus::ok;
	} else {
		const bool fua = piece.io->fua;
		fate = trouble.of_user_write(chance).fate;
		if (fua && fate == Fate::doomed)
			fate = Fate::stored; // stable at once or not acknowledged
		count_fate(fate, Kind::refused_user);
		status = to.write(piece.physical, piece.data(), piece.sectors, fua, fate);
	}
	static constexpr const char *kOps[] = {"user reads", "user writes", "user zeroes",
					       "user discards"};
	say(kOps[static_cast<usize>(piece.io->op)], piece.device, piece.physical, piece.sectors,
	    status, fate);
	if (status != IoStatus::ok)
		trouble.note();
	else if (piece.device == kMainDevice && watch_ == Watch::asked &&
		 (piece.io->op == Op::write || piece.io->op == Op::write_zeroes))
		watch_ = Watch::seen;
	return status;
}

} // namespace remap::sim
