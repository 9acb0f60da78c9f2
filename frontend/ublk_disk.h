// SPDX-License-Identifier: GPL-2.0-or-later
// Disk: the volume as a block device, /dev/ublkbN, through the kernel's ublk driver.
//
// The driver asks for user recovery only from those that want it; this one does not: when its server
// dies, the driver fails what is asked of the device and takes /dev/ublkbN away by itself. What stays is
// /dev/ublkcN, the number. So a device bears a mark, by which the next server of its name knows it and
// takes that away, too.
#pragma once

#include <memory>
#include <string>

#include "frontend/ublk_control.h"
#include "frontend/ublk_queue.h"

namespace remap::frontend::ublk {

class Disk {
public:
	// Whether there is any use in trying.
	static bool usable() { return Control::usable(); }

	// Makes the device, of which nobody sees anything yet. `mark` is the same for every server that
	// takes the place of this one, and for no other that runs. Throws OpenFailure.
	Disk(host::Volume &volume, const Shape &shape, const std::string &mark);
	// Takes away all of it.
	~Disk();
	Disk(const Disk &) = delete;
	Disk &operator=(const Disk &) = delete;

	// ---- the reactor's thread ----
	void start_queue() { queue_->start(); }
	bool over() const { return queue_->over(); }

	// ---- a thread of its own, while the reactor runs ----
	// After start_queue(): the device appears, with its partitions. Throws OpenFailure.
	void start();
	// It goes again, when what its page cache holds is written; then over() comes true.
	void stop();

	std::string path() const { return "/dev/ublkb" + std::to_string(number_); }

private:
	class Character;

	void remove_dead(u64 mark);
	void remove(u32 number);
	void add(u64 mark);

	Control control_;
	u32 number_ = kAnyNumber;
	std::unique_ptr<Character> character_;
	std::unique_ptr<Queue> queue_;
};

}  // namespace remap::frontend::ublk
