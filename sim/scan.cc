// SPDX-License-Identifier: GPL-2.0-or-later
// The scan of main, as a host would run it: a turn after the other.
#include <utility>

#include "sim/world.h"

namespace remap::sim {

// An operator starts the scan, or lets it go on where it was, for a few turns.
void World::scan(const Operation &operation)
{
	if (std::exchange(scanning_, true))
		return;
	host_.fibers.spawn([this, operation] {
		try {
			(void)deliver("scan start");
			for (u64 turns = 4 + operation.length % 8; turns; --turns)
				traffic_.scan_turn();
		} catch (const PowerCut &) {
		}
		scanning_ = false;
	});
}

void Traffic::scan_turn()
{
	scanned_.reset();
	(void)core_->scan_turn();
	if (!scanned_)
		return;
	ledger_.take(*core_);
	check_scanned(*scanned_);
	check_tries(host_.end_tries(), *scanned_, false, Kind::rescued_by_scan);
	ledger_.close(*scanned_, true, core_->journal().failed(), *core_);
}

// What it calls pending it could not read, a block at a time.
void Traffic::check_scanned(Ledger::Id id)
{
	for (Sector sector = scan_first_; sector < scan_end_; ++sector)
		if (ledger_.state(sector) == State::pending && !host_.excused[sector] &&
		    ledger_.state_before(id, sector) == State::none)
			host_.oracle.violate(Promise::lost,
					     "the scan calls sector " + std::to_string(sector) +
						     " pending without a reason");
}

void Traffic::scan_failed(Sector sector, u64 count)
{
	const u32 physical = host_.shape.main.physical;
	scan_first_ = round_down(sector, physical);
	scan_end_ = min_of<Sector>(round_up(sector + count, physical), host_.shape.main.sectors);
	ledger_.take(*core_);
	host_.begin_tries();
	scanned_ = ledger_.open(Change::recover, scan_first_, scan_end_ - scan_first_, 0);
}

} // namespace remap::sim
