// SPDX-License-Identifier: GPL-2.0-or-later
// Reactor: one thread that starts I/O and hears of its end, on io_uring; what front ends read, it polls.
//
// Everything of an I/O happens on this thread, so it needs no lock; other threads post tasks. A turn
// goes through all that ended, then through the tasks, then calls each_turn. The time between two
// waits is the read section of core/platform/platform.h: whoever wants to know that no lookup of
// before is under way any more looks whether the thread has waited since.
#pragma once

#include <liburing.h>
#include <poll.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <system_error>
#include <vector>

#include "core/base/types.h"

namespace remap::host {

class Reactor;

// Something that was given to the ring; it must live until done().
class Completion {
public:
	// `result` is what the system call would have returned, or -errno.
	virtual void done(int result) = 0;

protected:
	~Completion() = default;
};

// A descriptor that is waited for beside the ring, with poll(2), and then read without it. Who writes to a
// socket is taken to wait for the answer, so its reader may be woken on the processor that becomes free;
// but not a reader that waits in the ring.
class Source {
public:
	Source(const Source &) = delete;
	Source &operator=(const Source &) = delete;
	// There is something to read, or nothing more will come. Must not end a Source.
	virtual void readable() = 0;

	int descriptor = -1;
	bool wanted = false; // whether it is waited for
	bool prompt = false; // whether the next request may come as soon as one is answered

protected:
	// On the reactor's thread, both.
	explicit Source(Reactor &reactor);
	~Source();

private:
	Reactor &reactor_;
};

// Something that another thread wants done on this one; it must live until run().
class Task {
public:
	virtual void run() = 0;
	Task *next_task = nullptr;

protected:
	~Task() = default;
};

// What the system said against io_uring.
class RingFailure : public std::system_error {
public:
	using std::system_error::system_error;
};

class Reactor {
public:
	// `later`: for a process that forks before it serves; it calls make_ring() afterwards.
	enum class Ring { now, later };
	// Throws RingFailure.
	explicit Reactor(Ring when = Ring::now);
	Reactor(const Reactor &) = delete;
	Reactor &operator=(const Reactor &) = delete;
	~Reactor();

	// ---- the reactor's thread: the one that made the ring ----
	void make_ring();
	// `fill(io_uring_sqe *)` is one of io_uring_prep_*(); `completion` hears of the end.
	template <class Fill> void start(Completion &completion, Fill &&fill)
	{
		io_uring_sqe *sqe = next();
		fill(sqe);
		io_uring_sqe_set_data(sqe, &completion);
	}
	// Until stop().
	void run();
	void stop() { stopping_ = true; }
	// Does something during which others need not wait for this thread: it may wait itself. Nothing
	// that was looked up before may be used afterwards. From each_turn.
	template <class Work> void outside(Work &&work)
	{
		end_section();
		work();
		begin_section();
	}
	// Called in each turn, in this order; not to be changed while it runs.
	std::vector<std::function<void()>> each_turn;

	// ---- any thread ----
	void post(Task &task);
	// Another turn, soon.
	void wake();
	// Grace periods, as in MemoryPlatform.
	u64 grace_start();
	bool grace_elapsed(u64 cookie) const;
	void grace_wait();

private:
	friend class Source;

	class Wakeup final : public Completion {
	public:
		explicit Wakeup(Reactor &reactor) : reactor_(reactor) {}
		void arm();
		void done(int result) override;

		int descriptor = -1;

	private:
		Reactor &reactor_;
		u64 count_ = 0;
	};

	void release();
	io_uring_sqe *next();
	void begin_section();
	void end_section();
	void wait();
	int wait_for_ring();
	int wait_for_any();
	bool look();
	void take_completions();
	void take_readable();
	void take_tasks();

	io_uring ring_ = {};
	bool has_ring_ = false;
	Wakeup wakeup_;
	std::vector<Source *> sources_;
	std::vector<pollfd> polled_; // ring_events_, the wake-up, then the sources
	int ring_events_ = -1;	     // readable when the ring has done something
	bool prompt_ = false;	     // whether the last turn read from such a source
	u32 sleeps_ = 0;	     // without a look, after the last one
	u32 sleeps_left_ = 0;	     // of these
	bool stopping_ = false;
	// Odd: inside a section.
	std::atomic<u64> section_{0};
	std::mutex tasks_mutex_;
	Task *first_task_ = nullptr;
	Task *last_task_ = nullptr;
};

}  // namespace remap::host
