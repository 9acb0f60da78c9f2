// SPDX-License-Identifier: GPL-2.0-or-later
// RemapSet: an engine on a MemoryHost, user I/O that goes through map() as the kernel shim sends
// it, messages, and books that a test closes: every place owned once, every count true.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>

#include "core/engine/engine.h"
#include "tests/unit/memory_host.h"

namespace remap::test {

struct Shape {
	Sector main_sectors = 65536;
	Sector spare_sectors = 32768;
	u32 block_sectors = 1;
	u64 max_extents = 0;
	u32 physical_sectors = 1;
	// The spare is all zeros instead of full of somebody's data.
	bool blank = false;
	// The sizes of further spares, each with a content of its own.
	std::vector<Sector> more = {};
};

// A range as it was added: its first sector and its length.
using Added = std::pair<Sector, u64>;

// What a refusal must not change.
struct Snapshot {
	std::vector<Extent> extents;
	u64 spare_used = 0;
	MemoryDisk::Content main;
	MemoryDisk::Content spare;
};

inline bool same_extents(const std::vector<Extent> &a, const std::vector<Extent> &b)
{
	return std::equal(a.begin(), a.end(), b.begin(), b.end(),
			  [](const Extent &x, const Extent &y) {
				  return x.main == y.main && x.length == y.length &&
					 x.place == y.place && x.state == y.state &&
					 x.boundary == y.boundary;
			  });
}

class RemapSet {
public:
	enum class Begin { started, unopened };

	explicit RemapSet(const Shape &shape = {}, Begin begin = Begin::started)
		: shape(shape), host(shape.main_sectors, shape.spare_sectors,
				     shape.blank ? MemoryDisk::kBlank : MemoryHost::kSpareOrigin),
		  engine(host)
	{
		u64 origin = MemoryHost::kSpareOrigin;
		for (const Sector sectors : shape.more)
			host.more.emplace_back(sectors, shape.blank ? MemoryDisk::kBlank
								    : origin += u64{1} << 48);
		host.on_release = [this] { released(); };
		host.on_failed = [this](const Piece &piece, IoStatus status) {
			const u8 ticket = engine.io_failed(piece.io->op, piece.device, status);
			if (ticket)
				deferred_.push_back({piece, status, ticket});
			return ticket != 0;
		};
		terms.format = !shape.blank;
		terms.max_extents = shape.max_extents;
		if (begin == Begin::unopened)
			return;
		EXPECT_EQ(open(), Error::ok) << sentence;
		terms.format = false; // once; what comes later is a load
	}

	// ---- life ----
	// Makes the set and starts it; `sentence`: why not.
	Error open();
	// A new engine on the same disks. What became of the caches is the test's.
	Error reload();
	// The same after a power cut that took all that was not flushed.
	Error crash_and_reload()
	{
		for (DeviceIndex device = 0; device < devices(); ++device)
			host.disk(device).crash();
		return reload();
	}
	void suspend()
	{
		engine.presuspend();
		engine.postsuspend();
	}
	Error resume();

	// ---- messages ----
	int send(const std::string &message, usize room = 4096);
	// 0, or the positive errno of a refusal.
	int refusal(const std::string &message) { return -std::min(0, send(message)); }
	std::string last_error() { return value("status", "last_error"); }
	// The value of a key in a reply of key=value lines; "?" when there is none.
	std::string value(const std::string &message, const std::string &key);
	u64 number(const std::string &message, const std::string &key)
	{
		const std::string text = value(message, key);
		EXPECT_NE(text, "?") << message << " has no " << key;
		return text == "?" ? 0 : std::stoull(text);
	}
	std::string status_line()
	{
		char line[512];
		Text text(line, sizeof(line));
		engine.status_line(text);
		return line;
	}

	// ---- user I/O ----
	std::shared_ptr<UserIo> start(Op op, Sector sector, u32 sectors,
				      std::vector<Block> data = {}, bool fua = false);
	IoStatus write(Sector sector, u32 sectors, u64 stamp);
	IoStatus write_zeroes(Sector sector, u32 sectors)
	{
		return start(Op::write_zeroes, sector, sectors)->result();
	}
	IoStatus discard(Sector sector, u32 sectors)
	{
		return start(Op::discard, sector, sectors)->result();
	}
	std::shared_ptr<UserIo> read(Sector sector, u32 sectors)
	{
		return start(Op::read, sector, sectors);
	}
	void flush()
	{
		for (DeviceIndex device = 0; device < devices(); ++device)
			host.disk(device).flush();
	}
	IoStatus user_flush(); // of the devices that the engine names
	DeviceIndex devices() const
	{
		return kFirstSpare + 1 + static_cast<DeviceIndex>(host.more.size());
	}
	// Reads one sector: its stamp, or kFailed.
	static constexpr u64 kFailed = ~u64{0};
	u64 stamp(Sector sector)
	{
		const auto io = read(sector, 1);
		return io->result() == IoStatus::ok ? io->data[0].stamp() : kFailed;
	}
	// What sector s of main holds before anybody writes.
	static u64 original(Sector sector) { return (u64{0xa} << 48) + sector; }

	// ---- looking ----
	std::vector<Extent> extents() const;
	std::vector<Added> added() const;
	Snapshot snapshot();
	// What was written to the spare's data area.
	MemoryDisk::Content data_written() const;
	bool is_data(Sector physical) const
	{
		const Layout &layout = engine.layout();
		return physical >= layout.data() && physical < layout.data_end() &&
		       (physical < layout.middle_site() ||
			physical >= layout.middle_site() + kSiteSectors);
	}
	void expect_same(const Snapshot &before, bool spare_too = true);
	// Every place is used once, inside the data area, and all counts agree.
	void check_books();
	Sector physical(Sector data) const { return engine.layout().physical(data); }
	Sector data_sectors() const { return engine.spares().data_sectors(); }
	u64 bad_places() { return number("health", "bad_places"); }
	u64 spare_used() { return number("status", "spare_used"); }

	Shape shape;
	Terms terms;
	std::string sentence;
	MemoryHost host;
	Engine<MemoryHost> engine;
	std::string reply;
	// Sent I/O stays in flight until it is drained.
	bool park = false;
	// Of the last start(): whether any part was held.
	bool was_held = false;

private:
	void route(Piece piece);
	void look_up(Piece piece);
	void submit(Piece piece, const Mapping &to);
	void released();
	void run_deferred();

	struct Deferred {
		Piece piece;
		IoStatus status;
		u8 ticket;
		bool again = false; // came behind one that waits: to be looked up again
	};
	// As in the shim, newcomers that overlap one of these queue up behind it.
	bool overtakes(const Piece &piece) const
	{
		for (const Deferred &one : deferred_)
			if (one.piece.io->op != Op::read &&
			    ranges_overlap(one.piece.sector(), one.piece.sectors, piece.sector(),
					   piece.sectors))
				return true;
		return false;
	}
	std::vector<Deferred> deferred_; // the first one may be at work
	bool working_ = false;
};

inline Error RemapSet::open()
{
	Refusal why;
	SpareSizes spares = shape.spare_sectors;
	for (const MemoryDisk &disk : host.more)
		spares.add(disk.sectors());
	Status status = engine.create(
		{shape.main_sectors, spares, shape.block_sectors,
		 shape.physical_sectors},
		terms, why);
	if (status.ok())
		status = engine.start(why);
	sentence = why.text();
	return status.error();
}

inline Error RemapSet::reload()
{
	std::destroy_at(&engine);
	std::construct_at(&engine, host);
	return open();
}

inline Error RemapSet::resume()
{
	Refusal why;
	const Status started = engine.start(why);
	sentence = why.text();
	if (started.ok())
		engine.resume();
	return started.error();
}

inline int RemapSet::send(const std::string &message, usize room)
{
	std::istringstream stream(message);
	std::vector<std::string> words;
	for (std::string word; stream >> word;)
		words.push_back(word);
	std::vector<char *> argv;
	for (std::string &word : words)
		argv.push_back(word.data());
	// On the heap, exactly as large, so that a sanitizer sees one byte too many.
	const std::unique_ptr<char[]> buffer(new char[room]);
	std::memset(buffer.get(), '#', room);
	const int result = engine.message(static_cast<u32>(argv.size()), argv.data(),
					  buffer.get(), room);
	EXPECT_NE(memchr(buffer.get(), '\0', room), nullptr) << message << ": no NUL";
	reply = buffer.get();
	run_deferred(); // what waited for the lock
	EXPECT_FALSE(host.locked()) << message << " left the lock held";
	EXPECT_TRUE(host.hook || !engine.holds(0, static_cast<u32>(shape.main_sectors)))
		<< message << " left a fence";
	return result;
}

inline std::string RemapSet::value(const std::string &message, const std::string &key)
{
	EXPECT_EQ(send(message), 1);
	std::istringstream lines(reply);
	for (std::string line; std::getline(lines, line);)
		if (line.compare(0, key.size() + 1, key + "=") == 0)
			return line.substr(key.size() + 1);
	return "?";
}

inline std::shared_ptr<UserIo> RemapSet::start(Op op, Sector sector, u32 sectors,
					       std::vector<Block> data, bool fua)
{
	auto io = std::make_shared<UserIo>();
	*io = {op, sector, sectors, fua, std::move(data), {}, 0};
	io->data.resize(sectors);
	io->status.assign(sectors, IoStatus::ok);
	was_held = false;
	io->open = 1;
	route({io, 0, sectors});
	--io->open;
	run_deferred();
	return io;
}

inline IoStatus RemapSet::write(Sector sector, u32 sectors, u64 stamp)
{
	std::vector<Block> data;
	for (u32 i = 0; i < sectors; ++i)
		data.push_back(Block::stamped(stamp + i));
	return start(Op::write, sector, sectors, std::move(data))->result();
}

inline IoStatus RemapSet::user_flush()
{
	IoStatus result = IoStatus::ok;
	for (DeviceIndex device = 0; device < devices(); ++device) {
		if (!(engine.flushed_devices() >> device & 1))
			continue;
		EXPECT_TRUE(engine.flush_begins(device));
		const IoStatus status = host.disk(device).flush();
		if (status != IoStatus::ok)
			engine.flush_failed(device);
		if (status != IoStatus::ok || engine.flush_owed(device))
			result = IoStatus::io;
		engine.flush_ends(device);
	}
	return result;
}

// Asks map() for each part, as the shim does for a bio that it cuts.
inline void RemapSet::route(Piece piece)
{
	if (piece.io->op != Op::read && overtakes(piece)) {
		++piece.io->open;
		was_held = true;
		deferred_.push_back({piece, IoStatus::ok, 0, true});
		return;
	}
	look_up(piece);
}

inline void RemapSet::look_up(Piece piece)
{
	for (u32 done = 0; done < piece.sectors;) {
		const Sector at = piece.sector() + done;
		const Mapping to = engine.map(piece.io->op, at, piece.sectors - done);
		ASSERT_GE(to.sectors, 1u);
		ASSERT_LE(to.sectors, piece.sectors - done);
		++piece.io->open;
		submit({piece.io, piece.first + done, to.sectors, to.device, to.sector}, to);
		done += to.sectors;
	}
}

inline void RemapSet::submit(Piece piece, const Mapping &to)
{
	const bool modifies = piece.io->op != Op::read;
	switch (to.verdict) {
	case Verdict::hold:
		EXPECT_TRUE(engine.holds(piece.sector(), piece.sectors));
		was_held = true;
		++host.counted.held;
		host.held.push_back(piece);
		return;
	case Verdict::defer:
		EXPECT_TRUE(modifies && piece.io->op != Op::discard);
		++host.counted.deferred;
		deferred_.push_back({piece, IoStatus::ok, 0});
		return;
	case Verdict::fail_medium:
		EXPECT_FALSE(modifies);
		piece.end(IoStatus::medium);
		engine.io_failed(piece.io->op);
		return;
	case Verdict::fail_closed:
		EXPECT_TRUE(modifies || engine.journal().gone());
		piece.end(IoStatus::io);
		engine.io_failed(piece.io->op);
		return;
	case Verdict::submit:
		break;
	}
	if (to.device != kMainDevice)
		++(modifies ? host.counted.remapped_writes : host.counted.remapped_reads);
	if (park)
		host.in_flight.push_back(piece);
	else
		host.perform(piece);
}

inline void RemapSet::released()
{
	const std::vector<Piece> held = std::move(host.held);
	host.held.clear();
	for (const Piece &piece : held) {
		--piece.io->open;
		route(piece);
	}
	run_deferred();
}

// The shim's worker: never under the lock.
inline void RemapSet::run_deferred()
{
	while (!host.locked() && !working_ && !deferred_.empty()) {
		auto [piece, failed, ticket, again] = deferred_.front();
		const Op op = piece.io->op;
		IoStatus status = IoStatus::ok;
		working_ = true;
		if (!again)
			status = ticket ? engine.recover(&piece, op, piece.sector(), piece.sectors,
							 failed, ticket)
					: engine.deferred_write(&piece, op, piece.sector(),
								piece.sectors);
		working_ = false;
		deferred_.erase(deferred_.begin());
		if (again) {
			--piece.io->open;
			look_up(piece); // nothing that waits is older
			continue;
		}
		piece.end(status);
	}
}

inline std::vector<Extent> RemapSet::extents() const
{
	std::vector<Extent> all;
	Extent found;
	for (Sector at = 0; at < shape.main_sectors && engine.table().next(at, &found);
	     at = found.main + found.length)
		all.push_back(found);
	return all;
}

inline std::vector<Added> RemapSet::added() const
{
	std::vector<Added> all;
	for (const Extent &extent : extents()) {
		const Sector end = extent.main + extent.length;
		for (Sector at = extent.main; extent.state != State::pending && at < end;) {
			Added one;
			EXPECT_TRUE(engine.table().added_extent(at, &one.first, &one.second));
			if (all.empty() || all.back() != one)
				all.push_back(one);
			at = one.first + one.second;
		}
	}
	return all;
}

inline MemoryDisk::Content RemapSet::data_written() const
{
	MemoryDisk::Content data = host.spare.written();
	std::erase_if(data, [this](const auto &one) { return !is_data(one.first); });
	return data;
}

inline Snapshot RemapSet::snapshot()
{
	return {extents(), spare_used(), host.main.written(), host.spare.written()};
}

inline void RemapSet::expect_same(const Snapshot &before, bool spare_too)
{
	EXPECT_TRUE(same_extents(before.extents, extents())) << "the table changed";
	EXPECT_EQ(before.spare_used, spare_used());
	EXPECT_TRUE(before.main == host.main.written()) << "main changed";
	EXPECT_TRUE(!spare_too || before.spare == host.spare.written()) << "the spare changed";
	check_books();
}

inline void RemapSet::check_books()
{
	std::map<Sector, u64> places;
	u64 mapped = 0;
	u64 lost = 0;
	for (const Extent &extent : extents()) {
		if (extent.state == State::pending)
			continue;
		mapped += extent.length;
		lost += extent.state == State::lost ? extent.length : 0;
		EXPECT_LE(extent.place + extent.length, data_sectors());
		const bool first = places.emplace(extent.place, extent.length).second;
		EXPECT_TRUE(first) << "place " << extent.place << " has two owners";
	}
	Sector end = 0;
	for (const auto &[place, length] : places) {
		EXPECT_GE(place, end) << "place " << place << " has two owners";
		end = place + length;
	}
	EXPECT_EQ(engine.table().mapped_sectors(), mapped);
	EXPECT_EQ(engine.table().lost_sectors(), lost);
	u64 bad = 0;
	u64 stretches = extents().size();
	Extent run;
	for (Sector at = 0; at < data_sectors() && engine.bad().next(at, &run);
	     at = run.main + run.length) {
		++stretches;
		bad += run.length;
		for (const auto &[place, length] : places)
			EXPECT_FALSE(ranges_overlap(place, length, run.main, run.length))
				<< "place " << place << " is bad and in use";
	}
	EXPECT_EQ(spare_used(), mapped + bad) << "spare space leaked";
	EXPECT_EQ(number("status", "metadata_used"), stretches);
	EXPECT_TRUE(host.held.empty());
}

}  // namespace remap::test
