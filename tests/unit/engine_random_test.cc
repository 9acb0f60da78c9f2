// SPDX-License-Identifier: GPL-2.0-or-later
// A long random life of a set against a plain model: what every sector of main holds or that it is
// lost. After each stretch every sector is read, and the books of the spare are closed.
//
// DMREMAP_SEED chooses the run, DMREMAP_OPS its length; a failure prints the seed.
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>
#include <utility>

#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

u64 setting(const char *name, u64 otherwise)
{
	const char *value = std::getenv(name);
	return value ? std::strtoull(value, nullptr, 0) : otherwise;
}

class RandomLife {
public:
	RandomLife(u64 seed, const Shape &shape) : random_(seed), set_(shape), shape_(shape)
	{
		for (Sector at = 0; at < shape.main_sectors; ++at)
			content_.push_back(RemapSet::original(at));
		set_.host.hook = [this](HostCall call, DeviceIndex, Sector, u64) {
			interfere(call);
		};
	}

	void run(u64 operations)
	{
		for (u64 i = 0; i < operations && !::testing::Test::HasFailure(); ++i) {
			operation();
			settle();
			if (i % 2000 == 1999)
				check();
		}
		settle();
		check();
	}

private:
	u64 below(u64 limit) { return random_() % limit; }
	bool chance(u64 of) { return below(of) == 0; }
	// Mostly near a few places, so that things meet.
	Sector somewhere(u64 limit)
	{
		const u64 at = chance(8) ? below(limit) : (below(6) * limit / 6 + below(400)) % limit;
		return at / shape_.block_sectors * shape_.block_sectors;
	}
	u64 some_length(u64 limit)
	{
		const u64 length = chance(10) ? 1 + below(5000) : 1 + below(40);
		const u64 whole = round_up(length, shape_.block_sectors);
		return std::min(whole, limit);
	}

	void operation()
	{
		const Sector at = somewhere(shape_.main_sectors);
		const u64 room = shape_.main_sectors - at;
		switch (below(16)) {
		case 0: case 1: case 2: case 3:
			return write(at, std::min<u64>(some_length(room), 320));
		case 4:
			return write_zeroes(at, std::min<u64>(some_length(room), 320));
		case 5: case 6:
			return read(at, std::min<u64>(some_length(room), 320));
		case 7: case 8:
			return add(at, some_length(room));
		case 9: case 10:
			return relocate(at, some_length(room));
		case 11: case 12: case 13:
			return remove(at, some_length(room));
		case 14:
			return fail_sectors(at, std::min<u64>(1 + below(12), room));
		default:
			return rare();
		}
	}

	void rare()
	{
		set_.host.stop = false;
		if (chance(20)) {
			const int result = set_.refusal("clear_all");
			EXPECT_TRUE(result == 0 || result == ENODATA || result == EIO ||
				    result == EINTR)
				<< result;
		} else if (chance(3)) {
			set_.flush();
		} else if (chance(4)) {
			set_.host.main.unwritable.clear();
			set_.host.spare.unwritable.clear();
		} else if (chance(4)) {
			suspend();
		} else if (chance(4)) {
			EXPECT_EQ(set_.refusal("sync"), 0);
		}
		set_.host.stop = false;
	}

	void suspend()
	{
		set_.engine.presuspend();
		EXPECT_EQ(set_.refusal("relocate 0 8"), EINTR);
		interfering_ = true; // no I/O comes from here on
		set_.engine.postsuspend();
		EXPECT_EQ(set_.refusal("relocate 0 8"), EBUSY);
		if (chance(2))
			load_again();
		else
			EXPECT_EQ(set_.resume(), Error::ok) << set_.sentence;
		interfering_ = false;
	}

	// What a table holds is what its metadata holds. Of the spare's data only what was flushed
	// is certain, and this is about the metadata: so the caches survive.
	void load_again()
	{
		const std::vector<Extent> before = set_.extents();
		const std::vector<Added> added = set_.added();
		ASSERT_EQ(set_.reload(), Error::ok) << set_.sentence;
		EXPECT_TRUE(same_extents(before, set_.extents()));
		EXPECT_EQ(added, set_.added());
	}

	// Of writes that overlap the one issued last counts, unless an earlier one ended later: it
	// failed and was carried out again, while the other was on its way too, so either may be
	// there. One that failed leaves each sector old or new; what a reader finds is the truth.
	void learn(const UserIo &io, u64 number, bool zeroes)
	{
		for (u32 i = 0; i < io.sectors; ++i) {
			const Sector at = io.sector + i;
			const u64 written = zeroes ? 0 : io.data[i].stamp();
			if (io.status[i] != IoStatus::ok) {
				uncertain_[at].insert(written);
			} else if (number > newest_[at]) {
				newest_[at] = number;
				content_[at] = written;
				uncertain_.erase(at);
			} else {
				uncertain_[at].insert(written);
			}
		}
	}
	void write(Sector at, u64 count)
	{
		// Numbered when issued: others may be issued before this one has ended.
		const u64 number = ++issued_;
		std::vector<Block> data;
		for (u64 i = 0; i < count; ++i)
			data.push_back(Block::stamped(++stamp_));
		const auto io = set_.start(Op::write, at, static_cast<u32>(count),
					   std::move(data), chance(4));
		ended(io, number, false);
	}
	void write_zeroes(Sector at, u64 count)
	{
		const u64 number = ++issued_;
		ended(set_.start(Op::write_zeroes, at, static_cast<u32>(count)), number, true);
	}
	void ended(const std::shared_ptr<UserIo> &io, u64 number, bool zeroes)
	{
		if (io->ended())
			learn(*io, number, zeroes);
		else
			late_.push_back({io, number, zeroes});
	}
	void read(Sector at, u64 count)
	{
		// A write while a read is carried out again may be seen by it or not.
		const bool before = std::exchange(interfering_, true);
		const auto io = set_.read(at, static_cast<u32>(count));
		interfering_ = before;
		if (!io->ended())
			return;
		for (u32 i = 0; i < count; ++i)
			if (io->status[i] == IoStatus::ok)
				expect_content(at + i, io->data[i].stamp());
	}
	void expect_content(Sector at, u64 found)
	{
		const auto doubt = uncertain_.find(at);
		if (doubt != uncertain_.end() && doubt->second.contains(found))
			content_[at] = found;
		EXPECT_EQ(found, content_[at]) << "sector " << at;
	}

	void add(Sector main, u64 length)
	{
		const Sector data = set_.data_sectors();
		const Sector place = chance(5) ? set_.engine.layout().border() - 16 : somewhere(data);
		const bool nocopy = chance(12);
		message("add_remap " + std::to_string(main) + " " + std::to_string(place) + " " +
			std::to_string(std::min(length, data - place)) + (nocopy ? " nocopy" : ""));
	}
	void relocate(Sector main, u64 length)
	{
		message("relocate " + std::to_string(main) + " " + std::to_string(length));
	}
	void remove(Sector main, u64 length)
	{
		Extent found;
		if (set_.engine.table().next(main, &found) && chance(2))
			main = found.main;
		if (chance(2))
			return message("remove_remap " + std::to_string(main));
		message("remove_remap " + std::to_string(main) + " " +
			std::to_string(std::min(length, shape_.main_sectors - main)));
	}
	void message(const std::string &words)
	{
		if (chance(6))
			set_.host.faults.arm(1 + below(12), AllocationFaults::kNever);
		const u64 free = set_.data_sectors() - set_.engine.table().mapped_sectors();
		const int result = set_.refusal(words);
		set_.host.faults.disarm();
		set_.host.stop = false;
		settle();
		EXPECT_TRUE(result == 0 || result == EINVAL || result == EEXIST ||
			    result == ENOSPC || result == ENOENT || result == ENODATA ||
			    result == ENOMEM || result == EIO || result == EINTR ||
			    result == ERANGE)
			<< words << ": " << result;
		EXPECT_TRUE(result != ENOSPC || free < 5001) << words;
	}

	void fail_sectors(Sector at, u64 count)
	{
		switch (below(4)) {
		case 0:
			set_.host.main.mark_unwritable(at);
			break;
		case 1:
			set_.host.spare.mark_unwritable(
				set_.physical(somewhere(set_.data_sectors())));
			break;
		default:
			set_.host.main.mark_unreadable(
				at, count, chance(6) ? IoStatus::transport : IoStatus::medium);
		}
	}

	// In the middle of a step: user I/O there and elsewhere, now and then a signal.
	void interfere(HostCall call)
	{
		if (interfering_ || !chance(6))
			return;
		interfering_ = true;
		const Sector at = somewhere(shape_.main_sectors);
		write(at, std::min<u64>(some_length(64), shape_.main_sectors - at));
		if (call != HostCall::forward && chance(40))
			set_.host.stop = true;
		interfering_ = false;
	}
	void settle()
	{
		for (const auto &[io, number, zeroes] : late_) {
			EXPECT_TRUE(io->ended());
			learn(*io, number, zeroes);
		}
		late_.clear();
	}

	// Every sector: readable as the model says, lost exactly where the table says, or unreadable
	// on main where nothing is mapped.
	void check()
	{
		set_.check_books();
		interfering_ = true;
		const auto all = set_.read(0, static_cast<u32>(shape_.main_sectors));
		interfering_ = false;
		std::vector<State> state(shape_.main_sectors, State::none);
		for (const Extent &extent : set_.extents())
			for (u64 i = 0; i < extent.length; ++i)
				state[extent.main + i] = extent.state;
		for (Sector at = 0; at < shape_.main_sectors; ++at) {
			const IoStatus status = all->status[at];
			ASSERT_TRUE(state[at] != State::lost || status == IoStatus::medium) << at;
			ASSERT_TRUE(state[at] != State::active || status == IoStatus::ok) << at;
			if (all->status[at] == IoStatus::ok)
				expect_content(at, all->data[at].stamp());
		}
		uncertain_.clear();
		for (Sector at = 0; at < shape_.main_sectors; ++at)
			if (all->status[at] == IoStatus::ok)
				content_[at] = all->data[at].stamp();
	}

	struct Late {
		std::shared_ptr<UserIo> io;
		u64 number;
		bool zeroes;
	};

	std::mt19937_64 random_;
	RemapSet set_;
	Shape shape_;
	std::vector<u64> content_;
	std::map<Sector, std::set<u64>> uncertain_;
	std::map<Sector, u64> newest_;
	std::vector<Late> late_;
	u64 stamp_ = 1;
	u64 issued_ = 0;
	bool interfering_ = false;
};

TEST(EngineRandom, LivesUpToThePlainModel)
{
	const u64 seed = setting("DMREMAP_SEED", std::random_device{}());
	const u64 operations = setting("DMREMAP_OPS", 20000);
	std::cout << "DMREMAP_SEED=" << seed << " DMREMAP_OPS=" << operations << '\n';
	SCOPED_TRACE("DMREMAP_SEED=" + std::to_string(seed));
	RandomLife(seed, {.main_sectors = 16384, .spare_sectors = 16384}).run(operations);
	RandomLife(seed + 1, {.main_sectors = 16384, .spare_sectors = 4096}).run(operations);
	RandomLife(seed + 2, {16384, 8192, 8}).run(operations);
}

}  // namespace
}  // namespace remap::test
