// SPDX-License-Identifier: GPL-2.0-or-later
// What the table must do, in the plainest way: a std::map from first sector to stretch. It shares
// no code with the table but the types of the interface.
#pragma once

#include <algorithm>
#include <map>

#include "core/base/error.h"
#include "core/table/extent.h"

namespace remap::test {

class TableModel {
public:
	struct Stretch {
		u64 length;
		Place place;
		State state;
		bool boundary;
	};
	using Map = std::map<Sector, Stretch>;

	explicit TableModel(Sector main_sectors) : main_sectors_(main_sectors) {}

	const Map &map() const { return map_; }
	Sector main_sectors() const { return main_sectors_; }

	Error insert(const Extent &extent)
	{
		const auto next = first_after(extent.main);
		if (next != map_.end() && next->first < extent.main + extent.length)
			return Error::overlap;
		put(extent);
		return Error::ok;
	}

	Error assign(const Extent &extent)
	{
		const Sector behind = extent.main + extent.length;
		bool mark = extent.state == State::pending;
		if (mapped(extent.state) && extent.boundary) {
			Sector start;
			bool has_boundary;
			mark = !start_of(behind, &start, &has_boundary) || start != extent.main ||
			       !has_boundary;
		}
		carve(extent.main, extent.length);
		put(extent);
		if (mark)
			mark_at(behind);
		return Error::ok;
	}

	Error remove(Sector main, u64 length)
	{
		carve(main, length);
		mark_at(main + length);
		return Error::ok;
	}

	Error set_state(Sector main, u64 length, State state)
	{
		split(main);
		split(main + length);
		for (auto it = map_.lower_bound(main);
		     it != map_.end() && it->first < main + length; ++it)
			if (mapped(it->second.state))
				it->second.state = state;
		return Error::ok;
	}

	// The stretch of one state with contiguous places from `at` on, however long.
	Answer lookup(Sector at) const
	{
		auto it = first_after(at);
		if (it == map_.end())
			return {State::none, 0, main_sectors_ - at};
		if (it->first > at)
			return {State::none, 0, it->first - at};
		const u64 skipped = at - it->first;
		Answer answer{it->second.state, place_after(it->second, skipped),
			      it->second.length - skipped};
		while (++it != map_.end() && it->first == at + answer.sectors &&
		       joins(answer.state, answer.place, answer.sectors, it->second))
			answer.sectors += it->second.length;
		return answer;
	}

	bool next(Sector from, Extent *out, u64 most = ~u64{0}) const
	{
		auto it = first_after(from);
		if (it == map_.end())
			return false;
		const u64 skipped = from > it->first ? from - it->first : 0;
		const Stretch &first = it->second;
		*out = {it->first + skipped, first.length - skipped, place_after(first, skipped),
			first.state, first.boundary && !skipped};
		while (++it != map_.end() && it->first == out->main + out->length &&
		       !it->second.boundary &&
		       joins(out->state, out->place, out->length, it->second))
			out->length += it->second.length;
		out->length = std::min(out->length, most);
		return true;
	}

	bool added_extent(Sector main, Sector *start, u64 *length) const
	{
		bool has_boundary;
		if (!start_of(main, start, &has_boundary))
			return false;
		auto it = first_after(main);
		Sector end = it->first + it->second.length;
		while (++it != map_.end() && it->first == end && mapped(it->second.state) &&
		       !it->second.boundary)
			end += it->second.length;
		*length = end - *start;
		return true;
	}

	struct Counts {
		u64 extents = 0, mapped = 0, lost = 0, pending = 0;
	};
	Counts counts() const
	{
		Counts counts;
		for (const auto &[start, stretch] : map_) {
			const u64 n = stretch.length;
			counts.extents += mapped(stretch.state) && stretch.boundary;
			counts.mapped += mapped(stretch.state) ? n : 0;
			counts.lost += stretch.state == State::lost ? n : 0;
			counts.pending += stretch.state == State::pending ? n : 0;
		}
		return counts;
	}

private:
	static bool mapped(State state) { return state == State::active || state == State::lost; }
	static Place place_after(const Stretch &stretch, u64 skipped)
	{
		return mapped(stretch.state) ? stretch.place + skipped : 0;
	}
	static bool joins(State state, Place place, u64 length, const Stretch &next)
	{
		return state == next.state && (!mapped(state) || place + length == next.place);
	}

	Map::const_iterator first_after(Sector at) const
	{
		auto it = map_.upper_bound(at);
		if (it != map_.begin()) {
			auto before = std::prev(it);
			if (before->first + before->second.length > at)
				return before;
		}
		return it;
	}

	// The beginning of the added extent that holds `at`; false if `at` is not mapped.
	bool start_of(Sector at, Sector *start, bool *has_boundary) const
	{
		auto it = first_after(at);
		if (it == map_.end() || it->first > at || !mapped(it->second.state))
			return false;
		while (!it->second.boundary && it != map_.begin()) {
			auto before = std::prev(it);
			if (before->first + before->second.length != it->first ||
			    !mapped(before->second.state))
				break;
			it = before;
		}
		*start = it->first;
		*has_boundary = it->second.boundary;
		return true;
	}

	void split(Sector at)
	{
		auto it = map_.lower_bound(at);
		if (it == map_.begin())
			return;
		--it;
		Stretch &left = it->second;
		if (it->first + left.length <= at)
			return;
		const u64 kept = at - it->first;
		map_[at] = {left.length - kept, place_after(left, kept), left.state, false};
		left.length = kept;
	}

	void carve(Sector main, u64 length)
	{
		split(main);
		split(main + length);
		map_.erase(map_.lower_bound(main), map_.lower_bound(main + length));
	}

	void put(const Extent &extent)
	{
		const bool is_mapped = mapped(extent.state);
		map_[extent.main] = {extent.length, is_mapped ? extent.place : 0, extent.state,
				     is_mapped && extent.boundary};
	}

	void mark_at(Sector at)
	{
		auto it = first_after(at);
		if (it == map_.end() || it->first > at || !mapped(it->second.state))
			return;
		if (it->first < at) {
			split(at);
			it = map_.find(at);
		}
		map_[at].boundary = true;
	}

	Sector main_sectors_;
	Map map_;
};

} // namespace remap::test
