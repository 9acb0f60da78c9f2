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
	// One that fails often comes with another: a hiccup of the device.
	const bool again = hiccup_ && armed && random.one_in(2);
	hiccup_ = may_tell(zone) && (again || hit(random, rate));
	if (hiccup_) {
		any_ = true;
		hits_ += again;
		return {refusal(random, true), 0};
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

// No hit: the core is to deal with it, so it excuses nothing.
u32 Trouble::failing_reads(Random &random)
{
	constexpr u64 kMost = 8;
	if (!armed || !rates_.flaky || random.below(1000) >= rates_.flaky)
		return 0;
	any_ = true;
	return static_cast<u32>(1 + random.below(kMost));
}

void Trouble::hurt(Sector sector, u64 count)
{
	silent_ |= bit(victim_);
	any_ = true;
	for (u64 i = 0; i < count; ++i)
		hurt_.push_back(sector + i);
}

void Trouble::wound(const Wound &wound)
{
	wounded_ |= bit(zones_.at(wound.sector));
	any_ = true;
	wounds_.push_back(wound);
}

bool Trouble::may_hurt(Zone zone) const
{
	return zone == victim_ && !((suspects_ | wounded_) & ~bit(zone));
}

bool Trouble::may_wound(Zone zone) const
{
	return !sealed_ && !((silent_ | wounded_) & ~bit(zone));
}

bool Trouble::may_land(Zone zone)
{
	if (!silent_)
		victim_ = zone;
	return may_hurt(zone);
}

bool Trouble::must_load(u32 dark) const
{
	const u32 damaged = silent_ | wounded_ | landed_;
	return std::popcount(suspects_ | damaged | dark) <= 1 || (!damaged && !dark);
}

void Trouble::forget_wounds()
{
	wounded_ = 0;
	sealed_ = false;
	wounds_.clear();
}

void Trouble::all_is_well(Zone next)
{
	suspects_ = silent_ = landed_ = 0;
	hurt_.clear();
	forget_wounds();
	victim_ = next;
}

} // namespace remap::sim
