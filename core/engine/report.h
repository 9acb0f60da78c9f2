// SPDX-License-Identifier: GPL-2.0-or-later
// What the set tells about itself: the status line and the key=value replies. Keys and fields are
// only ever appended; docs/user/api-reference.md explains each.
#pragma once

#include "core/engine/engine.h"
#include "core/health/score.h"

namespace remap {

inline void report(Text &reply, const char *key, u64 value)
{
	reply << key << '=' << value << '\n';
}

constexpr const char *text_of(Mode mode)
{
	return mode == Mode::ok ? "ok" : mode == Mode::degraded ? "degraded" : "readonly";
}

// A bad block found no place, and none has become free since.
template <Platform P> bool Engine<P>::is_full() const
{
	return exhausted_.load_relaxed() && !space_.free_sectors();
}

template <Platform P> Mode Engine<P>::mode() const
{
	if (remap_host_is_broken() || journal_.failed())
		return Mode::readonly;
	return journal_.degraded() || is_full() ? Mode::degraded : Mode::ok;
}

// The flags of the status line: their number, and they.
template <Platform P> void Engine<P>::flags(Text &text, bool counted) const
{
	const bool unverified = !journal_.main_verified();
	const bool idle = !journal_.opened() && !journal_.failed();
	if (counted)
		text << u64{unverified} + u64{idle} << ' ';
	text << (unverified ? "main_unverified" : "") << (unverified && idle ? " " : "")
	     << (idle ? "not_recording" : "");
}

template <Platform P> typename Engine<P>::Room Engine<P>::room() const
{
	const u64 gone = gone_sectors_.load_relaxed();
	return {space_.used_sectors() + gone, space_.total_sectors() + gone};
}

template <Platform P> Forecast Engine<P>::forecast() const
{
	return remap::forecast(history_.get(), {platform_.seconds(), room().used}, room().total);
}

template <Platform P> u32 Engine<P>::score(const Forecast &growth) const
{
	const Room now = room();
	return health_score({.spare_used = now.used,
			     .spare_total = now.total,
			     .unreadable_sectors = table_.lost_sectors() + table_.pending_sectors(),
			     .errors = counters_.read_errors.load_relaxed() +
				       counters_.write_errors.load_relaxed() +
				       counters_.flush_errors.load_relaxed(),
			     .bad_places = bad_.pending_sectors(),
			     .full_seconds = now.used < now.total ? growth.full_seconds : 0,
			     .mode = mode()});
}

// <mode> <health> <extents> <mapped sectors> <spare used>/<total> <metadata used>/<total>
// <pending> <lost> <read errors> <write errors> <by operator>/<by write error>/<by read rescue>
// <buckets> <epoch> <#flags> <flag>...
template <Platform P> void Engine<P>::status_line(Text &text) const
{
	text << text_of(mode()) << ' ' << score(forecast()) << ' ' << table_.extents();
	text << ' ' << table_.mapped_sectors();
	text << ' ' << space_.used_sectors() << '/' << space_.total_sectors();
	text << ' ' << entries_.load_relaxed() << '/' << spares_.max_extents();
	text << ' ' << table_.pending_sectors() << ' ' << table_.lost_sectors();
	text << ' ' << counters_.read_errors.load_relaxed();
	text << ' ' << counters_.write_errors.load_relaxed();
	text << ' ' << remaps_by_operator_.load_relaxed() << '/' << remaps_by_write_.load_relaxed()
	     << '/' << remaps_by_read_.load_relaxed();
	text << ' ' << table_.buckets() << ' ' << journal_.epoch() << ' ';
	flags(text, true);
}

// Whether a device of the table line belongs to the set still.
template <Platform P> bool Engine<P>::uses(DeviceIndex device) const
{
	bool found = journal_.found() != Found::set;
	for (u32 m = 0; m < spares_.slots(); ++m)
		found |= spares_.exists(m) && spares_.device(m) == device &&
			 (present() | journal_.gone()) >> m & 1;
	return found;
}

template <Platform P> Members Engine<P>::missing_members() const
{
	Members missing = 0;
	for (u32 m = 0; m < spares_.slots(); ++m)
		missing |= Members{spares_.exists(m) && spares_.device(m) == kNoDevice} << m;
	return missing & journal_.gone();
}

// A set is named as soon as there is one, so that a renumbered blank disk cannot take its place.
template <Platform P>
void Engine<P>::table_features(Text &text, const Policy &policy, const char *const *further,
			       u32 further_count) const
{
	const Superblock &set = journal_.superblock();
	const bool named = journal_.found() == Found::set;
	char words[128];
	Text differs(words, sizeof(words));
	const u32 missing = count_of(missing_members());
	u32 used = missing;
	for (u32 i = 0; i < further_count; ++i)
		used += uses(kFirstSpare + 1 + i);
	const u32 count = 2 * used + policy.words(&differs) + (named ? set.main_id[0] ? 4 : 2 : 0);
	if (!count)
		return;
	text << count;
	for (u32 i = 0; i < further_count; ++i)
		if (uses(kFirstSpare + 1 + i))
			text << " spare " << further[i];
	for (u32 i = 0; i < missing; ++i)
		text << " spare -";
	if (named)
		text << " set " << set.set;
	if (named && set.main_id[0])
		text << " main_id " << set.main_id;
	text << words;
}

template <Platform P> void Engine<P>::ima_line(Text &text) const
{
	text << "extents=" << table_.extents() << ",mapped_sectors=" << table_.mapped_sectors()
	     << ",lost_sectors=" << table_.lost_sectors();
}

// Answers whatever anybody waits for: without the lock.
template <Platform P> void Engine<P>::report_status(Text &reply)
{
	reply << "mode=" << text_of(mode()) << '\n';
	report(reply, "health", score(forecast()));
	report(reply, "extents", table_.extents());
	report(reply, "mapped_sectors", table_.mapped_sectors());
	report(reply, "lost_sectors", table_.lost_sectors());
	report(reply, "pending_sectors", table_.pending_sectors());
	report(reply, "main_sectors", geometry_.main_sectors);
	report(reply, "block_sectors", geometry_.block_sectors);
	report(reply, "spare_used", space_.used_sectors());
	report(reply, "spare_total", space_.total_sectors());
	report(reply, "spare_reserved", spares_.reserved_sectors());
	report(reply, "max_extents", spares_.max_extents());
	report(reply, "buckets", table_.buckets());
	report(reply, "table_bytes", table_.memory_bytes());
	report(reply, "metadata_used", entries_.load_relaxed());
	report(reply, "epoch", journal_.epoch());
	report(reply, "generation", journal_.generation());
	report(reply, "copies", count_of(journal_.copies()));
	report(reply, "journal_used", journal_.journal_used());
	report(reply, "journal_total", spares_.journal_blocks());
	reply << "set=" << journal_.superblock().set << "\nflags=";
	flags(reply, false);
	reply << "\nspares=";
	report_members(reply);
	char refused[Refusal::kRoom];
	last_error_.get(refused);
	reply << "last_error=" << refused << '\n';
}

// NUMBER:STATE for each member, with commas.
template <Platform P> void Engine<P>::report_members(Text &reply)
{
	bool first = true;
	for (u32 m = 0; m < spares_.slots(); ++m) {
		const bool gone = journal_.gone() >> m & 1;
		if (!spares_.exists(m) || !(gone || present() >> m & 1))
			continue;
		const bool missing = spares_.device(m) == kNoDevice;
		reply << (first ? "" : ",") << u64{m}
		      << (missing ? ":missing" : gone ? ":gone" : ":in_use");
		first = false;
	}
	reply << '\n';
}

template <Platform P> void Engine<P>::report_stats(Text &reply)
{
	const HostCounters host = platform_.counters();
#define X(name, text) report(reply, #name, counters_.name.load_relaxed());
	REMAP_COUNTERS(X)
#undef X
	report(reply, "commits", journal_.commits());
	report(reply, "checkpoints", journal_.checkpoints());
	report(reply, "remapped_reads", host.remapped_reads);
	report(reply, "remapped_writes", host.remapped_writes);
	report(reply, "held", host.held);
	report(reply, "held_outside", host.held_outside);
	report(reply, "deferred", host.deferred);
	report(reply, "in_flight", host.in_flight);
}

template <Platform P> void Engine<P>::report_health(Text &reply)
{
	const Forecast growth = forecast();
	const u32 value = score(growth);
	report(reply, "score", value);
	reply << "rating=" << health_word(value) << '\n';
	report(reply, "spare_used_percent",
	       space_.used_sectors() * 100 / max_of<u64>(space_.total_sectors(), 1));
	report(reply, "unreadable_sectors", table_.lost_sectors() + table_.pending_sectors());
	report(reply, "read_errors", counters_.read_errors.load_relaxed());
	report(reply, "write_errors", counters_.write_errors.load_relaxed());
	report(reply, "flush_errors", counters_.flush_errors.load_relaxed());
	reply << "verdict=" << word_of(judgement_.load_relaxed()) << '\n';
	report(reply, "remaps_by_write", remaps_by_write_.load_relaxed());
	report(reply, "remaps_by_read", remaps_by_read_.load_relaxed());
	report(reply, "budget_used", budget_.used(platform_.seconds(), policy_.budget_seconds));
	report(reply, "budget_total", policy_.budget_remaps);
	report(reply, "bad_places", bad_.pending_sectors());
	reply << "trend=" << word_of(growth.trend) << '\n';
	if (growth.trend == Trend::unknown) {
		reply << "growth_per_day=unknown\nspare_full_seconds=unknown\n";
		return;
	}
	report(reply, "growth_per_day", growth.per_day);
	if (growth.full_seconds == Forecast::kNever)
		reply << "spare_full_seconds=never\n";
	else
		report(reply, "spare_full_seconds", growth.full_seconds);
}

template <Platform P> void Engine<P>::report_scan(Text &reply)
{
	reply << "scan=" << (scan_.runs(policy_.scan_rate != 0) ? "running" : "stopped") << '\n';
	report(reply, "scan_rate", scan_rate());
	report(reply, "scan_next", scan_.next.load_relaxed());
	report(reply, "scan_passes", scan_.passes.load_relaxed());
	report(reply, "scan_read_sectors", scan_.read.load_relaxed());
	report(reply, "scan_pending_sectors", scan_.pending.load_relaxed());
	report(reply, "scan_moved_sectors", scan_.moved.load_relaxed());
}

}  // namespace remap
