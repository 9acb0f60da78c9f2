// SPDX-License-Identifier: GPL-2.0-or-later
// UserIo: an I/O from above, and the pieces into which the answers of map() cut it.
#pragma once

#include <memory>
#include <vector>

#include "core/engine/mapping.h"
#include "tests/unit/memory_disk.h"

namespace remap::test {

struct UserIo {
	Op op = Op::read;
	Sector sector = 0;
	u32 sectors = 0;
	bool fua = false;
	std::vector<Block> data;  // written, or read
	std::vector<IoStatus> status; // of each sector
	u32 open = 0;             // pieces that have not ended

	bool ended() const { return open == 0; }
	// The first error, or ok.
	IoStatus result() const
	{
		for (const IoStatus one : status)
			if (one != IoStatus::ok)
				return one;
		return IoStatus::ok;
	}
};

// What one answer of map() covers.
struct Piece {
	std::shared_ptr<UserIo> io;
	u32 first = 0;
	u32 sectors = 0;
	// Where it was sent, once it was.
	DeviceIndex device = kMainDevice;
	Sector physical = 0;

	Sector sector() const { return io->sector + first; }
	Block *data() const { return io->data.data() + first; }
	void end(IoStatus status) const
	{
		for (u32 i = 0; i < sectors; ++i)
			io->status[first + i] = status;
		--io->open;
	}
};

}  // namespace remap::test
