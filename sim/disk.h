// SPDX-License-Identifier: GPL-2.0-or-later
// Disk: a disk with a volatile cache, and all the ways in which a disk lets its user down.
//
// What it does and does not promise:
//   * A write goes to the cache; reads see it at once; flush() makes all of it stable.
//   * cut() is a power failure. Of what was not flushed any part survives, in any order; a write is
//     torn in units of Shape::tear. One physical block of those that were being written may be left
//     unreadable, together with the sectors of it that nobody wrote (read-modify-write).
//   * The disk never decides by itself that something goes wrong: who calls write() and flush()
//     gives them their fate, and marks sectors bad or stretches dark.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "core/base/bits.h"
#include "core/platform/io_status.h"
#include "sim/content.h"
#include "sim/random.h"

namespace remap::sim {

struct DiskShape {
	Sector sectors = 0;
	u32 physical = 1; // sectors of a physical block
	u32 tear = 1;	  // sectors of what is written as a whole or not at all: 1, or `physical`
};

struct Stretch {
	Sector first = 0;
	u64 count = 0;
	bool touches(Sector sector, u64 length) const
	{
		return sector < first + count && first < sector + length;
	}
};

// What becomes of a write.
enum class Fate : u8 {
	stored,
	refused,	// error, and nothing is stored
	refused_stored, // error, and all of it is stored nevertheless
	refused_late,	// error, and it is stored at some later time: see land()
	lost,		// acknowledged, never stored
	doomed,		// acknowledged and seen by reads, until flush() fails because it is lost
	misdirected,	// acknowledged, stored elsewhere
};

class Disk {
public:
	// What cut() did, for the closing line.
	struct Cut {
		u64 torn = 0;	 // writes of which a part survived
		u64 dropped = 0; // units that did not survive
		u64 damaged = 0; // sectors left unreadable
		u64 bystanders = 0; // of these, sectors that nobody was writing
		bool reordered = false; // an earlier write was dropped and a later one survived
	};

	Disk(const DiskShape &shape, Contents &contents);

	const DiskShape &shape() const { return shape_; }
	Sector sectors() const { return shape_.sectors; }

	IoStatus read(Sector sector, Content *out, u32 count);
	// `through`: stable when it returns (FUA).
	IoStatus write(Sector sector, const Content *data, u32 count, bool through = false,
		       Fate fate = Fate::stored, Sector elsewhere = 0);
	IoStatus flush();
	// A flush that fails: each unit of what was not flushed is stored or lost for good.
	IoStatus flush_failing(Random &random);

	// Power failure. `struck`: a sector whose physical block was just being written and is left
	// unreadable.
	Cut cut(Random &random, std::optional<Sector> struck = std::nullopt);
	// The first sector of a unit that was not flushed.
	Sector unflushed(u32 unit) const { return log_[unit].sector; }
	// The same with every choice made: unit i of unflushed() survives if bit i is set, or all.
	static constexpr u64 kAll = ~u64{0};
	Cut cut(u64 survivors);
	u32 unflushed_units() const { return static_cast<u32>(log_.size()); }
	// The cache is written out in its own time. REQUIRES: nothing is doomed.
	void settle();
	bool has_doomed() const;

	// ---- what is there, whatever a read would say ----
	Content content(Sector sector) const { return current_[sector]; }
	Content stable(Sector sector) const { return stable_[sector]; }
	void put(Sector sector, Content content);
	const std::vector<Content> &contents() const { return current_; }

	// ---- damage ----
	// Reads fail; a write heals it if `heals`, else it is accepted and reads go on failing.
	void make_unreadable(Sector sector, bool heals);
	void make_unwritable(Sector sector);
	// The next so many reads of it fail; a write ends that.
	void make_flaky(Sector sector, u32 reads) { flaky_[sector] = reads; }
	bool is_flaky(Sector sector) const { return flaky_[sector]; }
	void heal(Sector sector) { marks_[sector] = 0; }
	bool is_unreadable(Sector sector) const { return marks_[sector] & kUnreadable; }
	bool is_unwritable(Sector sector) const { return marks_[sector] & kUnwritable; }
	// Nothing in these stretches can be read or written.
	void set_dark(std::vector<Stretch> dark) { dark_ = std::move(dark); }
	bool is_dark(Sector sector, u64 count) const;
	// Writes fail as if every sector were bad.
	void set_read_only(bool read_only) { read_only_ = read_only; }
	// Every I/O fails with `status`, unless ok.
	void set_missing(IoStatus status) { missing_ = status; }
	void rot(Sector sector, u32 bit);

	// ---- writes that were refused and may still arrive ----
	// Stubborn ones survive newer writes to the same place.
	void set_stubborn(std::vector<Stretch> where) { stubborn_ = std::move(where); }
	usize late() const { return late_.size(); }
	bool has_stubborn() const;
	Sector late_sector(usize index) const { return late_[index].sector; }
	u64 late_count(usize index) const { return late_[index].data.size(); }
	void land(usize index);
	// Of those that are not stubborn each lands or never will; `all`: none ever will.
	void end_late(Random &random, bool all);

private:
	static constexpr u8 kUnreadable = 1;
	static constexpr u8 kHeals = 2;
	static constexpr u8 kUnwritable = 4;

	// A part of a write that is stored as a whole or not at all.
	struct Unit {
		Sector sector;
		u32 count;
		u32 first;  // in log_contents_
		u32 number; // order of writing
		u32 write;  // the write it belongs to
		bool doomed;
	};
	struct Late {
		Sector sector;
		std::vector<Content> data;
		bool stubborn;
	};

	void store(Sector sector, const Content *data, u32 count, bool through, bool doomed);
	void log(Sector sector, const Content *data, u32 count, bool doomed);
	void apply(const Unit &unit);
	void forget_log();
	void forget_late(Sector sector, u32 count);
	Cut choose(Random &random);
	using UnitFates = std::vector<std::pair<u32, bool>>; // its write, whether it survives
	static void tell_torn(UnitFates fates, Cut *cut);
	u64 damage(Sector sector);
	bool is_unflushed(Sector sector) const;
	IoStatus check(Sector sector, u32 count, u8 mark) const;
	bool tire(Sector sector, u32 count);

	DiskShape shape_;
	Contents &contents_;
	std::vector<Content> current_;
	std::vector<Content> stable_;
	std::vector<u8> marks_;
	std::vector<u32> flaky_; // reads of each sector that are still to fail
	// The number from which on units may change the stable sector: older ones were overtaken.
	std::vector<u32> settled_;
	std::vector<Unit> log_;
	std::vector<Content> log_contents_;
	std::vector<Stretch> dark_;
	std::vector<Stretch> stubborn_;
	std::vector<Late> late_;
	IoStatus missing_ = IoStatus::ok;
	bool read_only_ = false;
	u32 number_ = 0;
	u32 writes_ = 0;
};

} // namespace remap::sim
