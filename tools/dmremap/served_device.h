// SPDX-License-Identifier: GPL-2.0-or-later
// ServedDevice: what a served set can be reached as beside NBD.
//
// Whatever asks the kernel about the device is answered by this process: so it is made and taken away in
// a thread of its own, while the reactor runs.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "host/volume.h"

namespace dmremap {

class ServedDevice : private remap::host::Task {
public:
	virtual ~ServedDevice() = default;

	// ---- the reactor's thread ----
	// In a thread of its own: makes the device and tells its path, or why there is none.
	void attach(std::function<void(const std::string &path)> attached,
		    std::function<void(const std::string &why)> failed);
	// Takes it away again, then ends what is behind it. What was written to a mounted file system
	// before is written out first.
	void detach();
	virtual void each_turn() {}
	virtual bool over() const = 0;

	// Any thread: whether somebody else uses it, as far as that can be known.
	virtual bool in_use() = 0;
	// How many users of the volume are its own.
	virtual remap::u32 users() const = 0;

protected:
	explicit ServedDevice(remap::host::Volume &volume) : volume_(volume) {}
	// Before whatever make() and take_away() use goes.
	void join();
	// Whether the block device at this path is mounted, a part of another one, or opened exclusively.
	static bool is_taken(const std::string &path);

	remap::host::Volume &volume_;

private:
	// On the reactor's thread, before make().
	virtual void prepare() {}
	// In the thread: the path; throws an exception that says why not.
	virtual std::string make() = 0;
	virtual void take_away() = 0;
	// On the reactor's thread, after take_away().
	virtual void finish() {}
	void run() override { finish(); }

	bool detaching_ = false;
	std::thread thread_;
};

}  // namespace dmremap
