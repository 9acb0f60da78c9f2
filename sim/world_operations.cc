// SPDX-License-Identifier: GPL-2.0-or-later
// What users and operators do in the simulated world.
#include <cerrno>
#include <cstdio>
#include <sstream>

#include "sim/world.h"

namespace remap::sim {

void World::apply(const Operation &operation)
{
	switch (operation.act) {
	case Act::write:
		return write(operation, Op::write, false);
	case Act::write_fua:
		return write(operation, Op::write, true);
	case Act::write_zeroes:
		return write(operation, Op::write_zeroes, false);
	case Act::discard:
		return write(operation, Op::discard, false);
	case Act::read:
		return write(operation, Op::read, false);
	case Act::flush:
		return traffic_.start_flush();
	case Act::add:
		return add(operation, true);
	case Act::add_nocopy:
		return add(operation, false);
	case Act::crowd:
		return crowd(operation);
	case Act::relocate:
		return relocate(operation);
	case Act::together:
		return together(operation);
	case Act::remove:
		return remove(operation);
	case Act::remove_part:
		return remove_part(operation);
	case Act::remove_stale:
		return remove_stale(operation);
	case Act::clear:
		return clear();
	case Act::suspend:
		return suspend();
	case Act::reload:
		return reload(false);
	case Act::reload_read_only:
		return reload(true);
	case Act::sync:
		return sync();
	case Act::darken:
		return darken(operation);
	case Act::rot:
		return rot(operation);
	case Act::crash:
		return crash(operation);
	case Act::signal:
		host_.stop = messages_ != 0;
		return;
	case Act::spoil_main:
	case Act::spoil_spare:
	case Act::refuse_main:
		return spoil(operation);
	case Act::refuse_spare:
		return spoil(operation);
	case Act::sever_main:
		return sever(operation);
	case Act::freeze_main:
		return freeze(operation);
	case Act::land:
		return land();
	case Act::scan:
		return scan(operation);
	case Act::join:
		return enlist();
	case Act::leave:
		return leave();
	case Act::perish:
		return perish(operation);
	case Act::check:
		return check();
	}
}

bool World::fits(const Operation &operation) const
{
	return operation.length && operation.at + operation.length <= setup_.shape.main.sectors;
}

// Users who write the same sectors wait for each other half of the time: what two writes leave behind
// that are on a device at once nobody can say.
void World::write(const Operation &operation, Op op, bool fua)
{
	const u32 count = static_cast<u32>(operation.length);
	if (!fits(operation))
		return;
	if (op != Op::read && traffic_.busy(operation.at, count) && random_.one_in(2))
		quiet();
	if (host_.is_cut())
		return;
	std::vector<Content> data(count);
	for (Content &one : data)
		one = op == Op::write ? ++stamp_ : kZeros;
	traffic_.start(op, operation.at, count, fua, data);
}

// Messages on the same range wait for each other: the ledger knows one future of a sector.
void World::send(std::string words, Change change, Sector main, u64 count, Place place)
{
	constexpr u32 kMessages = 6;
	if (ledger_.touches_open(main, count) || messages_ >= kMessages)
		quiet();
	if (host_.is_cut())
		return;
	const Ledger::Id id = ledger_.open(change, main, count, place);
	++messages_;
	host_.fibers.spawn([this, words = std::move(words), id, main, count] {
		const Fibers::Id thread = host_.fibers.current();
		host_.set_killable(thread, true);
		try {
			const int result = deliver(words);
			answered(words, result, id, main, count);
		} catch (const PowerCut &) {
			--messages_;
		}
		host_.set_killable(thread, false);
	});
}

int World::deliver(const std::string &words)
{
	std::vector<std::string> parts;
	std::istringstream stream(words);
	for (std::string part; stream >> part;)
		parts.push_back(part);
	std::vector<char *> arguments;
	for (std::string &part : parts)
		arguments.push_back(part.data());
	char reply[512];
	return core_->message(static_cast<u32>(arguments.size()), arguments.data(), reply,
			      sizeof(reply));
}

void World::answered(const std::string &words, int result, Ledger::Id id, Sector main, u64 count)
{
	--messages_;
	if (host_.talks)
		std::printf("  %s: %d %s\n", words.c_str(), result,
			    result < 0 ? host_.last_line.c_str() : "");
	if (result < 0 && !may_fail(-result))
		note(Promise::lost, "'" + words + "' failed without a reason (" +
					    std::to_string(result) + "): " + host_.last_line);
	host_.kinds.count(Kind::interrupted, result == -EINTR);
	if (!messages_)
		host_.stop = false;
	if (leaving_ && words.starts_with("remove_spare"))
		left(result);
	ledger_.close(id, result >= 0, result < 0 && core_->journal().failed(), *core_);
	if (result < 0 && core_->journal().failed())
		return;
	for (Sector i = main; i < main + count; ++i) {
		const bool lost = ledger_.state(i) == State::lost;
		// A write that has revived it and was not answered may still fail.
		host_.excused[i] = lost || (host_.excused[i] && ledger_.touches_open(i, 1));
		if (lost)
			host_.oracle.forget(i);
	}
}

// What the operator did wrong is refused; other errors need somebody who made trouble.
bool World::may_fail(int error) const
{
	switch (error) {
	case EINVAL:
	case EEXIST:
	case ERANGE:
	case ENOSPC:
	case ENOENT:
	case ENODATA:
		return true;
	case EINTR:
	case EBUSY:
		return host_.stop || suspending_ || (leaving_ && host_.trouble.any());
	case EIO: // or what it is about is on a spare that is missing
		return host_.trouble.any() || core_->journal().gone();
	case ENOMEM:
	case EROFS:
		return host_.trouble.any();
	default:
		return false;
	}
}

namespace {

std::string numbers(const char *word, u64 a, u64 b)
{
	return std::string(word) + " " + std::to_string(a) + " " + std::to_string(b);
}

} // namespace

void World::add(const Operation &operation, bool copy)
{
	const Sector data = core_->spares().data_sectors();
	if (!fits(operation))
		return;
	const u32 block = setup_.shape.block;
	const Sector place = operation.place % data / block * block;
	if (ledger_.touches_open(operation.at, operation.length))
		quiet();
	for (u64 i = 0; !copy && i < operation.length; ++i)
		host_.excused[operation.at + i] = true;
	send(numbers("add_remap", operation.at, place) + " " + std::to_string(operation.length) +
		     (copy ? "" : " nocopy"),
	     Change::add, operation.at, operation.length, place);
}

void World::relocate(const Operation &operation)
{
	if (fits(operation))
		send(numbers("relocate", operation.at, operation.length), Change::relocate,
		     operation.at, operation.length, 0);
}

// Messages that come while somebody has the lock, so that all of them wait for it at once: what is
// mapped goes back, the rest gets a place.
void World::together(const Operation &operation)
{
	const u64 length = round_up(1 + operation.length % 12, u64{setup_.shape.block});
	const u64 count = 2 + operation.place % 4;
	quiet();
	if (host_.is_cut())
		return;
	host_.lock();
	for (u64 i = 0; i < count; ++i) {
		const Sector at = operation.at + i * 2 * length;
		if (at + length > setup_.shape.main.sectors)
			break;
		if (ledger_.touches_open(at, length)) // in doubt until the next load
			continue;
		const bool mapped = core_->map(Op::read, at, 1).device != kMainDevice;
		send(numbers(mapped ? "remove_remap" : "relocate", at, length),
		     mapped ? Change::remove : Change::relocate, at, length, 0);
	}
	const std::vector<Fibers::Id> threads = host_.fibers.living();
	for (const Fibers::Id id : threads)
		while (host_.can_run(id))
			host_.fibers.resume(id);
	host_.unlock();
}

// So many extents of a block each that a checkpoint has several blocks.
void World::crowd(const Operation &operation)
{
	const u32 block = setup_.shape.block;
	const u64 step = 2 * block;
	const u64 slots = setup_.shape.main.sectors / step;
	for (u64 i = 0; i < operation.length && i < slots && !host_.is_cut(); ++i) {
		const Sector at = (operation.at / step + i) % slots * step;
		send(numbers("relocate", at, block), Change::relocate, at, block, 0);
		quiet();
	}
}

// The extent at the place or behind it.
void World::remove(const Operation &operation)
{
	Extent found;
	Sector start;
	u64 length;
	if (ledger_.any_open())
		quiet();
	if (host_.is_cut() || !core_->table().next(operation.at, &found))
		return;
	if (core_->table().added_extent(found.main, &start, &length))
		send("remove_remap " + std::to_string(found.main), Change::remove, start, length,
		     0);
}

void World::remove_part(const Operation &operation)
{
	Extent found;
	if (host_.is_cut() || !core_->table().next(operation.at, &found))
		return;
	const u64 length = min_of(operation.length, setup_.shape.main.sectors - found.main);
	send(numbers("remove_remap", found.main, length), Change::remove, found.main, length, 0);
}

// A block of the log, but not the last: behind that one nothing has to fit.
bool World::shows(Sector sector) const
{
	const Zone zone = host_.trouble.zones().at(sector);
	if (!core_ || !core_->journal().opened() || host_.trouble.suspects() & Trouble::bit(zone))
		return false;
	const Layout &layout = core_->layout();
	const u64 ring = layout.journal_blocks();
	const u64 end = core_->journal().journal_end();
	for (u64 i = core_->journal().superblock().journal_start; i + 1 < end; ++i)
		for (u32 copy = 0; copy < kCopies; ++copy)
			if (layout.journal(copy) + i % ring * kBlockSectors == sector)
				return in_log(i);
	return false;
}

void World::clear() { send("clear_all", Change::remove, 0, setup_.shape.main.sectors, 0); }

void World::sync() { send("sync", Change::remove, 0, 0, 0); }

// A failure that is still to come comes now, so that none is left out.
void World::crash(const Operation &operation)
{
	if (host_.cut_is_due())
		host_.cut_now();
	else
		host_.cut_at(host_.events() + operation.at + 1);
}

// Sectors go bad while nobody looks.
void World::spoil(const Operation &operation)
{
	const bool spare =
		operation.act == Act::spoil_spare || operation.act == Act::refuse_spare;
	for (u64 i = 0; i < operation.length; ++i) {
		Address to{kMainDevice, operation.at + i, 1};
		if (spare)
			to = core_->spares().address(
				to.sector % core_->spares().data_sectors(), 1);
		// What moves just then must be readable, or excused before.
		if (to.device == kNoDevice || (leaving_ && to.device > kFirstSpare))
			continue;
		Disk &disk = host_.disk(to.device);
		const Sector sector = to.sector;
		if (sector >= disk.sectors())
			continue;
		++findings_.bad;
		const bool refuses =
			operation.act == Act::refuse_main || operation.act == Act::refuse_spare;
		host_.kinds.count(spare ? Kind::bad_spare : refuses ? Kind::unwritable
								    : Kind::bad_main);
		if (refuses)
			disk.make_unwritable(sector);
		else
			disk.make_unreadable(sector, operation.place % 4 != 0);
	}
	host_.trouble.note();
}

// Whether all of a range is on main and none of it pending.
bool World::untouched(Sector at, u64 count) const
{
	for (u64 i = 0; i < count; ++i)
		if (at + i >= setup_.shape.main.sectors || ledger_.state(at + i) != State::none)
			return false;
	return true;
}

// Main is gone for a moment: nothing may be remapped for it, and nothing be left behind.
void World::sever(const Operation &operation)
{
	quiet();
	if (host_.is_cut() || !fits(operation))
		return;
	ledger_.take(*core_);
	if (!untouched(operation.at, operation.length))
		return;
	const u64 before = core_->table().mapped_sectors() + core_->table().pending_sectors();
	host_.trouble.note();
	host_.main.set_missing(operation.place % 2 ? IoStatus::transport : IoStatus::io);
	write({Act::write, operation.at, operation.length, 0, 0}, Op::write, false);
	write({Act::read, operation.at, operation.length, 0, 0}, Op::read, false);
	quiet();
	host_.main.set_missing(IoStatus::ok);
	if (host_.is_cut())
		return;
	if (before != core_->table().mapped_sectors() + core_->table().pending_sectors())
		note(Promise::lost, "something was remapped although main was gone");
}

// Main takes no write for a moment, as a device that was turned read-only: that costs one block.
void World::freeze(const Operation &operation)
{
	const u32 block = max_of(setup_.shape.main.physical, kBlockSectors);
	const Sector at = round_down(operation.at, block);
	constexpr u32 kBlocks = 4;
	quiet();
	if (host_.is_cut())
		return;
	ledger_.take(*core_);
	if (!untouched(at, u64{kBlocks} * block))
		return;
	const u64 before = core_->table().mapped_sectors();
	host_.trouble.note();
	host_.main.set_read_only(true);
	for (u32 i = 0; i < kBlocks && !host_.is_cut(); ++i) {
		write({Act::write, at + u64{i} * block, block, 0, 0}, Op::write, false);
		quiet();
	}
	host_.main.set_read_only(false);
	if (!host_.is_cut() && core_->table().mapped_sectors() > before + block)
		note(Promise::lost, "a device turned read-only costs more than a block");
}

// Gives up what only the spare has; the device is closed for it.
void World::remove_stale(const Operation &operation)
{
	quiet();
	Extent found;
	if (host_.is_cut() || host_.main.has_doomed() || !core_->table().next(operation.at, &found))
		return;
	const u64 length = min_of(operation.length, found.length);
	host_.main.settle();
	host_.main.end_late(random_, true);
	for (u64 i = 0; i < length; ++i)
		stale_.push_back(found.main + i);
	host_.open = false;
	send(numbers("remove_remap", found.main, length) + " stale-ok", Change::remove, found.main,
	     length, 0);
	quiet();
	host_.open = true;
	if (host_.is_cut())
		return;
	if (!core_->journal().failed())
		return adopt_decisions();
	for (const Sector sector : stale_)
		host_.oracle.admit(sector, host_.main.content(sector));
}

// Zones of the spare that give nothing, from now on and at the next start.
void World::darken(const Operation &operation)
{
	const u32 now = static_cast<u32>(operation.at % 8);
	const u32 allowed = host_.trouble.may_be_dark(now);
	next_dark_ = static_cast<u32>(operation.length % 8);
	if (operation.place % 2 == 0)
		set_dark(allowed);
}

// A bit turns, or a sector goes bad, where nobody looks before the next load: often at the end of
// the log, else anywhere. Or a block of the log becomes what it was before it was written.
void World::rot(const Operation &operation)
{
	const Layout &layout = core_->layout();
	const Zone zone = operation.place % 2 ? Zone::head : Zone::tail;
	const Stretch &all = host_.trouble.zones().of(zone);
	const u64 end = core_->journal().journal_end();
	const u64 back = operation.length % 5;
	const u64 live = end - core_->journal().superblock().journal_start;
	const Sector block = layout.journal(zone == Zone::tail) +
			     (end - back) % layout.journal_blocks() * kBlockSectors;
	if (operation.at % 3 == 0)
		return rot_sector(zone, all.first + operation.place / 2 % all.count, operation.at);
	if (operation.at % 3 == 1 && end >= back)
		return rot_sector(zone, block + operation.place % kBlockSectors, operation.at);
	// The last block of that copy may not: of that nothing would show.
	const bool shows = back > 1 && back <= end && in_log(end - back) &&
			   host_.trouble.wounds().empty() && back <= live &&
			   !core_->journal().failed() &&
			   !(host_.trouble.suspects() & Trouble::bit(zone));
	for (u32 i = 0; shows && i < kBlockSectors; ++i)
		wound(zone, block + i, kZeros);
	if (!host_.trouble.wounds().empty() && shows) {
		host_.trouble.seal();
		host_.kinds.count(Kind::gone_block);
	}
}

void World::rot_sector(Zone zone, Sector sector, u64 bit)
{
	Trouble &trouble = host_.trouble;
	const bool in_site = trouble.zones().site_at(sector) != kNever;
	const Content content = host_.spare.content(sector);
	const Content rotten = host_.contents.flipped(content, static_cast<u32>(bit / 6));
	if (!in_site)
		return wound(zone, sector, bit / 3 % 2 ? content : rotten);
	if (!trouble.may_hurt(zone))
		return;
	trouble.hurt(sector, 1);
	host_.kinds.count(Kind::rotten);
	host_.spare.put(sector, rotten);
}

// The sector becomes what it is said to, or unreadable if that is nothing new.
void World::wound(Zone zone, Sector sector, Content rotten)
{
	const Content original = host_.spare.content(sector);
	if (!host_.trouble.may_wound(zone))
		return;
	host_.trouble.wound({sector, original, rotten});
	if (rotten != original) {
		host_.kinds.count(Kind::rotten, rotten != kZeros);
		return host_.spare.put(sector, rotten);
	}
	host_.spare.make_unreadable(sector, true);
	host_.kinds.count(Kind::unreadable);
	++findings_.bad;
}

} // namespace remap::sim
