// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/world.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <sstream>

namespace remap::sim {

World::World(const Setup &setup)
    : setup_(setup), random_(setup.seed), host_(setup.shape, setup.rates, random_),
      ledger_(setup.shape.main.sectors, setup.rates.memory != 0), traffic_(host_, ledger_)
{
	forget_broken_invariant();
	host_.users = &traffic_;
	host_.planted = setup.bug;
	host_.policy = setup.policy;
	host_.policy.heal = setup.seed % 3 == 0;
	host_.shows = [this](Sector sector) { return shows(sector); };
	host_.in_place = [this](Sector main, DeviceIndex device, Sector physical) {
		const Answer answer = core_->table().lookup(main, 1);
		if (answer.state != State::active)
			return false;
		const Address at = core_->spares().address(answer.place, 1);
		return at.device == device && at.sector == physical;
	};
	member_ = setup.shape.second.sectors && !setup.alone;
	host_.second_named = member_;
	open();
	if (core_)
		ledger_.take(*core_);
}

World::~World()
{
	host_.cut_now();
	unwind();
}

void World::note(Promise promise, const std::string &violation)
{
	if (!findings_.violation.empty() || violation.empty())
		return;
	findings_.violation = violation;
	findings_.broken = promise;
}

void World::note_all()
{
	note(host_.oracle.broken(), host_.oracle.violation());
	note(Promise::lost, ledger_.violation());
	note(Promise::lost, broken_invariant());
}

Findings World::run(const Script &script)
{
	if (setup_.cut)
		host_.cut_at(host_.events() + setup_.cut->event);
	for (usize i = 0; i < script.size() && !failed() && !over_; ++i) {
		findings_.failed_at = i;
		++findings_.operations;
		random_ = Random(script[i].salt);
		if (host_.talks)
			std::printf("%s\n", script[i].text().c_str());

		apply(script[i]);
		run_some();
		// A set that serves and changes nothing does not stay long.
		if (!over_ && !failed() && is_stuck() && random_.one_in(12)) {
			host_.kinds.count(Kind::stuck);
			reload(false);
		}
		while (host_.is_cut() && !failed() && !over_)
			recover();
		note_all();
	}
	finish();
	findings_.kinds = host_.kinds;
	return findings_;
}

bool World::is_stuck() const
{
	return !setup_.cut && !host_.is_cut() && core_ && core_->journal().failed();
}

// Whatever the script left: everything ends, the power fails once more, everything is looked at.
void World::finish()
{
	if (failed() || over_)
		return;
	// The last crash point: all is answered, not all is stable.
	if (setup_.cut && host_.cut_is_next()) {
		host_.cut_now();
		return recover();
	}
	check();
	if (failed() || over_)
		return;
	if (setup_.cut)
		return;
	random_ = Random(setup_.seed);
	constexpr u64 kCrashes = 3;
	do {
		host_.cut_now();
		recover();
	} while (findings_.crashes < kCrashes && !failed() && !over_);
}

// One thread or one device does one thing. false: nothing is left to do.
bool World::step()
{
	if (host_.is_cut())
		return false;
	std::vector<Fibers::Id> ready;
	for (const Fibers::Id id : host_.fibers.living())
		if (host_.can_run(id))
			ready.push_back(id);
	const usize choices = traffic_.choices();
	if (ready.empty() && !choices) {
		if (!host_.fibers.living().empty() || !traffic_.idle())
			note(Promise::lost, "deadlock: somebody waits and nobody can go on");
		return false;
	}
	const usize choice = random_.below(ready.size() + choices);
	if (choice < ready.size())
		host_.fibers.resume(ready[choice]);
	else
		traffic_.step(choice - ready.size());
	return true;
}

void World::run_some()
{
	if (setup_.cut || random_.one_in(3))
		return quiet();
	for (u64 left = random_.below(12); left && step(); --left)
		if (traffic_.somebody_waits() && random_.one_in(4))
			join();
}

// Somebody writes where another one waits, is recovered, or is not sent on as a whole yet.
void World::join()
{
	const Piece *there = traffic_.some_waiting();
	if (!there || host_.is_cut())
		return;
	const u32 block = setup_.shape.block;
	const u64 after = random_.below(there->sectors), before = random_.below(8);
	const Sector at = round_down(max_of(there->sector() + after, before) - before, block);
	const u64 length = round_up(before + 1 + random_.below(16), block);
	std::vector<Content> data(min_of(length, setup_.shape.main.sectors - at));
	for (Content &one : data)
		one = ++stamp_;
	traffic_.start(Op::write, at, static_cast<u32>(data.size()), random_.one_in(4), data);
}

void World::quiet()
{
	constexpr u32 kPatience = 2'000'000;
	for (u32 i = 0; step(); ++i)
		if (i == kPatience)
			return note(Promise::lost, "something runs for ever");
}

// ---- looking ----

void World::check()
{
	quiet();
	if (host_.is_cut())
		return;
	ledger_.take(*core_);
	note(Promise::leaked, Ledger::check_places(*core_));
	check_content();
	check_space();
	check_budget();
	note_all();
}

// What was in doubt is decided now. A sector may have become lost only if it could not be read, and
// without a copy back main's content is the truth again.
void World::adopt_decisions()
{
	for (Sector sector = 0; sector < setup_.shape.main.sectors; ++sector) {
		const State state = ledger_.state(sector);
		if (state == State::lost && !host_.excused[sector])
			note(Promise::lost,
			     "lost without a reason: " + host_.oracle.describe(sector));
		if (state == State::lost)
			host_.oracle.forget(sector);
		else
			host_.excused[sector] = false;
	}
	for (const Sector sector : stale_) {
		host_.oracle.admit_no_more(sector);
		if (ledger_.state(sector) == State::none)
			host_.oracle.replace(sector, host_.main.content(sector));
	}
	stale_.clear();
	if (!asked_)
		ledger_.may_lose_no_more();
}

// After a power failure each sector has one of the contents that it may have, and keeps it.
void World::check_recovered()
{
	recovering_ = true;
	check_content();
	recovering_ = false;
	note(Promise::leaked, Ledger::check_places(*core_));
	check_space();
	note_all();
}

void World::check_content()
{
	const Sector sectors = setup_.shape.main.sectors;
	for (Sector at = 0; at < sectors;) {
		const Mapping to = core_->map(Op::read, at, static_cast<u32>(sectors - at));
		check_sectors(at, to);
		at += to.sectors;
	}
}

void World::check_sectors(Sector at, const Mapping &to)
{
	if (to.verdict == Verdict::hold)
		return note(Promise::lost, "a fence was left behind");
	for (u32 i = 0; i < to.sectors; ++i) {
		const Sector sector = at + i;
		if (to.verdict == Verdict::fail_closed && !host_.second_named)
			continue; // its spare is missing
		if (to.verdict == Verdict::fail_medium) {
			if (!host_.excused[sector])
				note(Promise::lost,
				     "lost without a reason: " + host_.oracle.describe(sector));
			continue;
		}
		const Disk &disk = host_.disk(to.device);
		if (disk.is_unreadable(to.sector + i) ||
		    (to.device > kFirstSpare && dead_ != IoStatus::ok))
			continue;
		const Content content = disk.content(to.sector + i);
		const bool right =
			recovering_ ? host_.oracle.observe(sector, content)
				    : host_.oracle.may_read(sector, content, host_.oracle.now());
		if (!right)
			note(Promise::stale, "a read would return " + std::to_string(content) +
						     " from device " + std::to_string(to.device) +
						     ": " + host_.oracle.describe(sector));
	}
}

u64 World::number(const char *message, const std::string &key)
{
	std::string word = message;
	char *words[] = {word.data()};
	char reply[4096];
	if (core_->message(1, words, reply, sizeof(reply)) != 1)
		return 0;
	std::istringstream lines(reply);
	for (std::string line; std::getline(lines, line);)
		if (line.compare(0, key.size() + 1, key + "=") == 0)
			return std::stoull(line.substr(key.size() + 1));
	return 0;
}

void World::check_space()
{
	const u64 used = number("status", "spare_used");
	const u64 mapped = used_places();
	// Until the next load nobody can tell whether what failed to be given back was.
	if (used < mapped || (used != mapped && !core_->journal().failed()))
		note(Promise::leaked, "leaked: the spare has " + std::to_string(used) +
					      " sectors in use, " + std::to_string(mapped) +
					      " are mapped");
	const u64 entries = number("status", "metadata_used");
	if (entries != ledger_.stretches() && !core_->journal().failed())
		note(Promise::leaked, "the metadata counts " + std::to_string(entries) +
					      " stretches, there are " +
					      std::to_string(ledger_.stretches()));
}

// A window of the budget begins with a remap, so this core can have had so many at most.
void World::check_budget()
{
	const Policy &policy = host_.policy;
	const u64 windows = host_.core_seconds() / max_of(policy.budget_seconds, 1u) + 1;
	const u64 remaps = number("health", "remaps_by_write") + number("health", "remaps_by_read");
	if (remaps > windows * policy.budget_remaps)
		note(Promise::lost, "more is remapped than the budget allows: " +
					    std::to_string(remaps) + " in " +
					    std::to_string(host_.core_seconds()) + " s");
}

JournalSectorDisk World::journal_sector(u32 copy, u64 sequence) const
{
	const Layout &layout = core_->layout();
	const u64 sectors = layout.journal_blocks() * kBlockSectors;
	JournalSectorDisk sector;
	host_.contents.spell(host_.spare.content(layout.journal(copy) + sequence % sectors),
			     &sector);
	return sector;
}

// Which blocks the log has; between them are places that loads left free.
std::vector<u64> World::blocks_of_log() const
{
	const Superblock &now = core_->journal().superblock();
	std::vector<u64> blocks;
	const u64 first = std::max(now.epoch_start, now.journal_start);
	for (u64 number = first; number < core_->journal().journal_end(); ++number)
		blocks.push_back(number);
	u32 crc = now.chain;
	for (u64 number = now.chain_end; number-- > now.journal_start;) {
		u32 wanted = crc;
		u32 found = 0;
		for (u32 s = kBlockSectors; s-- > 0;)
			for (u32 copy = 0; copy < kCopies; ++copy) {
				const auto sector = journal_sector(copy, number * kBlockSectors + s);
				if (sector.crc != wanted || sector.sequence != number * kBlockSectors + s ||
				    !is_valid(sector, now.set))
					continue;
				wanted = sector.previous;
				++found;
				break;
			}
		if (found < kBlockSectors)
			continue;
		crc = wanted;
		blocks.push_back(number);
	}
	return blocks;
}

bool World::in_log(u64 number) const
{
	const std::vector<u64> blocks = blocks_of_log();
	return std::find(blocks.begin(), blocks.end(), number) != blocks.end();
}

// What a load makes of the copies is the same in all, and the same on all sites.
void World::check_copies()
{
	const auto &journal = core_->journal();
	const Spares &spares = core_->spares();
	const Superblock &now = journal.superblock();
	const u64 ring = spares.journal_blocks();
	for (u32 copy = 1; copy < kMaxCopies; ++copy) {
		if (!(now.copies >> copy & 1))
			continue;
		const Layout &first = spares.layout(0);
		const Layout &layout = spares.layout(copy / kCopies);
		const Disk &disk = host_.disk(spares.device(copy / kCopies));
		const u32 end = copy % kCopies;
		for (const u64 i : blocks_of_log())
			compare_copies(first.journal(0) + i % ring * kBlockSectors, disk,
				       layout.journal(end) + i % ring * kBlockSectors, "journal");
		for (u64 i = 0; i < now.root.blocks; ++i)
			compare_copies(first.area(0, now.root.area) + i * kBlockSectors, disk,
				       layout.area(end, now.root.area) + i * kBlockSectors,
				       "checkpoint");
	}
	for (u32 number = 0; number < journal.sites(); ++number) {
		const Superblock &site = journal.site(number).superblock;
		if (site.epoch != now.epoch || site.generation != now.generation)
			note(Promise::lost, "sites differ after a repair");
	}
}

// The first spare's sectors from `a` on, and those of `disk` from `b` on.
void World::compare_copies(Sector a, const Disk &disk, Sector b, const char *what)
{
	const Disk &one = host_.spare;
	for (u32 i = 0; i < kBlockSectors; ++i) {
		const bool same = host_.contents.same(one.stable(a + i), disk.stable(b + i)) &&
				  host_.contents.same(one.stable(a + i), one.content(a + i)) &&
				  host_.contents.same(disk.stable(b + i), disk.content(b + i));
		if (!same || one.is_unreadable(a + i) || disk.is_unreadable(b + i))
			note(Promise::lost, std::string("copies of the ") + what +
						    " differ after a repair at sector " +
						    std::to_string(a + i));
	}
}

} // namespace remap::sim
