// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/in_flight.h"

namespace remap::host {

void InFlight::begin(Entry &entry)
{
	entry.awaited = 0;
	entry.previous = nullptr;
	entry.next = first_;
	if (first_)
		first_->previous = &entry;
	first_ = &entry;
	count_.fetch_add(1, std::memory_order_relaxed);
}

void InFlight::end(Entry &entry)
{
	(entry.previous ? entry.previous->next : first_) = entry.next;
	if (entry.next)
		entry.next->previous = entry.previous;
	count_.fetch_sub(1, std::memory_order_relaxed);
	if (entry.awaited == taken_up_ && taken_up_ && --awaited_ == 0)
		finish();
}

void InFlight::each_turn()
{
	if (asked_.load() == taken_up_)
		return;
	Sector sector;
	u64 length;
	{
		const std::lock_guard<std::mutex> held(mutex_);
		taken_up_ = asked_.load();
		sector = sector_;
		length = length_;
	}
	awaited_ = 0;
	for (Entry *entry = first_; entry; entry = entry->next) {
		if (!ranges_overlap(entry->sector, entry->sectors, sector, length))
			continue;
		entry->awaited = taken_up_;
		++awaited_;
	}
	if (!awaited_)
		finish();
}

void InFlight::finish()
{
	const std::lock_guard<std::mutex> held(mutex_);
	finished_ = taken_up_;
	changed_.notify_all();
}

}  // namespace remap::host
