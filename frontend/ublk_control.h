// SPDX-License-Identifier: GPL-2.0-or-later
// Control: /dev/ublk-control, by which devices are made and taken away.
//
// Commands are as large as SQE128, so they have a ring of their own; each is waited for. Those that make
// the driver read or write the device need the reactor to run, so they are for another thread.
#pragma once

#include <functional>

#include "frontend/ublk_abi.h"

namespace remap::frontend::ublk {

class Control {
public:
	// Throws OpenFailure.
	Control();
	Control(const Control &) = delete;
	Control &operator=(const Control &) = delete;
	~Control();

	// One thread at a time. What the driver answers: 0, or -errno; -ETIME: `give_up` said so, and the
	// driver may do it still.
	int run(u32 command, u32 device, void *buffer = nullptr, usize bytes = 0, u64 word = 0,
		const std::function<bool()> &give_up = nullptr);

	// Whether this process may try at all.
	static bool usable();

private:
	int wait(const std::function<bool()> &give_up);

	int descriptor_;
	io_uring ring_ = {};
	u64 commands_ = 0; // tells an answer from one to a command that was given up
};

}  // namespace remap::frontend::ublk
