// SPDX-License-Identifier: GPL-2.0-or-later
// UserIo: an I/O from above, and the pieces into which the answers of map() cut it.
#pragma once

#include <algorithm>
#include <vector>

#include "core/engine/mapping.h"
#include "core/engine/waiting_line.h"
#include "sim/content.h"

namespace remap::sim {

// Steps of the simulated machine: what happened before what.
using Moment = u64;
inline constexpr Moment kNever = ~Moment{0};

struct UserIo {
	Op op = Op::read;
	Sector sector = 0;
	u32 sectors = 0;
	bool fua = false;
	Moment issued = 0;
	std::vector<Content> data;    // written, or read
	std::vector<IoStatus> status; // of each sector
	std::vector<bool>
		redirected; // of each sector: written by the core, so durable when it ends
	u32 open = 0;	    // pieces that have not ended
	bool unread_spare = false; // the core was refused a part of it by the spare

	bool writes() const { return op != Op::read; }
	bool touches(Sector first, u64 count) const
	{
		return sector < first + count && first < sector + sectors;
	}
};

// What one answer of map() covers.
struct Piece {
	UserIo *io = nullptr;
	u32 first = 0;
	u32 sectors = 0;
	// Where it was sent, once it was.
	DeviceIndex device = kMainDevice;
	Sector physical = 0;

	Sector sector() const { return io->sector + first; }
	Content *data() const { return io->data.data() + first; }
	void end(IoStatus status) const
	{
		std::fill_n(io->status.begin() + first, sectors, status);
		--io->open;
	}
};

// A piece that waits, or that the writer has.
struct WaitingPiece : Waiter {
	explicit WaitingPiece(const Piece &one) : piece(one) { look(); }
	// After the piece has become shorter.
	void look()
	{
		sector = piece.sector();
		sectors = piece.sectors;
		writes = piece.io->writes();
	}

	Piece piece;
	// The writer's.
	IoStatus status = IoStatus::ok;
	u8 ticket = 0;
	u32 id = 0; // of what it may change: a Ledger::Id
	bool token = false; // it still counts as in flight, which a drain waits for
};

// A flush from above: one to each device, done when all are.
struct UserFlush {
	Moment issued = 0;
	u32 open = 0;
	IoStatus status = IoStatus::ok;
	// Beside another user's that failed: that one was told what this one was not.
	bool beside_failed = false;
};

// What of it goes to one device. The device may be done with it a while before its end is heard of.
struct FlushPiece {
	UserFlush *flush = nullptr;
	DeviceIndex device = kMainDevice;
	bool performed = false;
	IoStatus status = IoStatus::ok;
};

struct WaitingFlush : Waiter {
	explicit WaitingFlush(const FlushPiece &one) : piece(one)
	{
		device = static_cast<u8>(one.device);
	}
	FlushPiece piece;
};

} // namespace remap::sim
