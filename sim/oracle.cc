// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/oracle.h"

#include <algorithm>

#include "core/base/bits.h"

namespace remap::sim {

void Oracle::violate(Promise promise, std::string what)
{
	if (!violation_.empty())
		return;
	violation_ = std::move(what);
	broken_ = promise;
}

Oracle::Truth &Oracle::truth(Sector sector)
{
	if (!slot_[sector]) {
		truths_.push_back({before(original(sector))});
		slot_[sector] = static_cast<u32>(truths_.size());
	}
	return truths_[slot_[sector] - 1];
}

void Oracle::issued(UserIo &io)
{
	io.issued = ++now_;
	readers_ += io.op == Op::read;
	if (!io.writes())
		return;
	for (u32 i = 0; i < io.sectors; ++i) {
		Truth &versions = truth(io.sector + i);
		prune(versions);
		Version &made = versions.emplace_back();
		made.content = io.data[i];
		made.io = io.issued;
	}
}

Oracle::Version *Oracle::version(const UserIo &io, u32 index)
{
	for (Version &one : truth(io.sector + index))
		if (one.io == io.issued)
			return &one;
	return nullptr;
}

void Oracle::sent(const UserIo &io, u32 first, u32 count)
{
	++now_;
	for (u32 i = first; io.writes() && i < first + count; ++i)
		if (Version *one = version(io, i))
			one->sent = now_;
}

void Oracle::landed(const UserIo &io, u32 first, u32 count)
{
	for (u32 i = first; io.writes() && i < first + count; ++i)
		if (Version *one = version(io, i))
			one->landed = now_;
	++now_;
}

void Oracle::forget_users()
{
	readers_ = 0;
	for (Truth &versions : truths_)
		for (Version &one : versions)
			one.landed = min_of(one.landed, now_);
}

// Whether it must not be what stays when the other one has ended well.
bool Oracle::Version::precedes(const Version &other) const
{
	return io == kNever || (io < other.io && !on_device(other.sent) && !other.on_device(sent));
}

// Old versions only matter to a power failure, or to a read that began before they were over.
void Oracle::prune(Truth &versions)
{
	if (readers_)
		return;
	std::erase_if(versions, [](const Version &one) { return one.is_gone(); });
}

void Oracle::ended(const UserIo &io)
{
	++now_;
	for (u32 i = 0; i < io.sectors; ++i) {
		const bool ok = io.status[i] == IoStatus::ok;
		if (io.op == Op::read)
			check_read(io, i);
		else
			end_write(io.sector + i, io.issued, ok && io.op != Op::discard,
				  io.fua || io.redirected[i]);
	}
	readers_ -= io.op == Op::read;
}

void Oracle::check_read(const UserIo &io, u32 index)
{
	const Sector sector = io.sector + index;
	if (io.status[index] == IoStatus::ok && !may_read(sector, io.data[index], io.issued))
		violate(Promise::stale, "a read returned " + std::to_string(io.data[index]) + ": " +
						describe(sector));
}

// A write that failed may be there or not, and ends nobody's validity; nor does a discard, which a
// device may take as a hint only.
void Oracle::end_write(Sector sector, u64 io, bool ok, bool durable)
{
	Truth &versions = truth(sector);
	const auto mine = std::find_if(versions.begin(), versions.end(),
				       [io](const Version &one) { return one.io == io; });
	if (mine == versions.end())
		return; // it is gone already
	ok = ok && !mine->tainted;
	mine->ended = true;
	mine->done = ok ? now_ : 0;
	for (Version &one : versions) {
		if (!ok || !one.precedes(*mine))
			continue;
		one.over = min_of(one.over, now_);
		if (durable)
			one.gone = min_of(one.gone, now_);
	}
	prune(versions);
}

// All that was acknowledged until then is stable.
void Oracle::settle(Truth &versions, Moment until)
{
	Moment newest = 0;
	for (const Version &one : versions)
		if (one.done && one.done <= until)
			newest = std::max(newest, one.done);
	for (Version &one : versions)
		if (one.over <= newest)
			one.gone = min_of(one.gone, now_);
	prune(versions);
}

void Oracle::flush_ended(const UserFlush &flush)
{
	++now_;
	if (flush.status != IoStatus::ok || flush.beside_failed)
		return; // power_cut() was called when the device failed
	for (Truth &versions : truths_)
		if (versions.size() > 1)
			settle(versions, flush.issued);
}

void Oracle::flush_failed()
{
	for (Truth &versions : truths_)
		for (Version &one : versions)
			one.exposed |= !one.is_gone();
}

void Oracle::power_cut()
{
	++now_;
	for (Truth &versions : truths_)
		for (Version &one : versions)
			if (!one.is_gone()) {
				one.over = kNever;
				one.done = one.done ? 1 : 0;
				one.tainted = !one.ended;
			}
}

bool Oracle::may_read(Sector sector, Content content, Moment since) const
{
	const Truth *versions = touched(sector);
	if (!versions)
		return content == original(sector);
	return std::any_of(versions->begin(), versions->end(), [&](const Version &one) {
		const bool valid = one.over > since || (one.exposed && one.gone > since);
		return valid && contents_.same(one.content, content);
	});
}

bool Oracle::observe(Sector sector, Content content)
{
	if (!slot_[sector])
		return content == original(sector);
	if (!may_read(sector, content, now_))
		return false;
	truth(sector) = {before(content)};
	return true;
}

void Oracle::forget(Sector sector)
{
	++now_;
	for (Version &one : truth(sector)) {
		if (!one.ended)
			continue;
		one.gone = min_of(one.gone, now_);
		one.over = min_of(one.over, now_);
	}
	prune(truth(sector));
}

bool Oracle::known(Sector sector) const
{
	const Truth *versions = touched(sector);
	return !versions || std::any_of(versions->begin(), versions->end(),
					[](const Version &one) { return !one.is_gone(); });
}

void Oracle::replace(Sector sector, Content content)
{
	truth(sector) = {before(content)};
}

void Oracle::admit(Sector sector, Content content)
{
	Version &made = truth(sector).emplace_back();
	made.content = content;
	made.io = kNever;
	made.ended = true;
}

void Oracle::admit_no_more(Sector sector)
{
	std::erase_if(truth(sector), [](const Version &one) { return one.io == kNever; });
}

std::string Oracle::describe(Sector sector) const
{
	std::string text = "sector " + std::to_string(sector) + " may hold";
	const Truth *versions = touched(sector);
	if (!versions)
		return text + " only what it held from the start";
	for (const Version &one : *versions)
		text += " " + std::to_string(one.content) + (one.is_gone() ? "(gone)" : "") +
			(one.over != kNever ? "(over)" : "") + (one.done ? "" : "(not ended)");
	return versions->empty() ? text + " nothing that can be read" : text;
}

} // namespace remap::sim
