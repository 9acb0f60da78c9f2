// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/workload.h"

#include <iterator>

namespace remap::sim {

namespace {

constexpr u64 kOperations = 220;
constexpr u64 kCrashes = 4;

struct Share {
	Act act;
	u32 share;
};

constexpr Share kShares[] = {
	{Act::write, 170},
	{Act::write_fua, 60},
	{Act::write_zeroes, 30},
	{Act::discard, 20},
	{Act::read, 90},
	{Act::flush, 60},
	{Act::add, 80},
	{Act::add_nocopy, 25},
	{Act::relocate, 90},
	{Act::together, 40},
	{Act::remove, 60},
	{Act::remove_part, 50},
	{Act::remove_stale, 6},
	{Act::clear, 4},
	{Act::sync, 20},
	{Act::suspend, 10},
	{Act::reload, 8},
	{Act::reload_read_only, 3},
	{Act::darken, 16},
	{Act::signal, 6},
	{Act::spoil_main, 15},
	{Act::spoil_spare, 3},
	{Act::refuse_spare, 3},
	{Act::refuse_main, 8},
	{Act::sever_main, 3},
	{Act::freeze_main, 3},
	{Act::land, 20},
	{Act::scan, 12},
	{Act::rot, 14},
	{Act::check, 4},
};

} // namespace

std::optional<Mood> Workload::mood_for(std::optional<Bug> bug)
{
	if (!bug)
		return std::nullopt;
	switch (*bug) {
	case Bug::checkpoint_ignores_flush:
		return Mood::siege;
	case Bug::debt_leaves:
	case Bug::user_flush_ignored:
	case Bug::flush_debt_forgotten:
	case Bug::flushes_side_by_side:
		return Mood::stormy;
	case Bug::old_epoch_replayed:
	case Bug::ignore_chain:
		return Mood::tardy;
	default:
		return std::nullopt;
	}
}

Workload::Workload(u64 seed, std::optional<Mood> mood) : random_(seed)
{
	setup_.seed = random_.next();
	setup_.format = setup_.seed & 1;
	const Mood some = some_mood();
	mood_ = mood.value_or(some);
	choose_devices();
	members_ = Random(setup_.seed + 1);
	choose_rates();
	choose_policy();
	choose_operations();
}

Mood Workload::some_mood()
{
	const u64 which = random_.below(12);
	return which < 2    ? Mood::crowded
	       : which == 2 ? Mood::stormy
	       : which == 3 ? Mood::tardy
	       : which == 4 ? Mood::siege
			    : Mood::plain;
}

void Workload::choose_devices()
{
	static constexpr Sector kMain[] = {1024, 2048, 4096, 8192};
	HostShape &shape = setup_.shape;
	shape.block = random_.one_in(3) ? 8 : 1;
	const u32 physical = shape.block == 8 || random_.one_in(2) ? 8 : 1;
	const u32 tear = shape.block == 8 || (physical == 8 && random_.one_in(2)) ? 8 : 1;
	shape.main = {kMain[random_.below(std::size(kMain))], physical, tear};
	shape.spare = {1200 + random_.below(300) * 8, physical, tear};
	// In a third of the seeds, by no number that anything else is drawn from.
	if (setup_.seed / 2 % 3 == 0)
		shape.second = {1400 + setup_.seed / 6 % 200 * 8, physical, tear};
	setup_.alone = shape.second.sectors && setup_.seed / 1200 % 2;
	shape.pause_share = static_cast<u32>(random_.below(4) * 25);
	static constexpr u32 kPatience[] = {4, 16, 256};
	shape.patience = kPatience[random_.below(std::size(kPatience))];
	if (mood_ == Mood::tardy)
		shape.patience = 4;
	if (is_crowded()) {
		shape.main.sectors = 8192;
		shape.spare.sectors += 3000;
	}
	for (Sector &spot : hot_)
		spot = random_.below(shape.main.sectors);
}

// Each kind of trouble in some seeds only, so that none hides another.
void Workload::choose_rates()
{
	const auto some = [this](u32 one_in, u32 most) {
		return random_.one_in(one_in) ? static_cast<u32>(1 + random_.below(most)) : 0;
	};
	Rates &rates = setup_.rates;
	rates.user_write = some(3, 40);
	rates.data_write = some(3, 60);
	rates.memory = some(3, 60);
	rates.metadata_write = some(3, 100);
	rates.anywhere_write = some(6, 30);
	// Where many records are written, one failure in a hundred would end it at once.
	rates.flush = is_crowded() ? some(1, 4) : some(4, 20);
	rates.doomed = some(6, 10);
	rates.lost = some(3, 100);
	rates.misdirected = some(4, 50);
	rates.cut_damage = some(2, 100);
	if (mood_ == Mood::stormy)
		rates.flush = static_cast<u32>(10 + random_.below(60));
	if (mood_ == Mood::siege)
		rates.flush = static_cast<u32>(2 + random_.below(8));
	if (mood_ == Mood::tardy) {
		rates.metadata_write = static_cast<u32>(30 + random_.below(100));
		rates.anywhere_write = static_cast<u32>(10 + random_.below(40));
	}
	setup_.max_extents = is_crowded() ? 300 + random_.below(500) : 16 + random_.below(300);
}

// From numbers of its own too, as are the reads that the retries are for.
void Workload::choose_policy()
{
	Random random(setup_.seed + 2);
	Policy &policy = setup_.policy;
	if (random.one_in(2))
		policy.retries = static_cast<u32>(random.below(Policy::kRetries + 1));
	if (random.one_in(4)) {
		policy.budget_remaps = static_cast<u32>(1 + random.below(4));
		policy.budget_seconds = static_cast<u32>(2 + random.below(125));
	}
	policy.remap_writes = !random.one_in(16);
	policy.retry_reads = !random.one_in(16);
	if (random.one_in(3))
		setup_.rates.flaky = static_cast<u32>(1 + random.below(100));
}

Sector Workload::somewhere(Sector limit)
{
	const Sector near = hot_[random_.below(std::size(hot_))] + random_.below(64);
	const Sector at = (random_.one_in(8) ? random_.below(limit) : near) % limit;
	return at / setup_.shape.block * setup_.shape.block;
}

u64 Workload::some_length()
{
	const u64 length = random_.one_in(20)  ? 1 + random_.below(600)
			   : random_.one_in(4) ? 1 + random_.below(64)
					       : 1 + random_.below(12);
	return round_up(length, u64{setup_.shape.block});
}

Act Workload::act()
{
	static constexpr Act kStorm[] = {Act::sync, Act::flush, Act::write, Act::relocate};
	static constexpr Act kDelay[] = {Act::reload, Act::land, Act::relocate, Act::remove};
	if (is_stormy() && random_.one_in(3))
		return kStorm[random_.below(std::size(kStorm))];
	if (mood_ == Mood::tardy && random_.one_in(4))
		return kDelay[random_.below(std::size(kDelay))];
	u32 all = 0;
	for (const Share &one : kShares)
		all += one.share;
	u64 left = random_.below(all);
	for (const Share &one : kShares) {
		if (left < one.share)
			return one.act;
		left -= one.share;
	}
	return Act::check;
}

// What is dark now is often all that is bright at the next start.
void Workload::choose_zones(Operation *darken)
{
	darken->at = random_.below(8);
	darken->length = random_.one_in(2) ? 7 - darken->at : random_.below(8);
}

Operation Workload::operation()
{
	const Sector main = setup_.shape.main.sectors;
	Operation made;
	made.act = act();
	made.at = somewhere(main);
	made.length = min_of(some_length(), main - made.at);
	made.place = somewhere(main);
	made.salt = random_.next();
	if (made.act == Act::darken)
		choose_zones(&made);
	if (made.act == Act::rot)
		made.place = random_.next() >> 32;
	return made;
}

// From numbers of their own, so that the other operations stay what they would be without.
Operation Workload::change_of_members()
{
	static constexpr Act kActs[] = {Act::join, Act::join, Act::leave, Act::perish, Act::perish};
	Operation made;
	made.act = kActs[members_.below(std::size(kActs))];
	made.at = members_.below(1000);
	made.place = members_.below(1000);
	made.salt = members_.next();
	return made;
}

void Workload::choose_operations()
{
	const u64 operations = kOperations + random_.below(60);
	if (is_crowded())
		script_.push_back({Act::crowd, somewhere(setup_.shape.main.sectors),
				   180 + random_.below(270), 0, random_.next()});
	for (u64 i = 0; i < operations; ++i) {
		script_.push_back(operation());
		if (setup_.shape.second.sectors && members_.one_in(12))
			script_.push_back(change_of_members());
		if (i % (operations / (kCrashes + 1)) == 20)
			script_.push_back(
				{Act::crash, 1 + random_.below(60), 0, 0, random_.next()});
	}
}

} // namespace remap::sim
