// SPDX-License-Identifier: GPL-2.0-or-later
// FlushDebt: flushes that failed, and that somebody else has still to be told of.
//
// A device reports a write that it lost once, to whoever flushes next. When that is the core, a
// user's earlier write may be what was lost, and the user's own flush would succeed behind it. So a
// failed flush of the core's makes the user's next flush of that device fail as well. And when it
// is a user, what was lost may be the core's: a user's flush that fails while something of the
// core's is not stable makes the core's next flush fail. So all that the core writes goes through
// here. That who was told first is known first, the gate sees to (flush_gate.h).
#pragma once

#include "core/base/atomic.h"
#include "core/base/bug.h"
#include "core/platform/flush_gate.h"
#include "core/platform/platform.h"

namespace remap {

class FlushDebt {
public:
	// Flushes for the core. Writer context.
	template <Platform P> IoStatus flush(P &platform, DeviceIndex device)
	{
		close(platform, device);
		const IoStatus status = platform.flush(device);
		unstable_[device].store_release(false);
		const bool lost = lost_[device].exchange(false);
		if (status != IoStatus::ok && !has_bug(platform, Bug::flush_debt_forgotten))
			owed_[device].store_release(true);
		const bool missed = lost && !has_bug(platform, Bug::user_flush_ignored);
		failures_[device] += status != IoStatus::ok || missed;
		if (gate_[device].open())
			platform.release_held();
		return status == IoStatus::ok && missed ? IoStatus::io : status;
	}

	// How often flush() has failed: whatever was written before the last time and was not stable
	// by then may be gone, even if a later flush succeeds. Writer context.
	u64 failures(DeviceIndex device) const { return failures_[device]; }

	// Writes for the core. Writer context.
	template <Platform P>
	IoStatus write(P &platform, DeviceIndex device, Sector sector, const void *data, u32 count)
	{
		writes(device);
		return platform.write(device, sector, data, count);
	}
	// Something of the core's is about to be written.
	void writes(DeviceIndex device) { unstable_[device].store_release(true); }

	// A user's flush of the device is about to be sent. false: it waits, like a write at a fence.
	// Whose flush was let in says so when it has ended. Any context.
	bool user_begins(DeviceIndex device) { return gate_[device].enter(); }
	template <Platform P> void user_ends(P &platform, DeviceIndex device)
	{
		if (gate_[device].leave())
			platform.wake_flush();
	}

	// Whether no user's flush of the device is under way. Any context.
	bool no_user(DeviceIndex device) const { return gate_[device].empty(); }

	// A user's flush of the device failed. Any context.
	void user_flush_failed(DeviceIndex device)
	{
		if (unstable_[device].load_acquire())
			lost_[device].store_release(true);
	}

	// A user's flush of the device succeeded: whether it must fail all the same. Any context.
	bool take(DeviceIndex device)
	{
		return owed_[device].load_acquire() && owed_[device].exchange(false);
	}

	// No user's flush goes to the device any more: main owes what it owed. One that is on its way
	// there may still be told. Any context.
	template <Platform P> void leaves(P &platform, DeviceIndex device)
	{
		if (owed_[device].load_acquire() && !has_bug(platform, Bug::debt_leaves))
			owed_[kMainDevice].store_release(true);
	}
	// Whether anything is owed to users. Any context.
	bool owes() const
	{
		bool any = false;
		for (const Atomic<bool> &owed : owed_)
			any |= owed.load_acquire();
		return any;
	}
	// Another engine did, of which nobody asks any more. Any context.
	template <Platform P> void owe(P &platform)
	{
		if (!has_bug(platform, Bug::debt_not_taken_over))
			owed_[kMainDevice].store_release(true);
	}

private:
	template <Platform P> void close(P &platform, DeviceIndex device)
	{
		if (has_bug(platform, Bug::flushes_side_by_side))
			return;
		gate_[device].close();
		for (;;) {
			const u32 seen = platform.flush_wakes();
			if (gate_[device].empty())
				return;
			platform.wait_flush(seen);
		}
	}

	FlushGate gate_[1 + kMaxSpares];
	Atomic<bool> owed_[1 + kMaxSpares];
	Atomic<bool> unstable_[1 + kMaxSpares];
	Atomic<bool> lost_[1 + kMaxSpares];
	u64 failures_[1 + kMaxSpares] = {};
};

}  // namespace remap
