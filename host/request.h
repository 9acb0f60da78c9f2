// SPDX-License-Identifier: GPL-2.0-or-later
// IoRequest: an I/O of a user on the served device, from a front end to the Volume and back.
#pragma once

#include "core/engine/mapping.h"
#include "core/engine/waiting_line.h"

namespace remap::host {

class Volume;

class IoRequest {
public:
	// ---- what is asked ----
	Op op = Op::read;
	bool flush = false; // no data: makes stable what was acknowledged before
	bool fua = false;   // of what modifies: stable before it ends
	bool frees = false; // of zeros: the space may be given up
	Sector sector = 0;
	u32 sectors = 0;
	u8 *data = nullptr; // of reads and writes; aligned to 512 bytes

	// ---- how it ended ----
	IoStatus status = IoStatus::ok; // the first error

	// On the reactor's thread; may submit again.
	virtual void ended() = 0;

	bool modifies() const { return !flush && op != Op::read; }

protected:
	~IoRequest() = default;

private:
	friend class Volume;
	friend class Part;

	// What is not sent yet begins at sector + routed.
	Sector at() const { return sector + routed_; }
	u32 left() const { return sectors - routed_; }
	void note(IoStatus status_of_part)
	{
		if (status == IoStatus::ok)
			status = status_of_part;
	}

	// While it waits, with all that was not sent yet.
	struct Place : Waiter {
		explicit Place(IoRequest &one) : request(one) {}
		IoRequest &request;
	};

	Place place_{*this};
	u32 fenced_ = 0;  // sectors of what is left that a fence was found on
	u32 routed_ = 0;  // sectors sent, failed or handed to the writer
	u32 open_ = 0;	  // parts that have not ended, and one while there is more to send
	u32 touched_ = 0; // devices that something was sent to, a bit each
	u32 flushes_ = 0; // devices that have still to be flushed
};

}  // namespace remap::host
