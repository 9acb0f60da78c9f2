// SPDX-License-Identifier: GPL-2.0-or-later
// Kinds: what went wrong in a run, counted. A campaign in which one of them never happened has not
// tried what it claims to have tried.
#pragma once

#include <iterator>

#include "core/base/types.h"

namespace remap::sim {

// X(name, what happened)
#define SIM_KINDS(X)                                                                               \
	X(dropped, "units of unflushed writes that did not survive a power failure")               \
	X(reordered, "power failures that kept a later write and dropped an earlier one")          \
	X(torn, "writes of which a part survived")                                                 \
	X(struck, "sectors left unreadable since their block was being written")                   \
	X(bystanders, "of these, sectors that nobody was writing")                                 \
	X(bad_main, "sectors of main that went bad")                                               \
	X(bad_spare, "sectors of the spare's data that went bad")                                  \
	X(unwritable, "sectors of main that refuse writes")                                        \
	X(flaky, "sectors of main that could be read only after some tries")                       \
	X(rescued, "of these, those that a read moved to the spare")                               \
	X(rescued_by_scan, "the same of the scan")                                                 \
	X(worn_out, "sectors that could not be read in as many tries as the policy allows")        \
	X(unread, "reads of the core that failed")                                                 \
	X(scanned, "reads of the scan that failed")                                                \
	X(refused_user, "users' writes that failed")                                               \
	X(over_budget, "I/O that was not recovered since the budget was used up")                  \
	X(not_wanted, "failures that the policy leaves to the users")                              \
	X(refused_data, "writes of data by the core that failed")                                  \
	X(refused_metadata, "writes of metadata that failed")                                      \
	X(refused_stored, "writes that failed and were stored all the same")                       \
	X(refused_late, "writes that failed and were left to arrive later")                        \
	X(arrived_late, "of these, those that arrived while the set served")                       \
	X(lost, "writes of metadata acknowledged and never stored")                                \
	X(misdirected, "writes of metadata that were stored elsewhere")                            \
	X(doomed, "writes acknowledged that the next flush reported lost")                         \
	X(failed_flush, "flushes that failed")                                                     \
	X(rotten, "sectors of metadata in which a bit turned")                                     \
	X(unreadable, "sectors of metadata that went bad")                                         \
	X(gone_block, "blocks of the log that became what they were before")                       \
	X(dark_head, "starts at which the head could not be read")                                 \
	X(dark_middle, "starts at which the middle site could not be read")                        \
	X(dark_tail, "starts at which the tail could not be read")                                 \
	X(by_turns, "starts at which the other end was dark than before")                          \
	X(missing, "starts without the spare")                                                     \
	X(refused_start, "starts that the core refused")                                           \
	X(cut_start, "power failures during a start")                                              \
	X(cut_recovery, "and while I/O that failed was recovered")                                 \
	X(no_memory, "allocations that failed")                                                    \
	X(waited_behind, "writes that waited behind an earlier one")                               \
	X(held_flush, "flushes of users that waited for one of the core's")                        \
	X(awaited_flush, "flushes of the core's that waited for one of a user's")                  \
	X(interrupted, "messages that a signal or a suspend ended")                                \
	X(stuck, "sets whose metadata could not be written any more")                              \
	X(read_only, "sets that were loaded to be read only")                                      \
	X(second_data, "writes of data by the core to a second spare")                             \
	X(second_metadata, "writes of metadata to a second spare")                                 \
	X(joined, "spares that joined a set")                                                      \
	X(left, "spares that were removed")                                                        \
	X(perished, "spares that died as a whole")                                                 \
	X(lost_members, "of these, those without which the set went on")                           \
	X(without, "starts without a spare that the set had lost")                                 \
	X(given_up, "spares that the operator gave up")                                            \
	X(came_back, "spares that came back")

enum class Kind : u8 {
#define X(name, text) name,
	SIM_KINDS(X)
#undef X
};

struct KindName {
	const char *name;
	const char *text;
};
inline constexpr KindName kKinds[] = {
#define X(name, text) {#name, text},
	SIM_KINDS(X)
#undef X
};

class Counts {
public:
	void count(Kind kind, u64 more = 1) { of_[static_cast<usize>(kind)] += more; }
	u64 of(usize kind) const { return of_[kind]; }
	void add(const Counts &other)
	{
		for (usize i = 0; i < std::size(of_); ++i)
			of_[i] += other.of_[i];
	}

private:
	u64 of_[std::size(kKinds)] = {};
};

} // namespace remap::sim
