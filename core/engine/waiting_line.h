// SPDX-License-Identifier: GPL-2.0-or-later
// WaitingLine: which I/O of users waits, and in which order it goes on.
//
// An I/O gets here in four ways: it lies in a fence; it is a write to sectors for which an earlier
// write waits; it is a write that changes the table; or it has failed and may be recovered. The first
// two wait in one queue, in the order of their arrival. The host's dispatcher goes through it whenever
// a fence has opened or the writer has done something, and looks each up again, part by part, since
// what lay in one extent may now lie in several. The others are for the host's writer, one after the
// other. Flushes that wait for one of the core's have a list of their own, no sectors and no order.
//
// Order. A write that its submitter began after an earlier one never overtakes it:
//   - A newcomer that overlaps a write that waits, or that a worker has in its hands, queues up behind
//     it, whatever a lookup would say by now.
//   - The dispatcher keeps a write back if it overlaps an older one that it kept in this pass, or one
//     that the writer has not finished.
//   - What the dispatcher has in hand waits as a whole until all of it was sent on; what the writer
//     has, until it has ended. So a write to a lost sector that is still to be deferred cannot come
//     after a later one that found the sector already alive, and wipe it out.
// Reads have no order and are not looked at. Nor have two writes that are on a device at once.
//
// None is forgotten. Who is behind a fence was put there only after asking, under the lock, whether it
// is still closed; it opens before the dispatcher is called, and the dispatcher takes the lock. Who is
// behind another one goes on in the pass in which that one does, since newcomers join at the end, which
// the pass has still to reach; who is behind what the writer has, in the one that follows written().
//
// The host has what waits (a bio, a request) and a Waiter in it, and calls all of this under one lock,
// which may be a spinlock with interrupts off. Nothing here allocates, sleeps or takes a lock. There is
// one dispatcher, and any number of writers with one in hand each.
#pragma once

#include "core/base/atomic.h"
#include "core/base/bits.h"
#include "core/base/bug.h"
#include "core/platform/platform.h"

namespace remap {

// What waits. It must not move until it has left the line.
struct Waiter {
	Waiter *next = nullptr; // the line's
	Sector sector = 0;	// of main: what was not sent yet begins here
	u32 sectors = 0;
	bool writes = false;	// it modifies, so its order counts
	u8 device = kMainDevice; // that a flush is for
};

// What spans all writes that wait, or are in a worker's hands: for a host whose I/O comes without the lock.
class WaitingSpan {
public:
	// Whether a write may have to wait behind an earlier one. A write that its submitter began after
	// one that waits sees a span that covers it, since the span only grows until nothing is left in
	// it. Any context, without the lock.
	bool spans(Sector sector, u64 sectors) const
	{
		return end_.load_relaxed() > sector && first_.load_relaxed() < sector + sectors;
	}

protected:
	void enter(const Waiter &waiter)
	{
		if (!waiter.writes)
			return;
		const Sector end = waiter.sector + waiter.sectors;
		if (!writes_++ || waiter.sector < first_.load_relaxed())
			first_.store_relaxed(waiter.sector);
		if (end > end_.load_relaxed())
			end_.store_relaxed(end);
	}
	void leave(bool writes)
	{
		if (writes && !--writes_)
			end_.store_relaxed(0);
	}

private:
	Atomic<Sector> first_;
	Atomic<Sector> end_; // 0: there are none
	u64 writes_ = 0;
};

template <class P> class WaitingLine : public WaitingSpan {
public:
	// How often a newcomer is looked up again because fences opened and closed around it.
	static constexpr u32 kLooks = 4;

	explicit WaitingLine(P &platform) : platform_(platform) {}
	WaitingLine(const WaitingLine &) = delete;
	WaitingLine &operator=(const WaitingLine &) = delete;

	// ---- newcomers ----

	// Queues a write behind an earlier one that waits. false: there is none.
	bool wait_behind(Waiter &waiter)
	{
		if (!waiter.writes || !preceded(waiter))
			return false;
		queue(waiter);
		count(held_);
		return true;
	}
	// Queues what a lookup found to lie in a fence with its first `inside` sectors. false: they do not
	// any more, look it up again. Should the fence have opened and two others have closed around
	// their ends since, it waits with a gap: until one opens.
	template <class Engine> bool wait_fence(Waiter &waiter, u32 inside, const Engine &engine)
	{
		if (!engine.holds(waiter.sector, 1) || !engine.holds(waiter.sector + inside - 1, 1))
			return false;
		queue(waiter);
		count(held_);
		return true;
	}
	// The one way in which an I/O outside every fence can come to wait: fences opened and closed
	// around it faster than it could be looked up kLooks times. A pass has to follow.
	void wait_turn(Waiter &waiter)
	{
		queue(waiter);
		count(held_);
		count(held_outside_);
	}
	// For want of something of the host's own, who has a pass follow when there is some.
	void wait_host(Waiter &waiter) { queue(waiter); }

	// ---- the dispatcher ----

	// The next one in this pass: it is in hand until keep() or gone(). nullptr: the pass is over.
	Waiter *next()
	{
		Waiter *waiter = *cursor_;
		if (!waiter) {
			cursor_ = &first_;
			return nullptr;
		}
		*cursor_ = waiter->next;
		if (end_ == &waiter->next)
			end_ = cursor_;
		hand_ = {waiter->sector, waiter->sectors, waiter->writes};
		return waiter;
	}
	// Whether what is left of the one in hand must wait, whatever a lookup says. To be asked before
	// each part: an earlier one may have failed meanwhile.
	bool must_wait(const Waiter &rest) const
	{
		return rest.writes && (is_kept(rest) || is_with_writer(rest));
	}
	// The rest of the one in hand waits on.
	void keep(Waiter &rest)
	{
		rest.next = *cursor_;
		*cursor_ = &rest;
		if (end_ == cursor_)
			end_ = &rest.next;
		cursor_ = &rest.next;
		hand_.sectors = 0;
	}
	// All of the one in hand was sent on; it may have ended by now.
	void gone()
	{
		hand_.sectors = 0;
		leave(hand_.writes);
	}

	// ---- the writer ----

	// A write that changes the table.
	void defer(Waiter &waiter)
	{
		hand_over(waiter);
		count(deferred_);
	}
	// Whatever has failed and got a ticket.
	void recover(Waiter &waiter) { hand_over(waiter); }
	// nullptr: there is none that nobody has in hand.
	Waiter *next_to_write()
	{
		Waiter *waiter = unwritten_;
		if (waiter)
			unwritten_ = waiter->next;
		return waiter;
	}
	// It is about to end. A pass has to follow.
	void written(Waiter &waiter)
	{
		Waiter **link = &writing_;
		while (*link != &waiter)
			link = &(*link)->next;
		*link = waiter.next;
		if (writing_end_ == &waiter.next)
			writing_end_ = link;
		leave(waiter.writes);
	}

	// ---- flushes ----

	// Queues a flush for waiter.device if the engine flushes that. false: this one has begun.
	template <class Engine> bool hold_flush(Waiter &waiter, Engine &engine)
	{
		if (engine.flush_begins(waiter.device))
			return false;
		waiter.next = nullptr;
		*flushes_end_ = &waiter;
		flushes_end_ = &waiter.next;
		count(held_);
		return true;
	}
	// The dispatcher's: the next one that need not wait any more; it has begun.
	template <class Engine> Waiter *next_flush(Engine &engine)
	{
		u32 refused = 0;
		for (Waiter **link = &flushes_; *link; link = &(*link)->next) {
			Waiter *waiter = *link;
			const u32 bit = 1u << waiter->device;
			if (refused & bit)
				continue;
			if (!engine.flush_begins(waiter->device)) {
				refused |= bit;
				continue;
			}
			*link = waiter->next;
			if (flushes_end_ == &waiter->next)
				flushes_end_ = link;
			return waiter;
		}
		return nullptr;
	}

	// ---- counters; any thread, without the lock ----

	void add_to(HostCounters *counters) const
	{
		counters->held += held_.load_relaxed();
		counters->held_outside += held_outside_.load_relaxed();
		counters->deferred += deferred_.load_relaxed();
	}
	void clear_counters()
	{
		held_.store_relaxed(0);
		held_outside_.store_relaxed(0);
		deferred_.store_relaxed(0);
	}

private:
	// By value: what is in hand may have ended and be gone.
	struct Hand {
		Sector sector = 0;
		u32 sectors = 0; // 0: nothing is
		bool writes = false;
	};

	template <class A> static bool overlap(const A &a, const Waiter &b)
	{
		return a.writes && ranges_overlap(a.sector, a.sectors, b.sector, b.sectors);
	}
	static bool overlap_any(const Waiter *first, const Waiter *end, const Waiter &waiter)
	{
		for (; first != end; first = first->next)
			if (overlap(*first, waiter))
				return true;
		return false;
	}
	// What the dispatcher has looked at in this pass, and kept.
	bool is_kept(const Waiter &waiter) const
	{
		return !bug(Bug::kept_overtaken) && overlap_any(first_, *cursor_, waiter);
	}
	bool is_with_writer(const Waiter &waiter) const
	{
		return !bug(Bug::writer_overtaken) && overlap_any(writing_, nullptr, waiter);
	}
	bool preceded(const Waiter &waiter) const
	{
		return is_with_writer(waiter) ||
		       (!bug(Bug::hand_overtaken) && hand_.sectors && overlap(hand_, waiter)) ||
		       (!bug(Bug::queue_overtaken) && overlap_any(first_, nullptr, waiter));
	}
	void queue(Waiter &waiter)
	{
		enter(waiter);
		waiter.next = nullptr;
		*end_ = &waiter;
		end_ = &waiter.next;
	}
	void hand_over(Waiter &waiter)
	{
		enter(waiter);
		waiter.next = nullptr;
		*writing_end_ = &waiter;
		writing_end_ = &waiter.next;
		if (!unwritten_)
			unwritten_ = &waiter;
	}
	bool bug(Bug which) const { return has_bug(platform_, which); }
	static void count(Atomic<u64> &counter) { counter.add_relaxed(1); }

	P &platform_;
	// The queue, by arrival. Before the cursor: kept in this pass; behind it: not looked at yet.
	Waiter *first_ = nullptr;
	Waiter **end_ = &first_;
	Waiter **cursor_ = &first_;
	Hand hand_; // the dispatcher's
	// The writer's, in the order in which they came; those before `unwritten_` are in hand.
	Waiter *writing_ = nullptr;
	Waiter **writing_end_ = &writing_;
	Waiter *unwritten_ = nullptr;
	Waiter *flushes_ = nullptr;
	Waiter **flushes_end_ = &flushes_;
	Atomic<u64> held_;
	Atomic<u64> held_outside_;
	Atomic<u64> deferred_;
};

}  // namespace remap
