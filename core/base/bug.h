// SPDX-License-Identifier: GPL-2.0-or-later
// Deliberate bugs, one for each step of the protocol that somebody could be tempted to leave out.
//
// The simulator proves with them that it would notice. They exist only where the platform has a
// member `bool bug(Bug)`, which no platform but the simulator's has; elsewhere has_bug() is a
// constant and leaves no instruction behind.
#pragma once

#include "core/base/types.h"

namespace remap {

// X(name, what it does)
#define REMAP_BUGS(X)                                                                              \
	X(commit_before_data, "a record is written before the data it points to is stable")        \
	X(one_copy_only, "a record goes to the first copy alone")                                  \
	X(one_spare_flushed, "what several spares hold is made stable on the first alone")         \
	X(no_commit_flush, "a record counts as written when the write returns")                    \
	X(publish_before_commit, "a range is opened before its record is written")                 \
	X(ignore_copy_failure, "a copy that failed stays in use")                                  \
	X(acknowledge_before_fence, "a record is acknowledged before the failed copy is out")      \
	X(both_slots, "both slots of a site are written at once")                                  \
	X(newest_slot, "the newest slot of a site is overwritten")                                 \
	X(no_site_flush, "no flush between sites")                                                 \
	X(failed_site_counts, "a site whose write failed is written again and counted")          \
	X(same_place, "the epoch of a load leaves no place of the ring free")                      \
	X(trust_slots, "a site counts although its slots do not fit each other")                   \
	X(epoch_unchained, "the log before an epoch is read without the CRC that ends it")         \
	X(no_announcement, "an epoch begins without the round that announces it")                  \
	X(any_site_suffices, "an epoch counts when one site has it")                               \
	X(same_epoch_again, "a load serves in the epoch of the one before")                        \
	X(epoch_after_record, "the epoch of a load begins with the first record")                  \
	X(repair_after_epoch, "copies are made equal after the epoch that names them")             \
	X(no_repair, "copies are not made equal at load")                                          \
	X(two_sites_win, "the highest superblock on two sites wins, not the highest of all")       \
	X(few_sites, "one readable site is enough to load")                                        \
	X(replay_past_break, "records behind a break in the log count")                            \
	X(old_epoch_replayed, "a record of an earlier epoch counts in a later one's place")        \
	X(ignore_chain, "the CRC of the predecessor is not compared")                              \
	X(copy_not_in_use_read, "a copy that is out of use is read as truth")                      \
	X(torn_block_refused, "a last block of which each copy has a part is taken for damage")     \
	X(ambiguous_end, "the end of a log is believed although its only copy is damaged there")   \
	X(checkpoint_frees_early, "the journal is freed before the checkpoint is published")       \
	X(checkpoint_no_flush, "a checkpoint is published before it is stable")                    \
	X(checkpoint_ignores_flush, "a checkpoint goes on although a flush failed meanwhile")        \
	X(checkpoint_same_area, "a checkpoint overwrites the one in use")                          \
	X(checkpoint_late_start, "the log of a checkpoint begins where it ended")                  \
	X(ring_overrun, "a block of the journal that is still needed is rewritten")                \
	X(readonly_writes, "ranges in doubt stay open to writes")                                  \
	X(readonly_reuses, "a set whose metadata cannot be written goes on changing")              \
	X(reuse_before_durable, "freed space is handed out before the record is written")          \
	X(no_main_flush, "a range goes back to main without a flush of main")                      \
	X(flushes_side_by_side, "a flush of ours begins while one of a user's is under way")       \
	X(flush_debt_forgotten, "a failed flush of ours is not told to the next one who asks")     \
	X(debt_leaves, "a spare that is removed takes along that a flush of it has failed")        \
	X(debt_not_taken_over, "a reload forgets that a flush of ours has failed")                 \
	X(user_flush_ignored, "a user's flush that failed is taken for no matter of the core's")   \
	X(group_acknowledge_early, "a member of a group is answered before the group's flush")     \
	X(group_forgets_member, "the records of a group's later members are left out")             \
	X(group_frees_early, "what a group's member gives back is free before the record is")      \
	X(lost_not_recorded, "sectors that came back are acknowledged before the record")          \
	X(uninitialised_tail, "what a block does not use keeps what was in memory")                \
	X(remap_on_path_error, "an error of the path counts as a bad sector")                      \
	X(no_control_read, "an error without a reason counts as a bad sector")                     \
	X(no_write_proof, "writes are remapped although none of main succeeds")                    \
	X(recovery_not_recorded, "a remapped write is acknowledged before the record")             \
	X(recovery_without_fence, "a recovery works while others write its sectors")               \
	X(rescue_without_fence, "a read is recovered while others write its sectors")              \
	X(token_kept, "an I/O that failed counts as in flight while it waits for the writer")      \
	X(zero_for_unreadable, "a read of unreadable sectors ends well")                           \
	X(pending_forgotten, "a sector that could not be read is not recorded as pending")         \
	X(failed_place_reused, "a place that failed is handed out again")                          \
	X(bad_not_checkpointed, "a checkpoint leaves out the places that failed")                  \
	X(control_write, "main is written to find out whether it answers")                         \
	X(neighbours_forgotten, "the rest of a failed physical block stays where it is")           \
	X(scan_condemns_all, "a piece that the scan cannot read is pending as a whole")            \
	X(queue_overtaken, "a write does not queue up behind an earlier one that waits")           \
	X(hand_overtaken, "a write does not wait for one of which only a part was sent on")        \
	X(kept_overtaken, "a write is sent on before an earlier one that must wait on")            \
	X(writer_overtaken, "a write does not wait for an earlier one that the writer has")        \
	X(clean_while_open, "a set is marked clean when it opens")                                 \
	X(rejoin_any, "a member that was gone is current whatever it holds")                       \
	X(lost_after_epoch, "what a member lost is recorded after the epoch that has it back")     \
	X(add_before_copy, "a member is in use before it is a copy")                               \
	X(gone_still_written, "sectors on a member that is gone are written there")

enum class Bug : u8 {
#define X(name, text) name,
	REMAP_BUGS(X)
#undef X
};

template <class P> constexpr bool has_bug([[maybe_unused]] P &platform, [[maybe_unused]] Bug which)
{
	if constexpr (requires { platform.bug(which); })
		return platform.bug(which);
	else
		return false;
}

}  // namespace remap
