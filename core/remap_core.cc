// SPDX-License-Identifier: GPL-2.0-or-later
// The core for a host written in C: the Platform concept on remap_host_*(), and remap_core_*() on
// the Engine. No decision is taken here.
#include "core/remap_core.h"

#include "core/engine/devices.h"
#include "core/engine/engine.h"
#include "core/engine/table_line.h"
#include "core/remap_line.h"

namespace remap {
namespace {

class CHost {
public:
	explicit CHost(remap_host *host) : host_(host) {}

	void *allocate(usize bytes) { return remap_host_allocate(host_, bytes); }
	void deallocate(void *memory, usize bytes) { remap_host_deallocate(host_, memory, bytes); }
	u64 grace_start() { return remap_host_grace_start(host_); }
	bool grace_elapsed(u64 cookie) { return remap_host_grace_elapsed(host_, cookie); }
	void grace_wait() { remap_host_grace_wait(host_); }
	void lock() { remap_host_lock(host_); }
	void unlock() { remap_host_unlock(host_); }
	bool lock_killable() { return remap_host_lock_killable(host_); }
	void wait_group() { remap_host_wait_group(host_); }
	void wake_group() { remap_host_wake_group(host_); }
	u32 flush_wakes() { return remap_host_flush_wakes(host_); }
	void wait_flush(u32 seen) { remap_host_wait_flush(host_, seen); }
	void wake_flush() { remap_host_wake_flush(host_); }

	IoStatus read(DeviceIndex device, Sector sector, void *buffer, u32 count)
	{
		return static_cast<IoStatus>(remap_host_read(host_, device, sector, buffer, count));
	}
	IoStatus write(DeviceIndex device, Sector sector, const void *data, u32 count)
	{
		return static_cast<IoStatus>(remap_host_write(host_, device, sector, data, count));
	}
	IoStatus flush(DeviceIndex device)
	{
		return static_cast<IoStatus>(remap_host_flush(host_, device));
	}
	IoStatus forward(Request request, u64 first, DeviceIndex device, Sector sector, u32 count)
	{
		return static_cast<IoStatus>(
			remap_host_forward(host_, request, first, device, sector, count));
	}
	void fetch(Request request, u64 first, void *buffer, u32 count)
	{
		remap_host_fetch(host_, request, first, buffer, count);
	}
	bool watch_main() { return remap_host_watch_main(host_); }
	bool main_took_write() { return remap_host_main_took_write(host_); }
	IoStatus scan_read(Sector sector, u32 count)
	{
		return static_cast<IoStatus>(remap_host_scan_read(host_, sector, count));
	}
	bool busy() { return remap_host_busy(host_); }
	void wake_scan() { remap_host_wake_scan(host_); }
	u64 seconds() { return remap_host_seconds(host_); }
	bool drain(Sector sector, u64 length, bool stoppable)
	{
		return remap_host_drain(host_, sector, length, stoppable);
	}
	bool drain_soon(Sector sector, u64 length)
	{
		return remap_host_drain_soon(host_, sector, length);
	}
	void release_held() { remap_host_release_held(host_); }
	bool stop_requested() { return remap_host_stop_requested(host_); }
	bool writable() { return remap_host_writable(host_); }
	bool claim(const void *name) { return remap_host_claim(host_, name); }
	bool device_open() { return remap_host_device_open(host_); }
	void notify() { remap_host_notify(host_); }
	void log(LogLevel level, const char *text)
	{
		remap_host_log(host_, static_cast<int>(level), text);
	}
	void log_limited(const char *text) { remap_host_log_limited(host_, text); }
	bool random(void *buffer, usize bytes) { return remap_host_random(host_, buffer, bytes); }
	HostCounters counters()
	{
		struct remap_host_counters counted = {};
		remap_host_counters(host_, &counted);
		return {counted.remapped_reads, counted.remapped_writes, counted.held,
			counted.held_outside,   counted.deferred,        counted.in_flight};
	}
	void clear_counters() { remap_host_clear_counters(host_); }
	remap_host *host() const { return host_; }

private:
	remap_host *host_;
};
static_assert(Platform<CHost>);

static_assert(static_cast<int>(IoStatus::ok) == REMAP_IO_OK);
static_assert(static_cast<int>(IoStatus::interrupted) == REMAP_IO_INTERRUPTED);
static_assert(static_cast<int>(Op::discard) == REMAP_OP_DISCARD);
static_assert(static_cast<int>(Verdict::fail_closed) == REMAP_FAIL_CLOSED);
static_assert(Engine<CHost>::kCopySectors == REMAP_COPY_SECTORS);
static_assert(Scan::kIdle == REMAP_SCAN_IDLE);
static_assert(kMaxSpares == REMAP_MAX_SPARES);

DeviceFacts facts_of(const remap_device_facts &device)
{
	return {device.sectors, device.identity, device.logical_block, device.zoned};
}

void log_fault(const char *sentence, const char *found)
{
	char line[256];
	Text text(line, sizeof(line));
	text << sentence;
	if (*found)
		text << ": " << found;
	remap_host_log(nullptr, REMAP_LOG_ERROR, line);
}

// Of words that the parser found well formed.
Terms terms_of(const remap_table_line &line)
{
	Terms terms;
	if (line.set)
		(void)Uuid::parse(line.set, &terms.set);
	if (line.replaces)
		__builtin_memcpy(terms.set.bytes, line.replaces, sizeof(terms.set.bytes));
	for (usize i = 0; line.main_id && line.main_id[i] && i < kMainIdBytes; ++i)
		terms.main_id[i] = line.main_id[i];
	terms.format = line.format;
	terms.allow_degraded = line.policy.allow_degraded;
	return terms;
}

Policy policy_of(const remap_policy &policy)
{
	return {policy.retries,	     policy.budget_remaps, policy.budget_seconds,
		policy.scan_rate,    policy.remap_writes,  policy.retry_reads,
		policy.heal,	     policy.allow_degraded};
}

// The sentence for the log and, without numbers, for dm.
int refuse(remap_host *host, Error error, const Refusal &why, const char **sentence)
{
	*sentence = text_of(error);
	remap_host_log(host, REMAP_LOG_ERROR, why.any() ? why.text() : *sentence);
	return -errno_of(error);
}

}  // namespace
}  // namespace remap

using remap::CHost;
using remap::Engine;
using remap::Error;
using remap::Text;

struct remap_core {
	explicit remap_core(remap_host *host) : platform(host), engine(platform) {}

	CHost platform;
	Engine<CHost> engine;
};

// Placement only: memory comes from the host.
struct remap_place {
	void *memory;
};
inline void *operator new(std::size_t, remap_place place) { return place.memory; }

extern "C" int remap_core_parse_table(unsigned int argc, char **argv, remap_table_line *line,
				      const char **error)
{
	remap::TableLine parsed;
	const remap::LineFault fault = remap::TableLineParser(argc, argv).parse(&parsed);
	if (fault) {
		char found[64];
		Text(found, sizeof(found)).quoted(fault.found);
		remap::log_fault(fault.sentence, found);
		*error = fault.sentence;
		return -remap::errno_of(Error::wrong_argument);
	}
	line->device[0] = parsed.main;
	for (remap::u32 i = 0; i < parsed.spares; ++i)
		line->device[remap::kFirstSpare + i] = parsed.spare[i];
	line->devices = remap::kFirstSpare + parsed.spares;
	line->set = parsed.set;
	line->main_id = parsed.main_id;
	line->format = parsed.format;
	line->policy = {parsed.policy.retries,	    parsed.policy.budget_remaps,
			parsed.policy.budget_seconds, parsed.policy.scan_rate,
			parsed.policy.remap_writes,   parsed.policy.retry_reads,
			parsed.policy.heal,           parsed.policy.allow_degraded};
	return 0;
}

extern "C" int remap_core_check_devices(const remap_device_facts *facts, uint32_t devices,
					uint64_t length, const char **error)
{
	char found[128];
	Text text(found, sizeof(found));
	if (!REMAP_CHECK(devices > 1 && devices <= REMAP_MAX_DEVICES))
		return -remap::errno_of(Error::broken);
	remap::DeviceFacts spares[remap::kMaxSpares];
	for (uint32_t i = 1; i < devices; ++i)
		spares[i - remap::kFirstSpare] = remap::facts_of(facts[i]);
	*error = remap::check_devices(remap::facts_of(facts[0]), spares, devices - 1, length, text);
	if (!*error)
		return 0;
	remap::log_fault(*error, found);
	return -remap::errno_of(Error::wrong_argument);
}

extern "C" int remap_core_create(remap_host *host, const remap_device_facts *facts,
				 uint32_t devices, const remap_table_line *line, remap_core **core,
				 const char **error)
{
	remap::Refusal why;
	Error failed = Error::no_memory;
	remap::SpareSizes spares;
	for (uint32_t i = 1; i < devices; ++i)
		spares.add(facts[i].sectors);
	void *memory = remap_host_allocate(host, sizeof(remap_core));
	if (memory) {
		*core = new (remap_place{memory}) remap_core(host);
		const remap::Status made = (*core)->engine.create(
			{facts[0].sectors, spares,
			 facts[0].logical_block / remap::kSectorBytes,
			 remap::physical_sectors(facts[0].physical_block,
						 facts[0].alignment_offset)},
			remap::terms_of(*line), why);
		if (made.ok())
			return 0;
		failed = made.error();
		remap_core_destroy(*core);
	}
	return remap::refuse(host, failed, why, error);
}

extern "C" int remap_core_check_table(remap_core *core, const remap_table_line *line,
				      uint64_t length, const char **error)
{
	remap::Refusal why;
	if (length > core->engine.main_sectors()) {
		*error = "the table is longer than main was when its remaps began; remove the "
			 "device and create it again";
		return -remap::errno_of(Error::wrong_argument);
	}
	const remap::Status same = core->engine.check_terms(remap::terms_of(*line), why);
	return same.ok() ? 0 : remap::refuse(core->platform.host(), same.error(), why, error);
}

extern "C" bool remap_core_will_format(const remap_core *core)
{
	return core->engine.journal().found() == remap::Found::blank;
}

extern "C" int remap_core_start(remap_core *core, const remap_policy *policy, bool writes)
{
	core->engine.set_policy(remap::policy_of(*policy));
	remap::Refusal why;
	const char *sentence;
	const remap::Status started = core->engine.start(why, writes);
	return started.ok()
		       ? 0
		       : remap::refuse(core->platform.host(), started.error(), why, &sentence);
}

extern "C" void remap_core_destroy(remap_core *core)
{
	CHost platform = core->platform;
	core->~remap_core();
	platform.deallocate(core, sizeof(remap_core));
}

extern "C" void remap_core_presuspend(remap_core *core) { core->engine.presuspend(); }
extern "C" bool remap_core_suspending(const remap_core *core)
{
	return core->engine.suspending();
}
extern "C" void remap_core_postsuspend(remap_core *core) { core->engine.postsuspend(); }
extern "C" uint32_t remap_core_scan_turn(remap_core *core) { return core->engine.scan_turn(); }
extern "C" void remap_core_resume(remap_core *core) { core->engine.resume(); }

[[gnu::noinline]] static remap_mapping map_touched(const remap_core *core, uint8_t op,
						   uint64_t sector, uint32_t sectors)
{
	const remap::Mapping to =
		core->engine.map(static_cast<remap::Op>(op), sector, sectors);
	return {to.sector, to.sectors, static_cast<uint8_t>(to.verdict), to.device, op, 0};
}

// Nearly all I/O ends in the first line, which needs no stack; the rest is a jump.
extern "C" remap_mapping remap_core_map(const remap_core *core, uint8_t op, uint64_t sector,
					uint32_t sectors)
{
	if (core->engine.untouched(sector, sectors)) [[likely]]
		return {sector, sectors, REMAP_SUBMIT, 0, op, 0};
	return map_touched(core, op, sector, sectors);
}

extern "C" uint8_t remap_core_deferred_write(remap_core *core, void *request, uint8_t op,
					     uint64_t sector, uint32_t sectors)
{
	return static_cast<uint8_t>(core->engine.deferred_write(
		request, static_cast<remap::Op>(op), sector, sectors));
}

extern "C" uint8_t remap_core_io_failed(remap_core *core, uint8_t op, uint8_t device,
					uint8_t status)
{
	return core->engine.io_failed(static_cast<remap::Op>(op), device,
				      static_cast<remap::IoStatus>(status));
}

extern "C" uint8_t remap_core_recover(remap_core *core, void *request, uint8_t op, uint64_t sector,
				      uint32_t sectors, uint8_t status, uint8_t ticket)
{
	return static_cast<uint8_t>(
		core->engine.recover(request, static_cast<remap::Op>(op), sector, sectors,
				     static_cast<remap::IoStatus>(status), ticket));
}

extern "C" void remap_core_io_refused(remap_core *core, uint8_t op)
{
	core->engine.io_failed(static_cast<remap::Op>(op));
}

extern "C" void remap_core_flush_failed(remap_core *core, uint8_t device, uint8_t)
{
	core->engine.flush_failed(device);
}

extern "C" bool remap_core_owes_flush(const remap_core *core) { return core->engine.owes_flush(); }
extern "C" void remap_core_owe_flush(remap_core *core) { core->engine.owe_flush(); }

extern "C" uint32_t remap_core_flushed_devices(const remap_core *core)
{
	return core->engine.flushed_devices();
}

extern "C" bool remap_core_uses(const remap_core *core, uint32_t device)
{
	return core->engine.uses(device);
}

extern "C" bool remap_core_flush_begins(remap_core *core, uint8_t device)
{
	return core->engine.flush_begins(device);
}

extern "C" void remap_core_flush_ends(remap_core *core, uint8_t device)
{
	core->engine.flush_ends(device);
}

extern "C" bool remap_core_flush_owed(remap_core *core, uint8_t device)
{
	return core->engine.flush_owed(device);
}

// ---- the line ----

using remap::line_of;
using remap::waiter_of;

extern "C" void remap_line_init(remap_line *line)
{
	const remap::WaitingSpan *span = new (remap_place{line}) remap::KernelLine(remap::sound);
	// remap_line_spans() reads the first words of both.
	(void)REMAP_CHECK(static_cast<const void *>(span) == line);
}

extern "C" bool remap_line_wait_behind(remap_line *line, remap_waiter *waiter)
{
	return line_of(line).wait_behind(waiter_of(*waiter));
}

extern "C" bool remap_line_wait_fence(remap_line *line, const remap_core *core,
				      remap_waiter *waiter)
{
	return line_of(line).wait_fence(waiter_of(*waiter), waiter->sectors, core->engine);
}

extern "C" void remap_line_wait_turn(remap_line *line, remap_waiter *waiter)
{
	line_of(line).wait_turn(waiter_of(*waiter));
}

extern "C" remap_waiter *remap_line_next(remap_line *line)
{
	return waiter_of(line_of(line).next());
}

extern "C" bool remap_line_must_wait(const remap_line *line, const remap_waiter *rest)
{
	return line_of(line).must_wait(waiter_of(*rest));
}

extern "C" void remap_line_keep(remap_line *line, remap_waiter *rest)
{
	line_of(line).keep(waiter_of(*rest));
}

extern "C" void remap_line_gone(remap_line *line) { line_of(line).gone(); }

extern "C" void remap_line_defer(remap_line *line, remap_waiter *waiter)
{
	line_of(line).defer(waiter_of(*waiter));
}

extern "C" void remap_line_recover(remap_line *line, remap_waiter *waiter)
{
	line_of(line).recover(waiter_of(*waiter));
}

extern "C" remap_waiter *remap_line_next_to_write(remap_line *line)
{
	return waiter_of(line_of(line).next_to_write());
}

extern "C" void remap_line_written(remap_line *line, remap_waiter *waiter)
{
	line_of(line).written(waiter_of(*waiter));
}

extern "C" bool remap_line_hold_flush(remap_line *line, remap_core *core, remap_waiter *waiter)
{
	return line_of(line).hold_flush(waiter_of(*waiter), core->engine);
}

extern "C" remap_waiter *remap_line_next_flush(remap_line *line, remap_core *core)
{
	return waiter_of(line_of(line).next_flush(core->engine));
}

extern "C" void remap_line_add_counters(const remap_line *line,
					struct remap_host_counters *counters)
{
	remap::HostCounters counted;
	line_of(line).add_to(&counted);
	counters->held += counted.held;
	counters->held_outside += counted.held_outside;
	counters->deferred += counted.deferred;
}

extern "C" void remap_line_clear_counters(remap_line *line) { line_of(line).clear_counters(); }

extern "C" int remap_core_message(remap_core *core, unsigned int argc, char **argv, char *reply,
				  unsigned int room)
{
	return core->engine.message(argc, argv, reply, room);
}

extern "C" unsigned int remap_core_status(const remap_core *core, enum remap_status_kind kind,
					  const remap_table_line *line, char *words,
					  unsigned int room)
{
	if (!room)
		return 0;
	Text text(words, room);
	if (kind == REMAP_STATUS_INFO)
		core->engine.status_line(text);
	if (kind == REMAP_STATUS_TABLE)
		core->engine.table_features(text, remap::policy_of(line->policy),
					    line->device + remap::kFirstSpare + 1,
					    line->devices - remap::kFirstSpare - 1);
	if (kind == REMAP_STATUS_IMA)
		core->engine.ima_line(text);
	return static_cast<unsigned int>(text.length());
}
