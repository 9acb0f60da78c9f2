// SPDX-License-Identifier: GPL-2.0-or-later
// Readers beside the writer, for ThreadSanitizer: every sector of every answer was true at some
// moment of the call.
//
// Main is divided into units. What a unit holds is a function of its version alone. The writer
// counts `begun` up before it changes a unit and `done` after; a reader that reads `done` before
// its lookup and `begun` after it knows which versions can have been true meanwhile.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "core/table/table.h"
#include "tests/unit/test_platform.h"

namespace remap::test {
namespace {

// Zones of units: small ones that share regions, single regions far apart (pages that split and
// merge), and 1-MiB steps that become coarse words.
struct Zone {
	Sector start;
	u64 unit;
	u64 stride;
	u64 count;
};
constexpr Zone kZones[] = {
	{0, 8, 8, 256},
	{u64{1} << 24, 8, 1024, 3000},
	{u64{1} << 30, 2048, 2048, 32},
};
constexpr Sector kMain = u64{1} << 31;

struct Unit {
	std::atomic<u64> begun{0};
	std::atomic<u64> done{0};
};

class Readers : public testing::Test {
protected:
	Readers() : table_(platform_)
	{
		for (const Zone &zone : kZones)
			units_.emplace_back(zone.count);
		EXPECT_TRUE(table_.create(kMain).ok());
	}

	// Even versions: nothing. Odd ones: mapped or pending, at a place that tells the version.
	// The places of neighbours of one version in a zone are contiguous.
	static Answer content(const Zone &zone, u64 unit, u64 version)
	{
		if (version % 2 == 0)
			return {};
		if (version % 16 == 5 && zone.unit == 8)
			return {State::pending, 0, 0};
		const State state = version % 32 == 7 ? State::lost : State::active;
		return {state, (version << 20) + unit * zone.unit, 0};
	}

	Status write(const Zone &zone, u64 unit, u64 version, u64 how)
	{
		const Sector main = zone.start + unit * zone.stride;
		const Answer now = content(zone, unit, version);
		const bool boundary = zone.unit == 8 || unit == 0;
		if (now.state == State::none)
			return table_.remove(main, zone.unit);
		if (how % 2 && content(zone, unit, version - 1).state == State::none)
			return table_.insert({main, zone.unit, now.place, now.state, boundary});
		return table_.assign({main, zone.unit, now.place, now.state, boundary});
	}

	void change(usize zone, u64 unit, u64 how, u64 step = 1)
	{
		Unit &u = units_[zone][unit];
		const u64 version = u.begun.load() + step;
		u.begun.store(version);
		const Status status = write(kZones[zone], unit, version, how);
		if (!status.ok())
			std::abort();
		u.done.store(version);
	}

	void run_writer(u64 operations)
	{
		std::mt19937_64 random(1);
		for (u64 i = 0; i < operations; i++) {
			const u64 draw = random() % 16;
			if (draw == 0) {
				// The whole of the long zone to its next mapped version: coarse
				// words.
				long_version_ += 2;
				for (u64 unit = 0; unit < kZones[2].count; unit++)
					change(2, unit, 0,
					       long_version_ - units_[2][unit].begun.load());
			} else if (draw < 6) {
				change(0, random() % kZones[0].count, random());
			} else if (draw < 15) {
				sweep(random());
			} else {
				long_version_ += 2;
				change(2, random() % kZones[2].count, 0, 2);
			}
		}
		stop_ = true;
	}

	// Grows, then empties the zone of far regions, some units at a time.
	void sweep(u64 how)
	{
		for (u64 i = 0; i < 40; i++) {
			change(1, position_, how);
			position_ = (position_ + 1) % kZones[1].count;
		}
	}

	void run_reader(int id)
	{
		std::mt19937_64 random(100 + id);
		while (!stop_) {
			platform_.enter(id);
			for (int i = 0; i < 20; i++)
				read_one(random);
			platform_.leave(id);
		}
	}

	void read_one(std::mt19937_64 &random)
	{
		const usize z = random() % std::size(kZones);
		const Zone &zone = kZones[z];
		const u64 unit = random() % zone.count;
		const u64 offset = random() % zone.unit;
		const Sector at = zone.start + unit * zone.stride + offset;
		const u64 most =
			std::min<u64>(zone.stride == zone.unit ? 64 : 1, zone.count - unit);
		const u64 want = 1 + random() % (most * zone.unit - offset);
		u64 done[64];
		for (u64 i = 0; i < most; i++)
			done[i] = units_[z][unit + i].done.load();
		const Answer answer = table_.lookup(at, want);
		ASSERT_GE(answer.sectors, 1u);
		ASSERT_LE(answer.sectors, want);
		for (u64 i = 0; i * zone.unit < offset + answer.sectors; i++) {
			const u64 skipped = i ? i * zone.unit - offset : 0;
			const Place place =
				answer.state == State::active || answer.state == State::lost
					? answer.place + skipped - (i ? 0 : offset)
					: 0;
			ASSERT_TRUE(was_true(z, unit + i, done[i], answer.state, place))
				<< "zone " << z << " unit " << unit + i << " place " << place;
		}
		reads_.fetch_add(1, std::memory_order_relaxed);
	}

	bool was_true(usize z, u64 unit, u64 from, State state, Place place)
	{
		const u64 to = units_[z][unit].begun.load();
		for (u64 version = from; version <= to; version++) {
			const Answer real = content(kZones[z], unit, version);
			if (real.state == state && real.place == place)
				return true;
		}
		return false;
	}

	TestPlatform platform_;
	Table<TestPlatform> table_;
	std::vector<std::vector<Unit>> units_;
	std::atomic<bool> stop_{false};
	std::atomic<u64> reads_{0};
	u64 position_ = 0;
	u64 long_version_ = 1;
};

u64 operations()
{
	const char *text = std::getenv("DMREMAP_OPS");
	return text ? std::strtoull(text, nullptr, 0) / 300 : 20'000;
}

TEST_F(Readers, EveryAnswerWasTrueDuringTheCall)
{
	for (u64 unit = 0; unit < kZones[2].count; unit++)
		change(2, unit, 0);
	std::vector<std::thread> readers;
	for (int id = 0; id < 3; id++)
		readers.emplace_back([this, id] { run_reader(id); });
	run_writer(operations());
	for (std::thread &reader : readers)
		reader.join();
	std::printf("  %llu lookups beside the writer\n", (unsigned long long)reads_.load());
	EXPECT_GT(reads_.load(), 1000u);
}

TEST_F(Readers, AParkedReaderDoesNotStallTheWriter)
{
	std::atomic<bool> parked{false}, leave{false};
	std::thread reader([&] {
		platform_.enter(9);
		parked = true;
		while (!leave)
			std::this_thread::yield();
		std::mt19937_64 random(3);
		for (int i = 0; i < 1000; i++)
			read_one(random);
		platform_.leave(9);
	});
	while (!parked)
		std::this_thread::yield();
	run_writer(operations() / 4);
	EXPECT_TRUE(table_.tidy());
	const u64 held = table_.memory_bytes();
	leave = true;
	reader.join();
	while (table_.tidy()) {
	}
	EXPECT_LT(table_.memory_bytes(), held);
}

} // namespace
} // namespace remap::test
