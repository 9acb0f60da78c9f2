// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/disk.h"

#include <algorithm>

namespace remap::sim {

Disk::Disk(const DiskShape &shape, Contents &contents)
    : shape_(shape), contents_(contents), current_(shape.sectors), stable_(shape.sectors),
      marks_(shape.sectors), flaky_(shape.sectors), settled_(shape.sectors)
{
}

void Disk::put(Sector sector, Content content)
{
	current_[sector] = stable_[sector] = content;
	settled_[sector] = ++number_; // whatever is in the cache for it was overtaken
}

IoStatus Disk::check(Sector sector, u32 count, u8 mark) const
{
	if (missing_ != IoStatus::ok)
		return missing_;
	if (sector + count > shape_.sectors)
		return IoStatus::io;
	if (is_dark(sector, count) || (read_only_ && mark == kUnwritable))
		return IoStatus::medium;
	for (u32 i = 0; i < count; ++i)
		if (marks_[sector + i] & mark)
			return IoStatus::medium;
	return IoStatus::ok;
}

bool Disk::is_dark(Sector sector, u64 count) const
{
	return std::any_of(dark_.begin(), dark_.end(),
			   [&](const Stretch &one) { return one.touches(sector, count); });
}

IoStatus Disk::read(Sector sector, Content *out, u32 count)
{
	IoStatus status = check(sector, count, kUnreadable);
	if (status == IoStatus::ok && tire(sector, count))
		status = IoStatus::medium;
	if (status == IoStatus::ok)
		std::copy_n(current_.begin() + static_cast<std::ptrdiff_t>(sector), count, out);
	return status;
}

// Each flaky sector that a read touches has one failure less to come. Whether there was one.
bool Disk::tire(Sector sector, u32 count)
{
	bool any = false;
	for (u32 i = 0; i < count; ++i) {
		any |= flaky_[sector + i] != 0;
		flaky_[sector + i] -= flaky_[sector + i] != 0;
	}
	return any;
}

IoStatus Disk::write(Sector sector, const Content *data, u32 count, bool through, Fate fate,
		     Sector elsewhere)
{
	const IoStatus status = check(sector, count, kUnwritable);
	if (status != IoStatus::ok)
		return status;
	switch (fate) {
	case Fate::stored:
		store(sector, data, count, through, false);
		return IoStatus::ok;
	case Fate::refused:
		return IoStatus::io;
	case Fate::refused_stored:
		store(sector, data, count, through, false);
		return IoStatus::io;
	case Fate::refused_late: {
		const bool stubborn =
			std::any_of(stubborn_.begin(), stubborn_.end(),
				    [&](const Stretch &one) { return one.touches(sector, count); });
		late_.push_back({sector, {data, data + count}, stubborn});
		return IoStatus::io;
	}
	case Fate::lost:
		return IoStatus::ok;
	case Fate::doomed:
		store(sector, data, count, false, true);
		return IoStatus::ok;
	case Fate::misdirected:
		store(elsewhere, data, count, through, false);
		return IoStatus::ok;
	}
	return IoStatus::io;
}

void Disk::store(Sector sector, const Content *data, u32 count, bool through, bool doomed)
{
	forget_late(sector, count);
	for (u32 i = 0; i < count; ++i) {
		current_[sector + i] = data[i];
		flaky_[sector + i] = 0;
		if (marks_[sector + i] & kHeals)
			marks_[sector + i] = 0;
	}
	if (!through)
		return log(sector, data, count, doomed);
	++number_;
	for (u32 i = 0; i < count; ++i) {
		stable_[sector + i] = data[i];
		settled_[sector + i] = number_;
	}
}

void Disk::log(Sector sector, const Content *data, u32 count, bool doomed)
{
	++number_;
	++writes_;
	for (u32 done = 0; done < count;) {
		const u64 to_border = shape_.tear - (sector + done) % shape_.tear;
		const u32 part = static_cast<u32>(min_of<u64>(to_border, count - done));
		log_.push_back({sector + done, part, static_cast<u32>(log_contents_.size()),
				number_, writes_, doomed});
		log_contents_.insert(log_contents_.end(), data + done, data + done + part);
		done += part;
	}
}

void Disk::apply(const Unit &unit)
{
	for (u32 i = 0; i < unit.count; ++i)
		if (unit.number >= settled_[unit.sector + i])
			stable_[unit.sector + i] = log_contents_[unit.first + i];
}

void Disk::forget_log()
{
	for (const Unit &unit : log_)
		for (u32 i = 0; i < unit.count; ++i) {
			current_[unit.sector + i] = stable_[unit.sector + i];
			settled_[unit.sector + i] = number_;
		}
	log_.clear();
	log_contents_.clear();
}

IoStatus Disk::flush()
{
	if (missing_ != IoStatus::ok)
		return missing_;
	bool lost = false;
	for (const Unit &unit : log_) {
		lost |= unit.doomed;
		if (!unit.doomed)
			apply(unit);
	}
	forget_log();
	return lost ? IoStatus::io : IoStatus::ok;
}

IoStatus Disk::flush_failing(Random &random)
{
	for (const Unit &unit : log_)
		if (!unit.doomed && random.one_in(2))
			apply(unit);
	forget_log();
	return missing_ != IoStatus::ok ? missing_ : IoStatus::io;
}

void Disk::settle()
{
	for (const Unit &unit : log_)
		apply(unit);
	forget_log();
}

bool Disk::has_doomed() const
{
	return std::any_of(log_.begin(), log_.end(), [](const Unit &unit) { return unit.doomed; });
}

Disk::Cut Disk::cut(Random &random, std::optional<Sector> struck)
{
	Cut cut = choose(random);
	if (struck) {
		cut.damaged = damage(*struck);
		const Sector first = *struck / shape_.physical * shape_.physical;
		for (u64 i = 0; i < cut.damaged; ++i)
			cut.bystanders += !is_unflushed(first + i);
	}
	forget_log();
	return cut;
}

// All, none, or each with an even chance, in a random order: an earlier write to a sector may be
// what is left of two.
Disk::Cut Disk::choose(Random &random)
{
	Cut cut;
	const u64 mood = random.below(8);
	for (usize i = log_.size(); i > 1; --i)
		std::swap(log_[i - 1], log_[random.below(i)]);
	UnitFates fates;
	for (const Unit &unit : log_) {
		const bool survives = mood == 0 || (mood != 1 && random.one_in(2));
		if (survives && !unit.doomed)
			apply(unit);
		cut.dropped += !survives;
		fates.emplace_back(unit.write, survives);
	}
	tell_torn(std::move(fates), &cut);
	return cut;
}

void Disk::tell_torn(UnitFates fates, Cut *cut)
{
	std::sort(fates.begin(), fates.end());
	for (usize i = 1; i < fates.size(); ++i) {
		const auto &[write, survives] = fates[i];
		const auto &[before, survived] = fates[i - 1];
		cut->reordered |= write != before && survives && !survived;
		cut->torn += write == before && survives != survived;
	}
}

bool Disk::is_unflushed(Sector sector) const
{
	return std::any_of(log_.begin(), log_.end(), [sector](const Unit &unit) {
		return Stretch{unit.sector, unit.count}.touches(sector, 1);
	});
}

u64 Disk::damage(Sector sector)
{
	const Sector first = sector / shape_.physical * shape_.physical;
	const u64 count = min_of<u64>(shape_.physical, shape_.sectors - first);
	for (u64 i = 0; i < count; ++i)
		make_unreadable(first + i, true);
	return count;
}

Disk::Cut Disk::cut(u64 survivors)
{
	Cut cut;
	UnitFates fates;
	for (usize i = 0; i < log_.size(); ++i) {
		const bool survives = survivors == kAll || (i < 64 && survivors >> i & 1);
		if (survives && !log_[i].doomed)
			apply(log_[i]);
		cut.dropped += !survives;
		fates.emplace_back(log_[i].write, survives);
	}
	tell_torn(std::move(fates), &cut);
	forget_log();
	return cut;
}

void Disk::make_unreadable(Sector sector, bool heals)
{
	marks_[sector] |= heals ? kUnreadable | kHeals : kUnreadable;
}

void Disk::make_unwritable(Sector sector) { marks_[sector] |= kUnwritable; }

void Disk::rot(Sector sector, u32 bit) { put(sector, contents_.flipped(current_[sector], bit)); }

void Disk::land(usize index)
{
	const Late late = late_[index];
	late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(index));
	for (usize i = 0; i < late.data.size(); ++i)
		put(late.sector + i, late.data[i]);
}

bool Disk::has_stubborn() const
{
	return std::any_of(late_.begin(), late_.end(),
			   [](const Late &one) { return one.stubborn; });
}

void Disk::end_late(Random &random, bool all)
{
	for (usize i = late_.size(); i-- > 0;) {
		if (!all && !late_[i].stubborn && random.one_in(2))
			land(i);
	}
	std::erase_if(late_, [all](const Late &one) { return all || !one.stubborn; });
}

void Disk::forget_late(Sector sector, u32 count)
{
	std::erase_if(late_, [&](const Late &late) {
		return !late.stubborn &&
		       Stretch{late.sector, late.data.size()}.touches(sector, count);
	});
}

} // namespace remap::sim
