// SPDX-License-Identifier: GPL-2.0-or-later
// Engine: everything that one set of a main device and its spares decides.
//
// Three kinds of callers, three rules:
//   * The I/O path calls map() and holds(): any context, inside a read section of the host. They
//     read the table and the fences, and change nothing.
//   * Messages, deferred writes and recoveries change the table. They work in steps; a step holds
//     the host's writer lock, fences its range, drains it, and only then reads, writes or publishes
//     (step.h). Between steps the lock is free, so a long message does not stop others. Steps
//     that come together share one block of the journal (group.h).
//   * Status and counters are read at any time.
//
// The order inside a step is what the promises rest on: data first, stable; then the table; then
// the fence opens; then whoever waited is answered.
#pragma once

#include "core/base/check.h"
#include "core/engine/counters.h"
#include "core/engine/fence.h"
#include "core/engine/group.h"
#include "core/engine/last_error.h"
#include "core/engine/mapping.h"
#include "core/engine/plan.h"
#include "core/engine/policy.h"
#include "core/engine/ticket.h"
#include "core/base/bug.h"
#include "core/base/refusal.h"
#include "core/health/blame.h"
#include "core/health/budget.h"
#include "core/health/history.h"
#include "core/health/scan.h"
#include "core/health/score.h"
#include "core/engine/unreadable.h"
#include "core/journal/journal.h"
#include "core/platform/platform.h"
#include "core/spare/space.h"
#include "core/spare/spares.h"
#include "core/table/table.h"

namespace remap {

struct Command;

// What is known of the devices when a set is made; see devices.h for the rules they must meet. Main's
// part may be 0 for a set that exists (SetShape).
struct Geometry {
	Sector main_sectors = 0;
	SpareSizes spares;
	u32 block_sectors = 1; // logical block of the set: every remap is aligned to it
	// Physical block of main: what it writes as a whole, and what fails as a whole.
	u32 physical_sectors = 1;
};
// Of a block of so many bytes, the first of which begins at byte `offset`. Those that do not begin at
// sector 0, as on a partition at sector 63, are not reckoned with: 0, and the set takes logical ones.
constexpr u32 physical_sectors(u32 bytes, int offset) { return offset ? 0 : bytes / kSectorBytes; }

template <Platform P> class Engine {
public:
	// The largest part of a message that is done at once: one fence, one step.
	static constexpr u64 kStepSectors = kSectorsPerMiB;
	static_assert(kStepSectors <= Table<P>::kMaxCallSectors);
	// The largest single read or write.
	static constexpr u32 kCopySectors = 256;

	explicit Engine(P &platform)
	    : platform_(platform), table_(platform), bad_(platform), space_(platform),
	      journal_(platform, table_, bad_, debt_)
	{
	}
	~Engine();
	Engine(const Engine &) = delete;
	Engine &operator=(const Engine &) = delete;

	// Reads what the spare says of itself, and writes nothing. Errors: no_memory, and those of
	// Journal::survey(); set_in_use.
	Status create(const Geometry &geometry, const Terms &terms, Refusal &why);
	// In place of start(), where create() found a spare that may be formatted (restore.h): puts
	// an extent of a dump into the table, which writes nothing; then makes the set, with what
	// was put there. Not to be started afterwards. Errors: what is wrong with the extent, with a
	// sentence; those of Journal::format().
	Status stage(const Extent &extent, Refusal &why);
	Status stage_bad(Sector place, u64 length, Refusal &why);
	Status format(Refusal &why);
	// In place of start() too: makes the only spare one that joins a set once it is named with the
	// others. What counts of `set` are its name and that of main. Errors: not_blank, and those of
	// Journal::prepare().
	Status prepare(const Superblock &set, Refusal &why);
	// Whether a further table with these terms may share the set. Errors: wrong_set.
	Status check_terms(const Terms &terms, Refusal &why);
	// Before the first I/O, and before the first after a suspend: loads the table, formats a
	// blank spare, begins an epoch (serving.h). Errors: those of Journal::open(). A set that
	// was in service goes on, as readonly when its metadata cannot be written.
	// `table_writes`: whether the table that is being resumed may; another one that may still
	// be around.
	Status start(Refusal &why, bool table_writes = true);

	// ---- the I/O path (map.h) ----
	// Whether nothing is fenced and one look shows that nothing is mapped there: then map() says
	// "submit to main", all of it. False says nothing.
	bool untouched(Sector sector, u32 sectors) const
	{
		return !fences_.any() && table_.clean(sector, sectors);
	}
	Mapping map(Op op, Sector sector, u32 sectors) const;
	bool holds(Sector sector, u32 sectors) const;
	// Sleeps. The write's end: ok means durable (recover_write.h). Counts its error.
	IoStatus deferred_write(Request request, Op op, Sector sector, u32 sectors);
	// An I/O that was sent to a device failed: the ticket with which it is to be handed to
	// recover(), or kNoTicket: it goes upward. Any context (judge.h).
	u8 io_failed(Op op, DeviceIndex device, IoStatus status);
	// Sleeps. How it ends after all (recover.h). Counts its error.
	IoStatus recover(Request request, Op op, Sector sector, u32 sectors, IoStatus status,
			 u8 ticket);
	// One goes upward, or map() said that it fails. Any context (errors.h).
	void io_failed(Op op);
	void flush_failed(DeviceIndex device);
	// A user's flush is about to be sent to the device. false: it is to be held, and to be asked
	// for again after release_held(). Any context.
	bool flush_begins(DeviceIndex device);
	// It has ended, after flush_failed() or flush_owed(). Any context.
	void flush_ends(DeviceIndex device);
	// The devices that a user's flush has to be sent to, a bit for each. Any context.
	u32 flushed_devices() const;
	// A user's flush of the device succeeded: whether it must fail all the same, since what it
	// was to make stable may have been lost to a flush of ours. Any context.
	bool flush_owed(DeviceIndex device);

	// ---- life ----
	// What the table line says about errors. No I/O may be under way.
	void set_policy(const Policy &policy) { policy_ = policy; }
	// Whether users have still to be told of a flush of ours that failed. Should another engine serve
	// them from now on, that one has to.
	bool owes_flush() const { return debt_.owes(); }
	void owe_flush() { debt_.owe(platform_); }
	void presuspend() { suspending_.store_release(true); }
	// Whether messages are to end since a suspend has begun. Any context.
	bool suspending() const { return suspending_.load_acquire(); }
	void postsuspend();
	void resume();

	// ---- the scan (scan.h) ----
	// A piece of it, if it runs. Returns after how many milliseconds the next one is due;
	// Scan::kIdle: when the host is told by wake_scan(). Sleeps; one at a time; not during a suspend.
	u32 scan_turn();

	// ---- operators (message.h) ----
	// 1: a reply is in the buffer; 0: none; negative: an errno.
	int message(u32 count, char **words, char *reply, usize room);
	// Status line, table features or IMA pairs (report.h). Any context.
	void status_line(Text &text) const;
	void ima_line(Text &text) const;
	// The features of the table line, with the spares beside the first as they are named there.
	void table_features(Text &text, const Policy &policy, const char *const *further = nullptr,
			    u32 further_count = 0) const;

	// Whether a spare of the table line belongs to the set still.
	bool uses(DeviceIndex device) const;

	const Table<P> &table() const { return table_; }
	const Spares &spares() const { return spares_; }
	// Of one member.
	const Layout &layout(u32 member = 0) const { return spares_.layout(member); }
	// The places that failed, as pending sectors of a table.
	const Table<P> &bad() const { return bad_; }
	const Journal<P> &journal() const { return journal_; }
	Sector main_sectors() const { return geometry_.main_sectors; }

private:
	class Step;
	// Whether a step may leave more stretches than max_extents.
	enum class Growth : u8 { limited, free };

	// map.h
	Mapping map_found(Op op, Sector sector, const Answer &answer) const;
	Mapping on_spare(Place place, u64 sectors, Verdict verdict) const;
	bool is_gone(Place place) const;
	// serving.h
	// Extents that are gone through between two looks whether whoever asked is to end.
	static constexpr u32 kLooksAtOnce = 4096;
	Status claim(Refusal &why);
	Status load(Refusal &why, bool writes);
	Status adopt_space(Refusal &why);
	void note_members();
	void begin_history();
	Members present() const;
	Status adopt(Refusal &why, const Extent &extent);
	Status adopt_bad(Refusal &why, Sector place, u64 length);
	Status forget();
	u64 entries_around(Sector main, u64 length) const;
	u64 bad_around(Sector place, u64 length) const;
	static u64 stretches_around(const Table<P> &table, Sector sectors, Sector at, u64 length);
	// group_commit.h
	Status stage_records(Sector main, u64 length);
	Status stage_bad_records();
	Result<bool> collect(Sector main, u64 length, bool alone);
	Status settle();
	Status settle_late();
	template <class Visit> Status commit_and_free(Step &step, Visit &&places);
	// copy.h
	Status copy_to_spare(Refusal &why, Sector main, Place place, u64 length);
	Status copy_block_by_block(Refusal &why, Sector main, const Address &to, u64 length);
	Status copy_back(Refusal &why, Sector main, Place place, u64 length);
	Result<bool> readable(Refusal &why, Sector main, u32 sectors, IoStatus status);
	IoStatus read_patiently(DeviceIndex device, Sector sector, u32 count);
	bool main_answers(Sector failed);
	bool told_to_stop();
	Status spare_failed(Refusal &why, DeviceIndex device, const char *what, IoStatus status);
	// place.h
	Status add_remap(const Command &command, Text &reply, Refusal &why);
	Status relocate(const Command &command, Text &reply, Refusal &why);
	Status check_new_range(Refusal &why, Sector main, u64 length);
	Status check_unmapped(Refusal &why, Sector main, u64 length);
	Status check_place(Refusal &why, Sector spare, u64 length);
	u64 done_before(Sector main, u64 length, const Place *place) const;
	Status add_step(Refusal &why, Sector main, Place place, u64 length, bool copy,
			bool boundary);
	Status stopped(Refusal &why, Error error, u64 done, u64 length);
	Status relocate_step(Refusal &why, Sector main, u64 length, bool boundary,
			     Place *first);
	bool stands_alone(Sector main) const;
	Status place_run(Refusal &why, Sector main, Place place, u64 length, bool copy,
			 bool boundary, u64 *mapped);
	Status end_of_step(Refusal &why, Step &step, Sector main, u64 mapped, bool boundary,
			   Status placed);
	Status take_back(Step &step, Sector main, u64 length);
	void note_pending(Sector main, u64 length);
	bool restore_pending(Sector main, u64 length);
	void log_places(Sector main, u64 length);
	void log_added(Sector main, Place place, u64 length);
	// unmap.h
	Status remove_remap(const Command &command, Text &reply, Refusal &why);
	Status range_to_remove(Refusal &why, const Command &command, Sector *main, u64 *length);
	Status check_mapped(Refusal &why, Sector main, u64 length, bool stale_ok);
	Status check_all_mapped(Refusal &why, Sector main, u64 length, bool stale_ok);
	Status check_closed(Refusal &why, bool stale_ok);
	Status unmap_range(Refusal &why, Sector main, u64 length, bool stale_ok);
	Status unmap_step(Refusal &why, Step &step, Sector main, u64 length, bool stale_ok);
	Result<u64> left_to_remove(Sector main, u64 length);
	Status free_range(Step &step, Sector main, u64 length);
	bool splits(Sector main, u64 length) const;
	u32 note_places(Sector main, u64 length);
	template <class Take> void noted_places(u32 count, Take &&take);
	// evacuate.h
	Status remove_spare(const Command &command, Text &reply, Refusal &why);
	Status check_removable(Refusal &why, u64 number);
	static constexpr u32 kRunSectors = 32;
	u64 bad_on(u32 member) const;
	bool next_bad(Place from, Place end, Extent *bad) const;
	bool spare_answers(DeviceIndex device);
	struct Moved {
		u64 sectors = 0;
		u64 lost = 0; // of these; by this removal
	};
	Status evacuate(Refusal &why, u32 member, Moved *moved);
	Result<bool> next_on_member(u32 member, Sector *from, u64 *length);
	Status move_step(Refusal &why, u32 member, Sector *from, u64 length, Moved *moved);
	IoStatus move_run(Sector main, u32 count, const Answer &answer, u64 *lost);
	Status forget_member(Refusal &why, u32 member);
	// clear.h
	struct Cleared;
	Status clear_all(const Command &command, Text &reply, Refusal &why);
	u64 window_from(Sector *from) const;
	Status clear_window(Refusal &why, Sector main, u64 length, Cleared *sum);
	Status unmap_window(Step &step, Sector main, u64 length, Cleared *sum);
	template <class Take> void cleared_places(Sector main, u32 count, Take &&take);
	Status return_window(Refusal &why, Sector main, u64 length, Cleared *sum);
	Status copy_run_back(Refusal &why, const Extent &run);
	bool next_mapped(Sector from, Sector limit, Extent *out) const;
	// An I/O that is being recovered.
	struct Recovery {
		Request request;
		Op op;
		Sector sector;
		u32 sectors;
		IoStatus status; // with which it failed; ok: it has not been sent yet
		u8 ticket;
		u32 zeroed = 0;	      // devices, one bit each, on which zeros may not be stable
	};
	// How many places on the spare a block is tried at.
	static constexpr u32 kPlaces = 4;

	// judge.h
	bool may_recover(Op op, DeviceIndex device, IoStatus status);
	u8 write_of_main_failed();
	bool is_sector(Sector sector, IoStatus status);
	bool may_remap(u8 ticket);
	bool within_budget();
	void judged(Judgement judgement);
	void given_up(const Recovery &io, Sector sector, IoStatus status);
	// recover.h
	IoStatus recover(Recovery &io);
	IoStatus send(Recovery &io, u32 first, DeviceIndex device, Sector sector, u32 count);
	template <class Write>
	IoStatus place(Sector main, u32 count, const Answer &before, Write &&write,
		       State state = State::active);
	bool begins(Sector main) const;
	bool room_for_entries(bool mapped) const;
	void begin_recovery(Sector first);
	bool is_long() const;
	u32 remap_grain() const { return max_of(geometry_.physical_sectors, kBlockSectors); }
	IoStatus flush_spare(DeviceIndex device);
	DeviceIndex devices() const { return kFirstSpare + geometry_.spares.count; }
	IoStatus flush_zeros(Recovery &io, IoStatus done);
	IoStatus finish(Step &step, IoStatus done);
	IoStatus finish_io(Step &step, const Recovery &io, IoStatus sent);
	u32 make_plan_true(IoStatus *result);
	Status record_plan(Step &step);
	void count_remaps();
	bool make_true(const Extent &extent);
	void give_back(u32 from);
	void note_bad();
	Status record_alone(Step &step);
	void told();
	// recover_write.h
	IoStatus write_step(Recovery &io, u32 done, u32 *count);
	IoStatus send_again(Recovery &io, u32 done, u32 *count);
	u32 unit_at(Sector sector, u32 left) const;
	Mapping where(Sector sector, const Answer &answer) const;
	IoStatus send_one(Recovery &io, u32 first, const Answer &answer, const Mapping &to);
	bool heals(Recovery &io, u32 first, Sector sector, u32 count);
	IoStatus mark_failed(Recovery &io, Sector at, u32 count, Sector sector, const Mapping &to,
			     IoStatus status);
	u32 as_added(Sector sector, u32 length) const;
	IoStatus place_marked(Recovery &io, u32 done, u32 *count);
	void rescue_rest(Sector block, Sector from, Sector to);
	bool block_failed(Sector block) const;
	// recover_read.h
	IoStatus read_step(Recovery &io, u32 done, u32 *count, bool *unreadable);
	IoStatus read_unit(Recovery &io, u32 first, u32 count, const Answer &answer,
			   bool *unreadable);
	IoStatus read_block(Recovery &io, u32 first, IoStatus status, bool *unreadable);
	bool rescue(Recovery &io, u32 first);
	IoStatus bring(Recovery &io, u32 first, DeviceIndex device, Sector sector, u32 count);
	// scan.h
	// A Request of nobody's: what is read for it goes to buffer_.
	static constexpr Request kNobody = nullptr;
	bool scans() const;
	u32 scan_rate() const;
	bool next_to_scan(Sector *at, u32 *count);
	void scanned(u32 count);
	u32 scan_again(Sector at, u32 count, IoStatus status);
	void scan_around(Sector sector, u64 length);
	void scan_near_plan();
	Status scan(const Command &command, Text &reply);
	void report_scan(Text &reply);
	// listing.h
	// Extents of the other kind that one message passes over.
	static constexpr u32 kListLooks = 4096;
	Status list(const Command &command, Text &reply, Refusal &why, bool pending);
	// report.h
	// Of the spares, for those who judge it: one that is gone counts as used up.
	struct Room {
		u64 used;
		u64 total;
	};
	Room room() const;
	Forecast forecast() const;
	u32 score(const Forecast &growth) const;
	Mode mode() const;
	bool is_full() const;
	void flags(Text &text, bool counted) const;
	Members missing_members() const;
	void report_status(Text &reply);
	void report_members(Text &reply);
	void report_stats(Text &reply);
	void report_health(Text &reply);
	// message.h
	Status run(const Command &command, Text &reply, Refusal &why);
	Status refuse_at(Refusal &why, Error error, Sector sector);
	int fail(Refusal &why, Error error);
	Status sync(Text &reply);
	void help(Text &reply);
	void log_resize();
	// errors.h
	void note_lost();
	void look_at_spares();
	void note_flushes();
	// events.h
	void announce();
	void announce_mode();

	P &platform_;
	Geometry geometry_;
	Spares spares_;
	Members noted_ = 0;   // for which space_ is open
	Members noted_gone_ = 0;
	Atomic<u64> gone_sectors_; // of their data areas
	Members leaving_ = 0; // that a remove_spare is at work on
	bool moving_ = false; // the step at hand is one of that: what it moves away is not bad
	Table<P> table_;
	Table<P> bad_;
	SpareSpace<P> space_;
	FlushDebt debt_;
	Journal<P> journal_;
	// Stretches of both tables, which is what a checkpoint has to hold.
	Atomic<u64> entries_;
	FenceSet fences_;
	Group<Step> group_;
	Counters counters_;
	// What the last refused message was told.
	LastError last_error_;
	// Which sectors of the step at hand could not be read.
	Unreadable unreadable_;
	// Which sectors were pending before it.
	Unreadable pending_;
	// Of the recovery at hand: its sectors that failed, and what comes of it.
	Unreadable marks_;
	Plan plan_;
	bool any_failed_ = false;
	u64 step_began_ = 0;   // in seconds
	u32 step_remaps_ = 0;  // of the step at hand, by writes that failed
	u32 step_rescues_ = 0; // and by reads
	u32 unproven_before_ = 0;
	u64 flush_failures_[kMaxSpares] = {}; // of the spares, before it wrote anything there
	IoStatus failure_ = IoStatus::ok;
	Policy policy_;
	Budget budget_;
	History history_;
	Scan scan_;
	Atomic<u32> run_; // of failures (judge.h)
	Atomic<bool> took_zeros_; // main, from a recovery, since the run began
	u32 unproven_run_ = ~u32{0}; // the last in which a remap was free
	Atomic<Judgement> judgement_;
	Atomic<bool> exhausted_; // a block found no place
	Atomic<u64> remaps_by_write_;
	Atomic<u64> remaps_by_read_;
	u8 *buffer_ = nullptr;
	Atomic<bool> suspending_;
	Atomic<bool> suspended_;
	// Devices of members that are gone, a bit for each: nothing of users' is on its way there; since
	// then a flush of theirs has begun; the core was told how it ended; no other one is under way.
	Atomic<u32> left_;
	Atomic<u32> flush_began_;
	Atomic<u32> flush_told_;
	Atomic<u32> flushed_last_;
	Atomic<u32> used_; // devices that belong to the set
	Atomic<bool> look_; // a user's flush of a spare failed: does it take metadata still?
	Atomic<u64> remaps_by_operator_;
	u32 announced_mark_ = 0;
	u64 announced_unreadable_ = 0;
	Mode announced_mode_ = Mode::ok;
	u64 counted_flushes_ = 0;
	// Whether the table in use may write; another one, loaded beside it, is of no account.
	Atomic<bool> table_writes_{true};
};

template <Platform P> Engine<P>::~Engine()
{
	if (buffer_)
		platform_.deallocate(buffer_, kCopySectors * kSectorBytes);
}

}  // namespace remap

#include "core/engine/step.h"

#include "core/engine/clear.h"
#include "core/engine/copy.h"
#include "core/engine/errors.h"
#include "core/engine/evacuate.h"
#include "core/engine/judge.h"
#include "core/engine/events.h"
#include "core/engine/group_commit.h"
#include "core/engine/listing.h"
#include "core/engine/map.h"
#include "core/engine/message.h"
#include "core/engine/place.h"
#include "core/engine/recover.h"
#include "core/engine/recover_read.h"
#include "core/engine/recover_write.h"
#include "core/engine/report.h"
#include "core/engine/restore.h"
#include "core/engine/scan.h"
#include "core/engine/serving.h"
#include "core/engine/unmap.h"
