// SPDX-License-Identifier: GPL-2.0-or-later
// LineRun: a host in small that gives a line all that a host can, in an order that a seed decides, and a
// model that is as simple as can be: it looks at all there is and knows no cursor.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/engine/waiting_line.h"

namespace remap::test {

// A platform that has a bug of the line's, or none.
struct Planted {
	std::optional<Bug> planted;
	bool bug(Bug which) const { return planted == which; }
};

// What of the engine the line asks.
struct Fences {
	std::vector<bool> closed;
	u32 closed_gates = 0; // devices, a bit each
	u32 asked = 0;	      // how often for a gate

	bool holds(Sector sector, u32 sectors) const
	{
		for (u32 i = 0; i < sectors; ++i)
			if (closed[sector + i])
				return true;
		return false;
	}
	bool flush_begins(DeviceIndex device)
	{
		++asked;
		return !(closed_gates >> device & 1);
	}
};

class LineRun {
public:
	LineRun(u64 seed, std::optional<Bug> bug) : planted_{bug}, line_(planted_), random_(seed)
	{
		fences_.closed.resize(kSectors);
	}

	// What was wrong first; empty: nothing.
	std::string go(u32 steps)
	{
		for (u32 i = 0; i < steps && wrong_.empty(); ++i)
			step();
		fences_.closed.assign(kSectors, false);
		for (u32 i = 0; i < 1000 && wrong_.empty() && !all_.empty(); ++i)
			finish_some();
		check(all_.empty(), "somebody waits for ever");
		check(!wrong_.empty() || !line_.spans(0, kSectors), "the span is not empty at the end");
		return wrong_;
	}
	// How often each answer came.
	u64 behind = 0, fenced = 0, kept = 0, recovered = 0;

private:
	static constexpr Sector kSectors = 64;

	enum class Where { queue, hand, device, waits_for_writer, writer };
	struct One : Waiter {
		u64 id = 0; // by arrival
		Where where = Where::queue;
		u64 place = 0;	     // in the queue
		bool looked = false; // at in this pass
		Sector whole = 0;    // of one in hand: where it began when it was taken
	};
	using Ones = std::deque<std::unique_ptr<One>>;

	u64 below(u64 limit) { return random_() % limit; }
	void check(bool right, const char *what)
	{
		if (!right && wrong_.empty())
			wrong_ = what;
	}

	// ---- the model ----

	static bool touch(const One &a, const One &b)
	{
		const Sector first = a.where == Where::hand ? a.whole : a.sector;
		return a.writes && ranges_overlap(first, a.sector + a.sectors - first, b.sector, b.sectors);
	}
	static bool with_writer(const One &one)
	{
		return one.where == Where::waits_for_writer || one.where == Where::writer;
	}
	bool precedes_newcomer(const One &newcomer) const
	{
		for (const auto &one : all_)
			if (one.get() != &newcomer && one->where != Where::device && touch(*one, newcomer))
				return newcomer.writes;
		return false;
	}
	bool keeps_back(const One &rest) const
	{
		for (const auto &one : all_)
			if (one.get() != &rest && touch(*one, rest) &&
			    (with_writer(*one) || (one->where == Where::queue && one->looked)))
				return rest.writes;
		return false;
	}
	One *first_in(Where where, bool unlooked = false) const
	{
		One *first = nullptr;
		for (const auto &one : all_)
			if (one->where == where && !(unlooked && one->looked) &&
			    (!first || one->place < first->place))
				first = one.get();
		return first;
	}
	// The one thing that all of this is for.
	void check_order(const One &sent)
	{
		for (const auto &one : all_)
			check(one->id >= sent.id || one.get() == &sent || one->where == Where::device ||
				      !sent.writes || !one->writes ||
				      !ranges_overlap(one->sector, one->sectors, sent.sector, sent.sectors),
			      "a write overtook an earlier one");
	}

	// ---- the host ----

	One &add(const One &what)
	{
		all_.push_back(std::make_unique<One>(what));
		all_.back()->place = ++places_;
		return *all_.back();
	}
	void drop(const One *what)
	{
		std::erase_if(all_, [what](const auto &one) { return one.get() == what; });
	}
	// How many sectors from there on are all in fences, or none.
	u32 alike(Sector sector, u32 most) const
	{
		u32 count = 1;
		while (count < most && fences_.closed[sector + count] == fences_.closed[sector])
			++count;
		return count;
	}

	void send(const One &what)
	{
		check_order(what);
		One &part = add(what);
		part.where = Where::device;
		if (part.writes && !below(4)) {
			part.where = Where::waits_for_writer;
			line_.defer(part);
		}
	}
	void arrive()
	{
		One newcomer;
		newcomer.id = ++ids_;
		newcomer.sector = below(kSectors);
		const u64 most = std::min<u64>(16, kSectors - newcomer.sector);
		newcomer.sectors = 1 + static_cast<u32>(below(most));
		newcomer.writes = below(4) != 0;
		One &all = add(newcomer);
		check(line_.spans(all.sector, all.sectors) || !precedes_newcomer(all),
		      "the span leaves out what waits");
		const bool waits = line_.wait_behind(all);
		all.where = Where::queue;
		check(waits == precedes_newcomer(all), "a newcomer waits, or does not, against the rule");
		behind += waits;
		if (waits)
			return;
		drop(&all);
		for (u32 done = 0; done < newcomer.sectors;) {
			One part = newcomer;
			part.sector += done;
			part.sectors = alike(part.sector, newcomer.sectors - done);
			done += part.sectors;
			if (fences_.closed[part.sector])
				wait_fence(part);
			else
				send(part);
		}
	}
	void wait_fence(const One &part)
	{
		const bool held = line_.wait_fence(add(part), part.sectors, fences_);
		check(held, "what lies in a fence is not held");
		fenced += held;
	}
	void pass()
	{
		One *hand = first_in(Where::hand);
		if (!hand) {
			One *expected = first_in(Where::queue, true);
			hand = static_cast<One *>(line_.next());
			check(hand == expected, "another one than the next was looked at");
			for (const auto &one : all_)
				one->looked = one->looked && hand;
			if (!hand || !wrong_.empty())
				return;
			hand->where = Where::hand;
			hand->whole = hand->sector;
		}
		const bool back = line_.must_wait(*hand);
		check(back == keeps_back(*hand), "a write is kept back, or not, against the rule");
		kept += back;
		if (back || fences_.closed[hand->sector])
			return keep(*hand);
		One part = *hand;
		part.sectors = alike(part.sector, static_cast<u32>(1 + below(part.sectors)));
		hand->sector += part.sectors;
		hand->sectors -= part.sectors;
		send(part);
		if (hand->sectors)
			return;
		drop(hand); // it may have ended
		line_.gone();
	}
	void keep(One &hand)
	{
		line_.keep(hand);
		hand.where = Where::queue;
		hand.looked = true;
	}
	void land()
	{
		std::vector<One *> flying;
		for (const auto &one : all_)
			if (one->where == Where::device)
				flying.push_back(one.get());
		if (flying.empty())
			return;
		One *one = flying[below(flying.size())];
		if (below(8))
			return drop(one);
		one->where = Where::waits_for_writer;
		one->place = ++places_;
		line_.recover(*one);
		++recovered;
	}
	void write()
	{
		One *expected = first_in(Where::waits_for_writer);
		One *one = static_cast<One *>(line_.next_to_write());
		check(one == expected, "the writer got another one than the first");
		if (one)
			one->where = Where::writer;
	}
	void written()
	{
		std::vector<One *> writing;
		for (const auto &one : all_)
			if (one->where == Where::writer)
				writing.push_back(one.get());
		if (writing.empty())
			return;
		One *one = writing[below(writing.size())];
		line_.written(*one);
		drop(one);
	}
	void turn_fence()
	{
		const Sector first = below(kSectors);
		const bool close = below(2);
		for (Sector i = first; i < std::min(kSectors, first + 1 + below(12)); ++i)
			fences_.closed[i] = close;
	}

	void step()
	{
		switch (below(12)) {
		case 0:
			return turn_fence();
		case 1:
		case 2:
			return land();
		case 3:
			return write();
		case 4:
			return written();
		case 5:
		case 6:
		case 7:
		case 8:
			return pass();
		default:
			return arrive();
		}
	}
	void finish_some()
	{
		for (u32 i = 0; i < 50 && wrong_.empty(); ++i)
			pass();
		for (u32 i = 0; i < 50 && wrong_.empty(); ++i) {
			land();
			write();
			written();
		}
	}

	Planted planted_;
	WaitingLine<Planted> line_;
	Fences fences_;
	std::mt19937_64 random_;
	Ones all_;
	std::string wrong_;
	u64 ids_ = 0;
	u64 places_ = 0;
};

}  // namespace remap::test
