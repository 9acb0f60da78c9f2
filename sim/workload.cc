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
	{Act::refuse_main, 4},
	{Act::land, 20},
	{Act::rot, 14},
	{Act::check, 4},
};

} // namespace

Workload::Workload(u64 seed) : random_(seed)
{
	setup_.seed = random_.next();
	choose_devices();
	choose_rates();
	choose_operations();
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
	shape.pause_share = static_cast<u32>(random_.below(4) * 25);
	static constexpr u32 kPatience[] = {4, 16, 256};
	shape.patience = kPatience[random_.below(std::size(kPatience))];
	crowded_ = random_.one_in(6);
	if (crowded_) {
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
	rates.flush = crowded_ ? some(1, 4) : some(4, 20);
	rates.doomed = some(6, 10);
	rates.lost = some(3, 100);
	rates.misdirected = some(4, 50);
	rates.cut_damage = some(2, 100);
	setup_.max_extents = crowded_ ? 300 + random_.below(500) : 16 + random_.below(300);
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

void Workload::choose_operations()
{
	const u64 operations = kOperations + random_.below(60);
	if (crowded_)
		script_.push_back({Act::crowd, somewhere(setup_.shape.main.sectors),
				   180 + random_.below(270), 0, random_.next()});
	for (u64 i = 0; i < operations; ++i) {
		script_.push_back(operation());
		if (i % (operations / (kCrashes + 1)) == 20)
			script_.push_back(
				{Act::crash, 1 + random_.below(60), 0, 0, random_.next()});
	}
}

} // namespace remap::sim
