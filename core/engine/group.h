// SPDX-License-Identifier: GPL-2.0-or-later
// Group: steps that have changed the table and wait together for one block of the journal.
//
// A step ends with its records in the group. If another step waits for the writer's lock by then,
// the step gives the lock up, its fence still closed, and sleeps; the other one adds its records.
// Whoever ends with nobody behind it, or fills the group, writes the block for all of them, opens
// their fences, frees their places, and wakes them. So there is never more than one commit under
// way, and the order in the journal is the order in which the table changed.
//
// Steps in a group do not see each other: one that would touch a fence of the group's settles the
// group first. So nothing is ever read, copied or answered on the strength of a change that is not
// durable. A step whose records do not fit beside the others' settles the group first as well: what
// fitted into one block by itself is never spread over two.
//
// Nobody waits for ever:
//   * While the lock is free and the group is not settled, either a step that the group waits for
//     is on its way to the lock (`waiting` is counted before lock() and until it is held, and
//     nothing lies between), or the members were woken since. Whoever gives the lock up looks, and
//     wakes the members if nobody is behind; so does whoever was killed on the way. The first of
//     them that gets the lock settles for all.
//   * A step under the lock waits for devices only, never for I/O of the mapped device, and so for
//     no member's fence and no write that a member holds in its hands. What is held at a fence has
//     no token, so no drain waits for it. And opening the fences needs no member's thread to run.
//   * A write of the user's never waits for a message: it lingers only while another such write
//     waits for the lock, and a message that gets the lock before that one settles before it begins.
//     So a write is as soon acknowledged as if it had recorded alone, however long messages copy.
//   * What is held at the fence of a message's step waits for the steps of others, kMembers at most,
//     and for nothing slow: a step whose drain does not end soon, or that meets a bad sector,
//     settles first.
//   * A recovery of I/O that failed waits for a disk that may be dying, and with the lock. So it settles
//     a group that is not of this second before it begins, and whenever an I/O of its own has failed:
//     the others wait for one slow I/O at most. What a whole bad track makes fail at once is recorded
//     together. Places that failed, and reads, settle at once.
//   * A suspend waits for writes and messages. Messages end at their next step, the writes end as
//     above; what is then settled is all there is.
#pragma once

#include "core/base/atomic.h"
#include "core/format/journal_block.h"
#include "core/table/extent.h"

namespace remap {

template <class Step> class Group {
public:
	// 20 that wait together share a block. Fewer than FenceSet::kFences, one of which is that of
	// the step at work.
	static constexpr u32 kMembers = 24;
	static constexpr u32 kPlaces = 96;

	struct Run {
		Sector start = 0;
		u64 length = 0;
	};

	bool any() const { return member_count || record_count; }
	bool full() const { return member_count == kMembers; }
	// Whether no step is on its way for which the group may wait. REQUIRES: the lock.
	bool is_last() const
	{
		return full() || !(has_io ? waiting_io : waiting).load_relaxed();
	}
	void join(Step *step, bool io, u64 now)
	{
		if (!member_count)
			begun = now;
		members[member_count++] = step;
		has_io |= io;
	}
	void clear()
	{
		member_count = record_count = place_count = 0;
		has_io = false;
	}

	// All but the counts of those who wait: under the lock.
	Step *members[kMembers] = {};
	u32 member_count = 0;
	bool has_io = false; // a user's write is among them
	u64 begun = 0;	     // when the first one joined, in seconds
	Record records[kRecordsPerBlock];
	u32 record_count = 0;
	u64 settled = 0; // so many groups, so far
	// What is free once the records are durable.
	Run places[kPlaces];
	u32 place_count = 0;
	// Steps between their call of lock() and its return; of these, those of users' writes.
	Atomic<u32> waiting;
	Atomic<u32> waiting_io;
};

}  // namespace remap
