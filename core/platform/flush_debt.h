// SPDX-License-Identifier: GPL-2.0-or-later
// FlushDebt: flushes of ours that failed, and that somebody has still to be told of.
//
// A device reports a write that it lost once, to whoever flushes next. When that is the core, a
// user's earlier write may be what was lost, and the user's own flush would succeed behind it. So a
// failed flush of the core's makes the user's next flush of that device fail as well.
#pragma once

#include "core/base/atomic.h"
#include "core/base/bug.h"
#include "core/platform/platform.h"

namespace remap {

class FlushDebt {
public:
	// Flushes for the core. Writer context.
	template <Platform P> IoStatus flush(P &platform, DeviceIndex device)
	{
		const IoStatus status = platform.flush(device);
		if (status != IoStatus::ok && !has_bug(platform, Bug::flush_debt_forgotten))
			owed_[device].store_release(true);
		return status;
	}

	// A user's flush of the device succeeded: whether it must fail all the same. Any context.
	bool take(DeviceIndex device)
	{
		return owed_[device].load_acquire() && owed_[device].exchange(false);
	}

private:
	Atomic<bool> owed_[1 + kMaxSpares];
};

}  // namespace remap
