// SPDX-License-Identifier: GPL-2.0-or-later
// Journal: the metadata of a set on its spares. docs/development/FORMAT.md tells the format,
// docs/development/protocol.pml is the protocol as it was checked; the names are the same.
//
// Parts, in the order of a set's life:
//  * survey.h      what is on the spare: blank, ours, or a reason to keep off (reads only)
//  * members.h     which device is which member of a set, and which may be missing
//  * given_up.h    members that an operator gave up
//  * join.h        a member that is added, or comes back
//  * wipe.h        a set that an operator gave up
//  * examine.h     how sites and copies are, for reports
//  * blank.h       nothing but zeros where a format would write
//  * format.h      making a set
//  * log_reader.h  the chain of journal blocks, each from whatever copy has it
//  * decided.h     the part of it that the epochs before decided
//  * load.h        LOAD: choose, read, make the copies equal, begin an epoch; only then serve
//  * sites.h       superblocks, one site after the other; EPOCH
//  * commit.h      COMMIT, FENCE
//  * checkpoint.h  CHECKPOINT, a block or two with each commit
//
// Invariants. (a) An acknowledged record is in every copy in use. (b) A copy that the winning
// superblock does not name is never read as truth. (c) No two epochs share a number. (d) Nothing is
// acknowledged between the start of an epoch change and its quorum.
//
// All calls are the writer's: one at a time, under the platform's lock, in a context that may
// sleep; what says "any context" may be called by anybody. Nothing is allocated after open().
#pragma once

#include "core/base/bug.h"
#include "core/base/refusal.h"
#include "core/base/zero.h"
#include "core/format/journal_block.h"
#include "core/format/superblock.h"
#include "core/journal/copies.h"
#include "core/journal/findings.h"
#include "core/journal/site.h"
#include "core/journal/terms.h"
#include "core/platform/flush_debt.h"
#include "core/platform/platform.h"
#include "core/spare/spares.h"
#include "core/table/table.h"

namespace remap {

enum class SiteState : u8;
enum class CopyState : u8;

template <Platform P> class Journal {
public:
	// `bad`: places of the spare that failed, as pending sectors; read only by the journal.
	Journal(P &platform, Table<P> &table, Table<P> &bad, FlushDebt &debt)
	    : platform_(platform), table_(table), bad_(bad), debt_(debt)
	{
	}
	~Journal();
	Journal(const Journal &) = delete;
	Journal &operator=(const Journal &) = delete;

	// Memory for commits. Errors: no_memory.
	Status create(const SetShape &shape, const Terms &terms);

	// Reads the sites and judges. Writes nothing. Errors: spare_full (too small for its
	// metadata), not_blank, wrong_set, unknown_format, damaged, spare_io.
	Status survey(Refusal &why);
	// Surveys, formats if there is nothing, loads the table, which must be empty, and begins an
	// epoch; when the platform may not write, only loads. Errors: those of survey() and
	// no_memory, no_randomness, unwritable, interrupted.
	// `adopt(why)` judges the table that was read, before anything is written or served; its
	// errors are errors of the load. `writes`: whether the table that is to be served does.
	template <class Adopt> Status open(Refusal &why, bool writes, Adopt &&adopt);
	Status open(Refusal &why)
	{
		return open(why, platform_.writable(), [](Refusal &) { return Status{}; });
	}
	// Makes a set where survey() found that one may be made, and surveys it. Errors: as open().
	Status format(Refusal &why);
	// A spare is prepared to join this set, which is in use elsewhere perhaps: its journal is made
	// empty, and its sites say for which set it is. REQUIRES: `set` has a name, max_extents and what
	// main is; found() is Found::blank, and there is one spare. Errors: as format().
	Status prepare(Refusal &why, const Superblock &set);
	// Marks the set as closed, if it may write; reopen() begins the next epoch. After an error
	// of either the set serves what is mapped, and changes nothing.
	void close();
	Status reopen();

	// Makes records durable in every copy in use, in as few blocks as hold them. Errors: unwritable:
	// the next load may find them, or what was before. The caller's data must be stable before.
	Status commit(const Record *records, u32 count);
	// Writes the whole table out and empties the journal. Errors: unwritable. It may not be the one
	// that counts, if a flush failed meanwhile: checkpointed().
	Status checkpoint();
	bool checkpointed() const { return !writing_.running && now_.root.id == writing_.id; }
	// An epoch without the member, for good; before that a checkpoint, so that no record is left that
	// maps to it. REQUIRES: no extent is on it. Errors: unwritable; spare_io: it is what it was.
	Status remove(u32 member);

	// Where the scan of main is, for the next superblock that is written, for whatever reason.
	void note_scan(Sector next, bool on)
	{
		now_.scan_next = next;
		now_.scan_on = on;
	}
	Status keep_scan(); // writes one. REQUIRES: no commit is under way. Errors: unwritable.

	// ---- any context ----
	// Loaded, and changes are possible.
	bool opened() const { return opened_.load_acquire(); }
	bool failed() const { return failed_.load_acquire(); }
	u64 epoch() const { return epoch_.load_relaxed(); }
	// A site, a copy or a member is not what it should be.
	bool degraded() const { return degraded_.load_relaxed(); }
	// Members on which nothing new is put: they are gone, or not there yet.
	Members gone() const { return gone_.load_relaxed(); }
	u64 generation() const { return load_once(now_.generation); }
	Copies copies() const { return load_once(now_.copies); }
	// Blocks of the log that a load would read; a checkpoint that ends meanwhile counts or not.
	u64 journal_used() const
	{
		const u64 start = load_once(now_.journal_start);
		const u64 end = load_once(end_);
		return end > start ? end - start : 0;
	}
	u64 commits() const { return commits_.load_relaxed(); }
	u64 checkpoints() const { return checkpoints_.load_relaxed(); }
	void clear_counters()
	{
		commits_.store_relaxed(0);
		checkpoints_.store_relaxed(0);
	}

	// ---- what a survey or an open found; the writer ----
	Found found() const { return found_; }
	bool loaded() const { return loaded_; }
	// Whether I/O was served since the load, so that the table in memory is the newest there is.
	bool served() const { return served_; }
	const Spares &spares() const { return spares_; }
	// Of one member.
	const Layout &layout(u32 member = 0) const { return spares_.layout(member); }
	// Members that the next load is to add to the set.
	Members joining() const { return joining_; }
	// Of these, whose content is not the newest: it will be lost.
	Members stale() const { return stale_; }
	const Superblock &superblock() const { return now_; }
	// Of the first spare as the table line has them, then of the next. A superblock's number of a
	// site, kSites for each.
	u32 sites() const { return shape_.spares.count * kSites; }
	const Site &site(u32 number) const { return sites_[number]; }
	u64 journal_end() const { return end_; }
	// Of the ring, with the places that loads left free.
	u64 used_blocks() const
	{
		return min_of(end_ - now_.journal_start, spares_.journal_blocks());
	}
	Copies damaged() const { return damaged_; }
	// Whether main's name was compared with that in the set.
	bool main_verified() const { return now_.main_id[0] && terms_.main_id[0]; }
	// Errors: wrong_set, if both the set and the terms name main, and differ.
	Status check_main_id(const Terms &terms, Refusal &why) const
	{
		return check_main_id(now_, terms, why);
	}
	// With main's size and block as the set says, where they were not known.
	const SetShape &shape() const { return shape_; }
	// What the load saw, also of one that was refused.
	const Findings &findings() const { return findings_; }
	// What makes a superblock count: the one with the highest epoch and generation, or nullptr.
	const Superblock *newest_superblock() const { return winner(); }
	// How a site and a copy are, and whether nothing is damaged (examine.h).
	SiteState site_state(u32 number) const;
	CopyState copy_state(u32 copy) const;
	bool sound() const;

	// Puts a record into the table alone. Errors: those of the table.
	Status apply(const Record &record);

private:
	// How much of a copy is read at once while loading.
	static constexpr u32 kChunkBlocks = 32;
	static constexpr u32 kChunkSectors = kChunkBlocks * kBlockSectors;
	static constexpr u32 kChunkBytes = kChunkBlocks * kMetadataBlockBytes;
	// A chunk of each copy, and one that is put together of them.
	u32 load_bytes() const { return (spares_.slots() * kCopies + 1) * kChunkBytes; }
	static constexpr Sector kBlankSectors = 16 * kSectorsPerMiB; // at either end
	// Blocks behind the end of the log that are looked at for what should not be there.
	static constexpr u64 kLookBehind = 8;
	// On the first lap of the ring, zeros are written this far ahead.
	static constexpr u64 kZeroAhead = 64;
	// How much of one record is applied before anybody who wants it to end is heard.
	static constexpr u64 kStopSectors = 1024 * kSectorsPerMiB;
	// In a copy that is rebuilt, zeros are written this far.
	static constexpr u64 kZeroBehind = 4096;
	// Counts beyond this are nobody's: more than any clock tick could count, and every sum of
	// them stays within 64 bits.
	static constexpr u64 kMostCounted = u64{1} << 56;
	// A load leaves this much for what it is going to count itself.
	static constexpr u64 kCountsLeft = u64{1} << 48;

	enum class Pass : u8 { read, mend };

	// survey.h
	Status read_sites(Refusal &why, DeviceIndex device);
	Layout layout_alone(DeviceIndex device) const;
	Status too_small(Refusal &why, DeviceIndex device, const Layout &layout) const;
	Status lay_out(Refusal &why);
	void lay_out_as_told();
	IoStatus read_site(DeviceIndex device, Sector where, Site *site);
	void note_slot(Site *site, u32 slot);
	const Superblock *winner() const;
	Status judge_absent(Refusal &why);
	Status judge_set(Refusal &why, const Superblock &newest);
	Status judge_devices(Refusal &why, const Superblock &newest);
	static Status check_main_id(const Superblock &set, const Terms &terms, Refusal &why);
	bool makes_sense(const Superblock &set) const;
	Status judge_histories(Refusal &why, const Superblock &newest, u32 member);
	bool counts(const Site &site) const;
	u32 counting_sites(DeviceIndex device) const;
	static bool parted(const Superblock &a, const Superblock &b);
	// members.h
	Status judge_sets(Refusal &why, const Superblock &newest);
	Status judge_members(Refusal &why, const Superblock &newest);
	Status judge_member_states(Refusal &why, const Superblock &newest);
	Status identify(Refusal &why, const Superblock &newest, DeviceIndex *holder);
	Status identify(Refusal &why, const Superblock &newest, DeviceIndex device,
			const Superblock &there, DeviceIndex *holder);
	Status readmit(Refusal &why, const Superblock &newest, u32 member, DeviceIndex device);
	Status welcome(Refusal &why, DeviceIndex device, const Superblock &there,
		       DeviceIndex *holder);
	Status judge_absence(Refusal &why, const Superblock &newest, const DeviceIndex *holder);
	Status missing(Refusal &why, const Superblock &newest, u32 member,
		       const DeviceIndex *holder);
	Status superfluous(Refusal &why, const Superblock &newest, DeviceIndex device);
	DeviceIndex without_member(const DeviceIndex *holder) const;
	Status place_members(Refusal &why, const Superblock &newest, const DeviceIndex *holder);
	bool is_current(const Superblock &newest, u32 member, DeviceIndex device) const;
	void note_unfinished(const Superblock &newest);
	// given_up.h
	const Superblock *newest_on(DeviceIndex device) const;
	const Superblock *candidate(DeviceIndex device) const;
	bool is_lonely(DeviceIndex device, u32 number) const;
	Status judge_asks(Refusal &why);
	bool is_settled(const Superblock &asking) const;
	Status judge_unclear(Refusal &why, const Superblock &asking);
	bool given_up(DeviceIndex device) const;
	Status judge_given_up(Refusal &why);
	// join.h
	Status join();
	Status lose_stale();
	void told_of(u32 member) const;
	Result<bool> copy_to_new();
	// wipe.h
	Status judge_wipe(Refusal &why);
	Status judge_traces(Refusal &why, DeviceIndex device);
	u64 wiped_epoch() const;
	// blank.h
	Status foreign(Refusal &why, u32 member);
	Status predecessor(Refusal &why, DeviceIndex device);
	Status find_foreign(u32 member, Sector *where, bool *found);
	Status search_regions(u32 member, Sector *where, bool *found);
	bool in_valid_site(DeviceIndex device, Sector sector) const;
	Status find_nonzero(DeviceIndex device, Sector from, u64 sectors, Sector *where,
			    bool *found);
	// format.h
	Superblock new_superblock();
	Status clear_sites(Refusal &why, u32 member);
	Status flush_all(Refusal &why);
	Status initialise(Refusal &why);
	Status write_table(Refusal &why, Superblock *superblock);
	bool write_zeros(DeviceIndex device, Sector from, u64 sectors);
	// log_reader.h
	Status read_chunk(u32 copy, Sector from, u32 blocks, u32 index = 0);
	Status read_ring(u32 copy, u64 sequence, u32 blocks);
	Status read_rings(u64 sequence, u32 blocks);
	u8 *chunk(u32 copy) { return load_buffer_ + usize{copy} * kChunkBytes; }
	bool best_block(u32 index, u64 sequence, u32 previous, JournalBlockDisk *out);
	bool fits_log(const JournalSectorDisk &sector, u64 sequence, u32 previous) const;
	Status read_log(Refusal &why, Pass pass);
	Status read_epoch(Refusal &why, Pass pass);
	Status take_block(Refusal &why, Pass pass, u32 index, u64 sequence);
	Status judge_twins(Refusal &why, u32 index, u64 sequence);
	Status judge_closed(Refusal &why, u64 sequence);
	Result<u32> read_log_chunk(Refusal &why, Pass pass, u64 sequence, u32 blocks,
				   u32 *previous);
	void note_block(u32 index, u64 sequence, Pass pass);
	Status judge_end(Refusal &why, u32 index, u64 sequence);
	bool has_part(u32 copy, u32 index);
	bool clean_end(u32 copy, u32 index, u64 sequence);
	Status look_behind(Refusal &why, u64 end, bool single);
	Status look_at_block(Refusal &why, u32 copy, u32 index, u64 end, u64 at, bool single);
	// decided.h
	u64 decided_blocks() const;
	u32 decided_crc() const;
	u32 decided_in_chunk(u64 number) const;
	JournalBlockDisk *gathered()
	{
		return reinterpret_cast<JournalBlockDisk *>(chunk(spares_.slots() * kCopies));
	}
	Status read_decided(Refusal &why, Pass pass);
	Status follow_back(Refusal &why, u64 chunks);
	Result<u32> gather(u64 number, u32 *crc);
	bool block_before(u32 index, u64 sequence, u32 *crc);
	Status read_decided_chunk(Refusal &why, Pass pass, u64 number);
	void mend_free_place(u32 index, u64 sequence);
	Status salvage(Refusal &why, Pass pass);
	// load.h
	template <class Adopt> Status load(Refusal &why, bool writes, Adopt &&adopt);
	Status read_copies(Refusal &why, Pass pass);
	Status read_checkpoint(Refusal &why, Pass pass);
	Status read_checkpoint_chunk(Refusal &why, Pass pass, u64 index, u32 blocks, u32 *crc);
	const CheckpointBlockDisk *note_checkpoint_block(u32 i, u64 index, Pass pass);
	Status apply(Refusal &why, const RecordDisk *records, u32 count);
	bool is_forgotten(const Record &record) const;
	void mend_block(u32 copy, Sector at, const void *good);
	Status mend(Refusal &why);
	Status mend_end(u32 copy);
	bool old_block(u32 copy, u32 index, u64 sequence);
	Copies copies_with_site() const;
	Status begin_serving(Refusal &why);
	Status begin_epoch(Copies copies);
	// sites.h
	// What a round of superblocks came to.
	struct Round {
		u32 sites = 0; // that have it
		bool all = false;
		u32 failed = kMaxMembers; // the first member of which no quorum has it
		bool quorum() const { return failed == kMaxMembers; }
	};
	Round write_sites(const Superblock &superblock, Members members);
	u32 write_member_sites(const Superblock &superblock, u32 member);
	Superblock introduction(const Site &site, u32 member, u64 announced) const;
	bool write_site(Site &site, Superblock superblock, u32 member);
	bool write_slot(DeviceIndex device, Sector at, u32 slot);
	Result<bool> publish(Superblock superblock);
	void became(const Superblock &superblock, const Round &round);
	void leave_free();
	// What an epoch changes beside the copies in use.
	struct Change {
		Members lose = 0;   // members that may come back
		Members ask = 0;    // that are to be given up: they may not, as current
		Members remove = 0; // that are none any more
		Members add = 0;    // those in joining_
	};
	Status change_epoch(Copies copies, SetState state) { return change_epoch(copies, state, {}); }
	Status change_epoch(Copies copies, SetState state, const Change &change);
	Superblock next_epoch(Copies copies, SetState state, const Change &change) const;
	bool can_lose(const Round &round, Copies copies) const;
	Copies copies_left(u32 member) const;
	void lost(u32 member) const;
	Status fail();
	// commit.h
	Status append(const Record *records, u32 count);
	Copies flush_copies(Copies copies);
	u64 flush_failures() const;
	Copies zero_ahead(Copies copies);
	Status make_room();
	Status fence(Copies good);
	// checkpoint.h
	void begin_checkpoint();
	void work_on_checkpoint();
	Status checkpoint_step();
	u32 fill_checkpoint_block();
	Copies write_area(Copies copies, u64 index);
	Status publish_checkpoint();

	const char *name_of(DeviceIndex device) const
	{
		return spare_name(device, shape_.spares.count);
	}
	static DeviceIndex device_of_site(u32 index) { return kFirstSpare + index / kSites; }
	Site &site_on(DeviceIndex device, u32 number)
	{
		return sites_[(device - kFirstSpare) * kSites + number];
	}
	const Site &site_on(DeviceIndex device, u32 number) const
	{
		return sites_[(device - kFirstSpare) * kSites + number];
	}
	bool one_spare() const { return shape_.spares.count == 1; }
	// Members in use whose devices are there; all, but for an operator who gives up the others.
	Members members() const
	{
		Members there = 0;
		for_each_member(members_in_use(now_), [&](u32 m) {
			there |= Members{spares_.device(m) != kNoDevice} << m;
		});
		return there;
	}
	Copies all_copies() const { return copies_of(members()); }
	// Copies in use that can be asked.
	Copies in_hand() const { return now_.copies & all_copies(); }
	DeviceIndex device_of(u32 copy) const { return spares_.device(member_of(copy)); }
	Sector journal_of(u32 copy) const
	{
		return spares_.layout(member_of(copy)).journal(end_of(copy));
	}
	Sector area_of(u32 copy, u32 area) const
	{
		return spares_.layout(member_of(copy)).area(end_of(copy), area);
	}
	Sector area_of_root(u32 copy) const { return area_of(copy, now_.root.area); }
	Sector ring_sector(u32 copy, u64 sequence) const
	{
		return journal_of(copy) +
		       sequence % spares_.journal_blocks() * kBlockSectors;
	}

	// A checkpoint that is being written.
	struct Writing {
		bool running = false;
		bool at_once = false; // nothing changes meanwhile
		CheckpointId id;
		// What lies before them has been written: of the table, and of the bad places.
		Sector cursor = 0;
		Sector bad_cursor = 0;
		u64 blocks = 0;
		u32 area = 0;
		u32 crc = 0;
		u64 start = 0; // the log's first block for it
		u64 failures = 0; // of flushes, when it began
		u32 previous = 0;
	};

	P &platform_;
	Table<P> &table_;
	Table<P> &bad_;
	FlushDebt &debt_;
	SetShape shape_;
	Terms terms_;
	Spares spares_;
	Found found_ = Found::nothing;
	bool loaded_ = false;
	bool begun_ = false;	// an epoch was begun since the load
	bool served_ = false;
	// Members that this load adds: gone ones that are there again, and new ones, of which `new_` has
	// the names; what of them is not current; and, of an epoch, those that learn of it first.
	Members joining_ = 0;
	Members stale_ = 0;
	Members first_ones_ = 0;
	u32 dead_asks_ = 0; // devices with a site that asks to no avail
	Member new_[kMaxMembers];
	Copies copying_ = 0; // copies of theirs that are being written
	Superblock now_;	// what a quorum has
	u64 announced_ = 0;	// the highest epoch or announcement seen
	u64 end_ = 0;		// sequence of the next block
	u64 first_ = 0;		// of the first that this life may write
	u64 chain_end_ = 0;	// behind the last block that the load found
	bool salvaged_ = false; // the log was read as far as it goes
	u32 *trail_ = nullptr;	// while loading: the CRC at the end of each chunk
	u32 end_crc_ = 0;	// of the sector before it
	u64 checkpoint_number_ = 0;
	Writing writing_;
	// Of copies, while loading: which have a block that is not as it should be, which were read
	// to the end of the log, and which cannot be written.
	Copies damaged_ = 0;
	Copies present_ = 0;
	Copies witnesses_ = 0; // of these, copies that end before the block
	Copies unwritable_ = 0;
	Findings findings_;
	Site sites_[kMaxSpares * kSites]; // of the devices, in their order
	// One 4-KiB block, for whatever is being written or judged.
	u8 *block_ = nullptr;
	u8 *load_buffer_ = nullptr;
	Atomic<bool> opened_;
	Atomic<bool> failed_;
	Atomic<bool> degraded_;
	Atomic<Members> gone_;
	Atomic<u64> epoch_;
	Atomic<u64> commits_;
	Atomic<u64> checkpoints_;
};

template <Platform P> Journal<P>::~Journal()
{
	if (block_)
		platform_.deallocate(block_, kMetadataBlockBytes);
}

template <Platform P> Status Journal<P>::create(const SetShape &shape, const Terms &terms)
{
	shape_ = shape;
	terms_ = terms;
	block_ = static_cast<u8 *>(platform_.allocate(kMetadataBlockBytes));
	return block_ ? Status{} : Status{Error::no_memory};
}

}  // namespace remap

#include "core/journal/blank.h"
#include "core/journal/checkpoint.h"
#include "core/journal/commit.h"
#include "core/journal/decided.h"
#include "core/journal/examine.h"
#include "core/journal/format.h"
#include "core/journal/given_up.h"
#include "core/journal/join.h"
#include "core/journal/load.h"
#include "core/journal/log_reader.h"
#include "core/journal/members.h"
#include "core/journal/sites.h"
#include "core/journal/survey.h"
#include "core/journal/wipe.h"
