// SPDX-License-Identifier: GPL-2.0-or-later
// Part: what one answer of the core's covers of an IoRequest, on its way to a device; or with the writer,
// since it changes the table or failed on its way.
#pragma once

#include "host/in_flight.h"
#include "host/job.h"
#include "host/request.h"

namespace remap::host {

class Volume;

class Part final : public Completion, public Task {
public:
	// Sends it, or what is left of it.
	void start();
	void done(int result) override;
	// Back from the writer.
	void run() override;

	Volume *volume = nullptr;
	IoRequest *request = nullptr;
	Part *next_free = nullptr;
	InFlight::Entry entry;
	Job job; // of one that the writer has
	Sector main = 0;
	Sector physical = 0;
	u8 *data = nullptr;
	u64 bytes = 0; // 0: a flush
	u64 finished = 0;
	DeviceIndex device = kMainDevice;
	bool tracked = false;
	bool writes_zeroes = false; // since the device does not know how to

private:
	bool moves_data() const;
	int transfer_now(int descriptor) const;
	void transfer(int descriptor);
};

}  // namespace remap::host
