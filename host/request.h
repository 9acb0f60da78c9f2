// SPDX-License-Identifier: GPL-2.0-or-later
// IoRequest: an I/O of a user on the served device, from a front end to the Volume and back.
#pragma once

#include "core/engine/mapping.h"
#include "host/job.h"
#include "host/reactor.h"

namespace remap::host {

class Volume;

class IoRequest : public Task {
public:
	// ---- what is asked ----
	Op op = Op::read;
	bool flush = false; // no data: makes stable what was acknowledged before
	bool fua = false;   // of what modifies: stable before it ends
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

	// What is not sent yet begins at sector + routed. Whoever waits, waits with all of that.
	Sector at() const { return sector + routed_; }
	u32 left() const { return sectors - routed_; }
	void note(IoStatus status_of_part)
	{
		if (status == IoStatus::ok)
			status = status_of_part;
	}
	// A deferred write comes back from the writer.
	void run() override;

	Volume *volume_ = nullptr;
	u64 order_ = 0;	   // of arrival
	u32 routed_ = 0;   // sectors sent, failed or written by the writer
	u32 open_ = 0;	   // parts that have not ended, and one while there is more to send
	u32 touched_ = 0;  // devices that something was sent to, a bit each
	u32 flushes_ = 0;  // devices that have still to be flushed
	Job job_;	   // what the writer has in its hands
	IoRequest *next_ = nullptr;
};

}  // namespace remap::host
