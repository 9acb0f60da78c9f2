// SPDX-License-Identifier: GPL-2.0-or-later
// Reload: what somebody wants served in place of what is, and how that ended. He waits; the reactor's
// thread does it (volume_reload.cc).
#pragma once

#include <condition_variable>
#include <mutex>

#include "core/engine/engine.h"
#include "host/device_file.h"
#include "host/reactor.h"

namespace remap::host {

class Volume;

// Spares, and what the engine has to know of all devices.
struct SpareList {
	DeviceFile *spare[kMaxSpares] = {}; // as many as geometry.spares has
	Geometry geometry;
};

class Reload final : public Task {
public:
	Reload(Volume &volume, const SpareList &wanted, const Terms &terms, Refusal &why)
	    : wanted(wanted), terms(terms), why(why), volume_(volume)
	{
	}
	// On the reactor's thread.
	void run() override;
	void end(Status how)
	{
		const std::lock_guard<std::mutex> held(mutex_);
		status_ = how;
		ended_ = true;
		changed_.notify_one();
	}
	Status wait()
	{
		std::unique_lock<std::mutex> held(mutex_);
		changed_.wait(held, [this] { return ended_; });
		return status_;
	}

	const SpareList &wanted;
	Terms terms;
	Refusal &why;

private:
	Volume &volume_;
	std::mutex mutex_;
	std::condition_variable changed_;
	Status status_; // under mutex_, both
	bool ended_ = false;
};

}  // namespace remap::host
