// SPDX-License-Identifier: GPL-2.0-or-later
// What tests of group commit share: a set that several threads send messages and writes to, and a
// crowd of threads that wait for its lock together.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>

#include "core/engine/engine.h"
#include "tests/unit/thread_host.h"

namespace remap::test {

inline constexpr u32 kMany = 20;
inline constexpr Sector kMain = 65536;
inline constexpr Sector kSpare = 4096;

inline int send(Engine<ThreadHost> &engine, const std::string &message, std::string *answer = nullptr)
{
	std::istringstream stream(message);
	std::vector<std::string> words;
	for (std::string word; stream >> word;)
		words.push_back(word);
	std::vector<char *> argv;
	for (std::string &word : words)
		argv.push_back(word.data());
	char reply[4096];
	const int result = engine.message(static_cast<u32>(argv.size()), argv.data(), reply,
					  sizeof(reply));
	if (answer)
		*answer = reply;
	return result;
}

// A set on disks that it is given, or on new ones.
struct Set {
	Set() : host(kMain, kSpare, MemoryDisk::kBlank), engine(host) { open(); }
	Set(const MemoryDisk &main, const MemoryDisk &spare)
	    : host(kMain, kSpare, MemoryDisk::kBlank), engine(host)
	{
		host.main = main;
		host.spare = spare;
		open();
	}
	void open()
	{
		Refusal why;
		Status status = engine.create({kMain, kSpare, 1}, Terms{}, why);
		if (status.ok())
			status = engine.start(why);
		EXPECT_TRUE(status.ok()) << why.text();
	}
	int send(const std::string &message) { return remap::test::send(engine, message); }
	u64 number(const std::string &message, const std::string &key)
	{
		std::string reply;
		EXPECT_EQ(remap::test::send(engine, message, &reply), 1);
		std::istringstream lines(reply);
		for (std::string line; std::getline(lines, line);)
			if (line.compare(0, key.size() + 1, key + "=") == 0)
				return std::stoull(line.substr(key.size() + 1));
		ADD_FAILURE() << message << " has no " << key;
		return 0;
	}
	State state(Sector sector) const { return engine.table().lookup(sector, 1).state; }
	u64 stamp(Sector sector)
	{
		const Mapping to = engine.map(Op::read, sector, 1);
		EXPECT_EQ(to.verdict, Verdict::submit) << "sector " << sector;
		return host.disk(to.device).content(to.sector).stamp();
	}
	void check_space()
	{
		EXPECT_EQ(number("status", "spare_used"), engine.table().mapped_sectors());
		EXPECT_FALSE(engine.holds(0, kMain)) << "a fence was left behind";
	}

	ThreadHost host;
	Engine<ThreadHost> engine;
};

// What the core asks of the devices for its metadata.
struct Traffic {
	explicit Traffic(Set &set)
	{
		set.host.hook = [this, &set](HostCall call, DeviceIndex device, Sector sector,
					     u64) {
			const Layout &layout = set.engine.layout();
			const bool data = sector >= layout.data() && sector < layout.data_end();
			writes += call == HostCall::write && device == kFirstSpare && !data;
			spare_flushes += call == HostCall::flush && device == kFirstSpare;
			main_flushes += call == HostCall::flush && device == kMainDevice;
		};
	}
	u32 writes = 0;
	u32 spare_flushes = 0;
	u32 main_flushes = 0;
};

// Threads that run to a step of theirs, wait for the lock together, and go on at one time.
class Crowd {
public:
	explicit Crowd(Set &set) : set_(set) {}

	void message(const std::string &words)
	{
		add(2, [this, words] { return remap::test::send(set_.engine, words); });
	}
	void write(Sector sector, u32 sectors, u64 stamp)
	{
		add(1, [=, this] {
			Piece piece = piece_of(sector, sectors, stamp);
			return static_cast<int>(
				set_.engine.deferred_write(&piece, Op::write, sector, sectors));
		});
	}
	// One that main has refused.
	void failed_write(Sector sector, u32 sectors, u64 stamp)
	{
		const u8 ticket =
			set_.engine.io_failed(Op::write, kMainDevice, IoStatus::medium);
		add(1, [=, this] {
			Piece piece = piece_of(sector, sectors, stamp);
			return static_cast<int>(set_.engine.recover(
				&piece, Op::write, sector, sectors, IoStatus::medium, ticket));
		});
	}
	// Lets all of them go; what each of them returned, in the order in which they were added.
	std::vector<int> run()
	{
		await();
		gate_.open();
		for (std::thread &thread : threads_)
			thread.join();
		return results_;
	}
	void await() { gate_.await(static_cast<u32>(threads_.size())); }

private:
	static Piece piece_of(Sector sector, u32 sectors, u64 stamp)
	{
		auto io = std::make_shared<UserIo>();
		*io = {Op::write, sector, sectors, false, {}, {}, 1};
		for (u32 i = 0; i < sectors; ++i)
			io->data.push_back(Block::stamped(stamp + i));
		io->status.assign(sectors, IoStatus::ok);
		return {io, 0, sectors};
	}

	void add(u32 locks, std::function<int()> body)
	{
		const usize index = threads_.size();
		results_.resize(kMany + 8);
		threads_.emplace_back([this, locks, index, body = std::move(body)] {
			ThreadHost::wait_at(&gate_, locks);
			results_[index] = body();
		});
	}

	Set &set_;
	Gate gate_;
	std::vector<std::thread> threads_;
	std::vector<int> results_;
};

inline std::string add_of(u32 i)
{
	return "add_remap " + std::to_string(1000 + 100 * i) + " " + std::to_string(50 * i) + " 8";
}

inline void add_many(Crowd &crowd)
{
	for (u32 i = 0; i < kMany; ++i)
		crowd.message(add_of(i));
}

}  // namespace remap::test
