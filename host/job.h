// SPDX-License-Identifier: GPL-2.0-or-later
// Job: what the writer does for a part of an IoRequest, and what is behind a Request of the core's.
#pragma once

#include "core/engine/mapping.h"
#include "core/engine/waiting_line.h"
#include "host/reactor.h"

namespace remap::host {

struct Job : Waiter {
	Op op = Op::read;
	bool fua = false;
	u8 *data = nullptr;
	// A write that changes the table has not been sent: ok. What was and failed has a ticket.
	IoStatus status = IoStatus::ok;
	u8 ticket = 0;
	Task *after = nullptr; // posted to the reactor when `status` is how it ended
};

}  // namespace remap::host
