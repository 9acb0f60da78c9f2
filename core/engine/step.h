// SPDX-License-Identifier: GPL-2.0-or-later
// Step: the writer's lock, a fence and a drained range, for as long as the object lives.
//
// After a begin() that succeeded no I/O is in flight to the range and none is started: what comes
// is held back, and looked up again when the step ends. A message's step ends at once with an
// error when a suspend begins, since the message itself holds the suspend off.
//
// What a step did to the table becomes durable with what others did (group.h). While it waits for
// that it does not hold the lock; what it noted in members of the engine is then gone.
#pragma once

#include "core/engine/engine.h"

namespace remap {

template <Platform P> class Engine<P>::Step {
public:
	explicit Step(Engine &engine) : engine_(engine) {}
	Step(const Step &) = delete;
	Step &operator=(const Step &) = delete;
	~Step() { end(); }

	// For the set's way into service and out of it: the lock, whatever the state.
	void begin() { lock(); }

	// For a message that only looks: the lock, whatever the state. Errors: interrupted.
	Status begin_look() { return lock_killable(); }

	// For a message: without a range, the lock alone. Errors: broken, read_only, suspended,
	// interrupted.
	Status begin_message()
	{
		TRY(lock_killable());
		if (remap_host_is_broken())
			return Error::broken;
		if (!engine_.platform_.writable() || !engine_.table_writes_.load_relaxed())
			return Error::read_only;
		if (engine_.suspended_.load_acquire())
			return Error::suspended;
		if (!engine_.journal_.opened() && !has_bug(engine_.platform_, Bug::readonly_reuses))
			return engine_.journal_.failed() ? Error::unwritable : Error::suspended;
		if (engine_.suspending_.load_acquire() || engine_.platform_.stop_requested())
			return Error::interrupted;
		return {};
	}

	// For a message: fences [main, +length). Errors: those of begin_message(), unwritable.
	Status begin_message(Sector main, u64 length)
	{
		TRY(begin_message());
		if (engine_.group_.has_io)
			TRY(engine_.settle());
		return fence(main, length);
	}

	// For an I/O that has to be finished whatever else goes on. false: it cannot be.
	bool begin_io(Sector main, u64 length)
	{
		io_ = true;
		lock();
		return engine_.journal_.opened() && fence(main, length).ok();
	}

	// The same for a read, which may only find out that nothing can be recorded.
	bool begin_read(Sector main, u64 length)
	{
		io_ = true;
		lock();
		return fence(main, length).ok();
	}

	// Makes durable what the step did to the table. Errors: those of stage().
	Status commit(Growth growth = Growth::limited)
	{
		TRY(stage(growth));
		return wait();
	}

	// Adds what the step did to the table to the group. Errors: table_full (nothing was
	// recorded, and the caller takes the step back), unwritable: then nobody can tell what the
	// next load will find, and the range is closed to writes until then. REQUIRES: fenced.
	Status stage(Growth growth)
	{
		const u64 entries = engine_.entries_around(main_, length_);
		const u64 more = entries - entries_before_; // or fewer: it wraps
		if (growth == Growth::limited && entries > entries_before_ &&
		    engine_.entries_.load_relaxed() + more > engine_.spares_.max_extents())
			return Error::table_full;
		if (has_bug(engine_.platform_, Bug::publish_before_commit))
			open_early();
		Status staged = engine_.stage_records(main_, length_);
		if (staged.ok() && (io_ || recovers_))
			staged = engine_.stage_bad_records();
		if (!staged.ok()) {
			settled(staged);
			engine_.platform_.release_held();
			return staged;
		}
		engine_.entries_.add_relaxed(more);
		waits_ = true;
		engine_.group_.join(this, io_, engine_.platform_.seconds());
		return {};
	}

	// After stage(): returns when the group is durable, or has failed. The lock may have been in
	// others' hands meanwhile. Errors: unwritable, as in stage().
	Status wait()
	{
		if (has_bug(engine_.platform_, Bug::group_acknowledge_early) &&
		    !engine_.group_.is_last())
			return leave_early();
		while (waits_) {
			if (engine_.group_.is_last() || engine_.platform_.stop_requested())
				(void)engine_.settle();
			else
				engine_.platform_.wait_group();
		}
		return recorded_;
	}

	// In place of wait(), for one that needs the lock and what it noted. Errors: those of wait().
	Status settle()
	{
		(void)engine_.settle();
		return recorded_;
	}

	// A message's step that ends as a recovery does: with finish().
	void records_bad() { recovers_ = true; }

	// So many new places at most can be told to the log once they are recorded.
	static constexpr u32 kTold = 4;
	void will_tell(const Extent &added)
	{
		told_[told_count_++] = {added.main, added.place, added.length};
	}

	// Whether a line in the log tells each place of the range once it is recorded.
	void logs_places(bool logs) { logs_places_ = logs; }

	// Whether a block was written since the range was drained, and with it perhaps a checkpoint of
	// the table as it was then.
	bool others_recorded() const { return engine_.group_.settled != settled_before_; }

	// A deliberate bug: what the fence held back goes on while the step works.
	void open_early()
	{
		engine_.fences_.close(number_);
		fenced_ = false;
		engine_.platform_.unlock();
		engine_.platform_.release_held();
		engine_.platform_.lock();
	}

	// What became of the group. REQUIRES: the lock, in whoever's hands.
	void settled(Status recorded)
	{
		waits_ = false;
		recorded_ = recorded;
		if (recorded.ok() && logs_places_)
			engine_.log_places(main_, length_);
		for (u32 i = 0; recorded.ok() && i < told_count_; ++i)
			engine_.log_added(told_[i].main, told_[i].place, told_[i].length);
		if (!recorded.ok() && !has_bug(engine_.platform_, Bug::readonly_writes))
			engine_.fences_.close_to_writes(
				fenced_ ? number_ : engine_.fences_.open(main_, length_));
		else if (fenced_)
			engine_.fences_.close(number_);
		fenced_ = false;
	}

	// No I/O and no sleep in here: this runs in a destructor.
	void end()
	{
		if (!locked_)
			return;
		const bool fenced = fenced_;
		if ((engine_.present() & ~engine_.leaving_) != engine_.noted_)
			engine_.note_members();
		engine_.note_flushes();
		engine_.announce_mode();
		if (fenced)
			engine_.fences_.close(number_);
		fenced_ = locked_ = false;
		if (engine_.group_.any() && engine_.group_.is_last())
			engine_.platform_.wake_group();
		engine_.platform_.unlock();
		if (fenced)
			engine_.platform_.release_held();
	}

private:
	struct Told {
		Sector main;
		Place place;
		u64 length;
	};

	// I/O waits for the writer as long as it takes.
	void lock()
	{
		Group<Step> &group = engine_.group_;
		group.waiting.add_relaxed(1);
		group.waiting_io.add_relaxed(io_);
		engine_.platform_.lock();
		group.waiting.sub_relaxed(1);
		group.waiting_io.sub_relaxed(io_);
		locked_ = true;
	}
	// Errors: interrupted.
	Status lock_killable()
	{
		Group<Step> &group = engine_.group_;
		group.waiting.add_relaxed(1);
		locked_ = engine_.platform_.lock_killable();
		group.waiting.sub_relaxed(1);
		if (locked_)
			return {};
		// A group may have counted on this one to come.
		engine_.platform_.wake_group();
		return Error::interrupted;
	}

	// The last to join, so the last of the list.
	Status leave_early()
	{
		--engine_.group_.member_count;
		settled(Status{});
		engine_.platform_.release_held();
		return {};
	}

	// Errors: interrupted; unwritable, when the others of the group fail.
	Status fence(Sector main, u64 length)
	{
		u32 touched = static_cast<u32>(length);
		bool inside;
		if (engine_.fences_.covers(main, &touched, &inside))
			TRY(engine_.settle());
		main_ = main;
		length_ = length;
		number_ = engine_.fences_.open(main, length);
		fenced_ = true;
		engine_.counters_.fences.add_relaxed(1);
		entries_before_ = engine_.entries_around(main, length);
		bool drained = engine_.group_.any() && engine_.platform_.drain_soon(main, length);
		if (!drained) {
			TRY(engine_.settle());
			// Whatever else goes on, I/O has to be finished.
			drained = engine_.platform_.drain(main, length, !io_);
		}
		settled_before_ = engine_.group_.settled;
		return drained ? Status{} : Status{Error::interrupted};
	}

	Engine &engine_;
	Sector main_ = 0;
	u64 length_ = 0;
	u64 entries_before_ = 0;
	u64 settled_before_ = 0;
	u32 number_ = 0;
	bool locked_ = false;
	bool fenced_ = false;
	bool io_ = false;    // a user's I/O
	bool recovers_ = false;
	bool waits_ = false; // a member of the group
	bool logs_places_ = false;
	Told told_[kTold];
	u32 told_count_ = 0;
	Status recorded_;
};

}  // namespace remap
