// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/trouble.h"

#include <bit>

namespace remap::sim {

Fate Trouble::refusal(Random &random, bool late)
{
	const u64 which = random.below(4);
	if (which == 0)
		return Fate::refused_stored;
	return which == 1 && late ? Fate::refused_late : Fate::refused;
}

Trouble::Outcome Trouble::of_data(Random &random, u32 rate)
{
	if (hit(random, rate))
		return {refusal(random, true), 0};
	return {hit(random, rates_.doomed) ? Fate::doomed : Fate::stored, 0};
}

Trouble::Outcome Trouble::of_metadata_write(Random &random, Sector sector, u32 count)
{
	const Zone zone = zones_.at(sector);
	const u32 rate = zone == victim_ ? rates_.metadata_write : rates_.anywhere_write;
	if (may_tell(zone) && hit(random, rate)) {
		const Fate fate = refusal(random, may_hurt(zone));
		if (fate == Fate::refused_late)
			hurt(sector, count);
		return {fate, 0};
	}
	return may_hurt(zone) ? silent(random, sector, count) : Outcome{};
}

Trouble::Outcome Trouble::silent(Random &random, Sector sector, u32 count)
{
	if (hit(random, rates_.lost)) {
		hurt(sector, count);
		return {Fate::lost, 0};
	}
	if (!hit(random, rates_.misdirected))
		return {};
	const Stretch &zone = zones_.of(victim_);
	const u64 places = (zone.count - count) / kBlockSectors;
	const Sector place = zone.first + random.below(places + 1) * kBlockSectors;
	hurt(sector, count);
	hurt(place, count);
	return {Fate::misdirected, place};
}

void Trouble::hurt(Sector sector, u64 count)
{
	damaged_ |= bit(victim_);
	any_ = true;
	for (u64 i = 0; i < count; ++i)
		hurt_.push_back(sector + i);
}

bool Trouble::must_load(u32 dark) const
{
	return std::popcount(suspects_ | damaged_ | dark) <= 1 || (!damaged_ && !dark);
}

void Trouble::all_is_well(Zone next)
{
	suspects_ = damaged_ = 0;
	hurt_.clear();
	victim_ = next;
}

} // namespace remap::sim
