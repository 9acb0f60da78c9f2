// SPDX-License-Identifier: GPL-2.0-or-later
// World: a set on a simulated machine, its users and its operator, from the first operation of a
// script to the last, through every power failure in between.
#pragma once

#include <memory>

#include "sim/ledger.h"
#include "sim/setup.h"
#include "sim/traffic.h"

namespace remap::sim {

class World {
public:
	explicit World(const Setup &setup);
	~World();

	Findings run(const Script &script);
	// Prints every operation and every I/O.
	void talk() { host_.talks = true; }
	// Of all that was done: where a power failure could have been.
	u64 events() const { return host_.events(); }

private:
	// ---- operations ----
	void apply(const Operation &operation);
	void write(const Operation &operation, Op op, bool fua);
	void join();
	void add(const Operation &operation, bool copy);
	void crowd(const Operation &operation);
	void relocate(const Operation &operation);
	void together(const Operation &operation);
	void remove(const Operation &operation);
	void remove_part(const Operation &operation);
	void remove_stale(const Operation &operation);
	void clear();
	void land();
	void sync();
	void crash(const Operation &operation);
	void spoil(const Operation &operation);
	void sever(const Operation &operation);
	void freeze(const Operation &operation);
	void scan(const Operation &operation);
	bool untouched(Sector at, u64 count) const;
	void send(std::string words, Change change, Sector main, u64 count, Place place);
	int deliver(const std::string &words);
	void answered(const std::string &words, int result, Ledger::Id id, Sector main, u64 count);
	bool may_fail(int error) const;
	bool fits(const Operation &operation) const;

	void darken(const Operation &operation);
	void rot(const Operation &operation);
	void rot_sector(Zone zone, Sector sector, u64 bit);
	void wound(Zone zone, Sector sector, Content rotten);
	bool shows(Sector sector) const;
	JournalSectorDisk journal_sector(u32 copy, u64 sequence) const;
	std::vector<u64> blocks_of_log() const;
	bool in_log(u64 number) const;

	// ---- life (world_life.cc) ----
	enum class Opened : u8 { yes, refused, cut };
	Opened try_open();
	void open();
	std::vector<Trouble::Wound> damaged() const;
	bool has_new_content(const std::vector<Trouble::Wound> &wounds) const;
	void hand_over_debt();
	bool prepare(bool last);
	void tell_start(Opened opened) const;
	void heal();
	void serve(bool clean);
	void set_dark(u32 zones);
	void count_start(Opened opened);
	void mend_silently();
	void cut_power();
	void cut_by_chance();
	std::optional<Sector> struck(DeviceIndex device);
	void cut_exactly(u64 survivors);
	void close_core();
	void unwind();
	void recover();
	void suspend();
	void reload(bool read_only);
	void look_read_only();

	// ---- the second spare (world_members.cc) ----
	void enlist();
	void leave();
	void left(int result);
	void perish(const Operation &operation);
	bool prepare_second();
	bool choose_members(bool last);
	bool second_lost_first() const;
	void excuse_second();
	void note_members();
	void note_lost();
	bool is_explained();
	bool on_second(Sector sector) const;
	u64 used_places() const;

	// ---- what goes on ----
	bool is_stuck() const;
	void finish();
	void run_some();
	bool step();
	void quiet();

	// ---- looking ----
	void check();
	void adopt_decisions();
	void check_recovered();
	void check_content();
	void check_sectors(Sector at, const Mapping &to);
	void check_space();
	void check_copies();
	void compare_copies(Sector a, const Disk &disk, Sector b, const char *what);
	u64 number(const char *message, const std::string &key);
	void check_budget();
	void note(Promise promise, const std::string &violation);
	void note_all();
	bool failed() const { return !findings_.ok(); }

	Setup setup_;
	Random random_;
	Host host_;
	Ledger ledger_;
	Traffic traffic_;
	std::unique_ptr<Core> core_;
	Findings findings_;
	Content stamp_ = 0;
	u32 messages_ = 0;
	std::vector<Sector> stale_; // what remove_stale was asked to give up
	Uuid set_;
	std::string refusal_;
	u32 dark_ = 0;	    // zones that cannot be read now
	u32 next_dark_ = 0; // at the next start
	u32 dark_end_ = 0;  // head or tail, at the last start that could not read one of them
	bool member_ = false;   // the second spare, as far as anybody knows,
	bool unsure_ = false;	// if it did not just join or leave when the power failed
	bool told_off_ = false; // since then, a start said that it was removed
	bool lost_ = false;	// the set has recorded that it goes on without it
	bool first_lost_ = false; // the same of the first
	bool without_ = false;	// at this start the operator gives it up
	bool asked_ = false;	// he has begun to since it was last in use,
	bool ask_again_ = false; // and has to once more, since it was cut short
	bool given_up_ = false; // it was recorded
	bool leaving_ = false;	// a remove_spare is under way
	bool written_off_ = false; // what was damaged was written over by a start that did not succeed
	bool owes_ = false;	// the core before this one has a failed flush to tell of
	bool allow_degraded_ = false;
	Place second_first_ = ~Place{0}; // where its places begin
	IoStatus dead_ = IoStatus::ok; // what it says to everything
	bool has_set_ = false;
	bool suspending_ = false;
	bool scanning_ = false;
	bool recovering_ = false;
	bool over_ = false;
};

} // namespace remap::sim
