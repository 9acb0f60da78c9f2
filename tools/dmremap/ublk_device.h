// SPDX-License-Identifier: GPL-2.0-or-later
// UblkDevice: a served device as /dev/ublkbN.
#pragma once

#include <atomic>
#include <string>

#include "frontend/ublk_disk.h"
#include "tools/dmremap/served_device.h"

namespace dmremap {

class UblkDevice final : public ServedDevice {
public:
	static bool usable() { return remap::frontend::ublk::Disk::usable(); }

	// Takes away what a server of this name that was killed left behind. Throws OpenFailure.
	UblkDevice(remap::host::Volume &volume, const std::string &name);
	~UblkDevice() override { join(); }

	bool over() const override { return finished_ && disk_.over(); }
	bool in_use() override { return started_.load() && is_taken(disk_.path()); }
	remap::u32 users() const override { return started_.load() ? 1 : 0; }

private:
	void prepare() override { disk_.start_queue(); }
	std::string make() override;
	void take_away() override;
	void finish() override { finished_ = true; }

	remap::frontend::ublk::Disk disk_;
	std::atomic<bool> started_{false};
	bool finished_ = false;
};

}  // namespace dmremap
