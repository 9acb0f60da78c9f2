// SPDX-License-Identifier: GPL-2.0-or-later
// Step: the writer's lock, a fence and a drained range, for as long as the object lives.
//
// After a begin() that succeeded no I/O is in flight to the range and none is started: what comes
// is held back, and looked up again when the step ends. A message's step ends at once with an
// error when a suspend begins, since the message itself holds the suspend off.
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

	// For a message: fences [main, +length). Errors: those of begin_message().
	Status begin_message(Sector main, u64 length)
	{
		TRY(begin_message());
		return fence(main, length) ? Status{} : Status{Error::interrupted};
	}

	// For an I/O that has to be finished whatever else goes on. false: it cannot be.
	bool begin_io(Sector main, u64 length)
	{
		io_ = true;
		lock();
		return engine_.journal_.opened() && fence(main, length);
	}

	// Makes durable what the step did to the table. Errors: table_full (nothing was recorded,
	// and the caller takes the step back), unwritable: then nobody can tell what the next load
	// will find, and the range is closed to writes until then. REQUIRES: fenced.
	Status commit(Growth growth = Growth::limited)
	{
		const u64 entries = engine_.entries_around(main_, length_);
		const u64 others = engine_.entries_.load_relaxed() - entries_before_;
		if (growth == Growth::limited && entries > entries_before_ &&
		    others + entries > engine_.layout_.max_extents())
			return Error::table_full;
		if (has_bug(engine_.platform_, Bug::publish_before_commit))
			open_early();
		const Status recorded = engine_.record(main_, length_);
		if (recorded.ok())
			engine_.entries_.store_relaxed(others + entries);
		else if (!has_bug(engine_.platform_, Bug::readonly_writes))
			engine_.fences_.close_to_writes(main_, length_);
		return recorded;
	}

	void end()
	{
		if (!locked_)
			return;
		const bool fenced = fenced_;
		engine_.note_flushes();
		engine_.announce_mode();
		if (fenced)
			engine_.fences_.close(number_);
		fenced_ = locked_ = false;
		engine_.platform_.unlock();
		if (fenced)
			engine_.platform_.release_held();
	}

private:
	// I/O waits for the writer as long as it takes.
	void lock()
	{
		engine_.platform_.lock();
		locked_ = true;
	}
	// Errors: interrupted.
	Status lock_killable()
	{
		locked_ = engine_.platform_.lock_killable();
		return locked_ ? Status{} : Status{Error::interrupted};
	}

	void open_early()
	{
		engine_.fences_.close(number_);
		fenced_ = false;
		engine_.platform_.unlock();
		engine_.platform_.release_held();
		engine_.platform_.lock();
	}

	bool fence(Sector main, u64 length)
	{
		main_ = main;
		length_ = length;
		number_ = engine_.fences_.open(main, length);
		fenced_ = true;
		engine_.counters_.fences.add_relaxed(1);
		entries_before_ = engine_.entries_around(main, length);
		// Whatever else goes on, I/O has to be finished.
		return engine_.platform_.drain(main, length, !io_);
	}

	Engine &engine_;
	Sector main_ = 0;
	u64 length_ = 0;
	u64 entries_before_ = 0;
	u32 number_ = 0;
	bool locked_ = false;
	bool fenced_ = false;
	bool io_ = false; // a user's write
};

}  // namespace remap
