// SPDX-License-Identifier: GPL-2.0-or-later
// Volume: the engine as a device. Front ends submit IoRequests; the volume asks the core where each
// part goes, sends it there, and keeps what must wait. What kernel/map.c and kernel/held.c are for
// bios, this is for IoRequests, with one thread instead of any number.
//
// Who waits, and in which order it goes on, is the core's to say (core/engine/waiting_line.h). Whoever
// waits, waits with all of it that was not sent yet. What finds no free Part waits in the same line,
// until one ends. A pass goes through it whenever a fence or a gate for flushes opened, the writer has
// done something, or Parts are free again. What waits is not in flight, so no fence waits for it.
//
// A write that changes the table, and whatever failed and may be recovered, goes to a thread of its own
// (Writer), which may wait for fences, drains and disks; nothing waits for it but writes that overlap.
//
// The engine may be exchanged while all this goes on (reload()). The reactor's thread does that, so it uses
// the engine as it likes; the writer has nothing to do then; other threads come as a Visit.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "core/engine/engine.h"
#include "host/gate.h"
#include "host/part.h"
#include "host/reload.h"
#include "host/request.h"
#include "host/serving_host.h"

namespace remap {

extern template class Engine<host::ServingHost>;
extern template class Journal<host::ServingHost>;

}  // namespace remap

namespace remap::host {

using ServingEngine = Engine<ServingHost>;

// The thread for a job at a time.
class Writer {
public:
	Writer(const std::unique_ptr<ServingEngine> &engine, Reactor &reactor)
	    : engine_(engine), reactor_(reactor)
	{
	}
	~Writer() { stop(); }
	void start() { thread_ = std::thread([this] { work(); }); }
	// After the last one has ended.
	void stop();
	// REQUIRES: the one before was posted back.
	void give(Job &job);

private:
	void work();

	const std::unique_ptr<ServingEngine> &engine_; // another one now and then
	Reactor &reactor_;
	std::thread thread_;
	std::mutex mutex_;
	std::condition_variable changed_;
	Job *job_ = nullptr;
	bool stopping_ = false;
};

class Volume {
public:
	// Hangs itself into each turn of the reactor, which must not run longer than it lives.
	Volume(Reactor &reactor, ServingHost &host);
	~Volume();
	Volume(const Volume &) = delete;
	Volume &operator=(const Volume &) = delete;

	// What is done about errors; before open().
	void set_policy(const Policy &policy);
	const Policy &policy() const { return policy_; }
	// Before the reactor runs. Opens the set, in the calling thread, with no other.
	Status open(const Geometry &geometry, const Terms &terms, Refusal &why);
	// Takes an opened one into service, with the threads for that.
	void begin();
	// Messages end at their next step from here on.
	void presuspend();
	// Whether what runs beside the reactor, and needs it, has ended. After presuspend().
	bool quiet() const { return scan_ended_.load() && !reloading_.load(); }
	// After the reactor ran: nothing is in flight, no message runs. Marks the set as closed.
	void close();

	// ---- other threads, while the reactor runs ----
	// Whoever uses the engine, or asks the host for its spares; not during a reload.
	class Visit {
	public:
		explicit Visit(Volume &volume) : gate_(volume.gate_) { gate_.enter(); }
		Visit(const Visit &) = delete;
		Visit &operator=(const Visit &) = delete;
		~Visit() { gate_.leave(); }

	private:
		Gate &gate_;
	};
	// Serves the same set with other spares, named in whatever order; one at a time, and no Visit.
	// Errors: those of an open, with which all is as before, and interrupted: the end has begun.
	Status reload(const SpareList &wanted, const Terms &terms, Refusal &why);
	// Whether the set has this spare in use, so that it must be named. REQUIRES: a Visit.
	bool in_use(DeviceIndex device) const;
	// Whether one failed and nothing can be served any more.
	bool broken() const { return broken_.load(); }

	// ---- the reactor's thread ----
	void submit(IoRequest &request);

	ServingEngine &engine() { return *engine_; }
	ServingHost &host() { return host_; }
	Reactor &reactor() { return reactor_; }
	Sector sectors() const { return sectors_; }
	u32 block_bytes() const { return block_bytes_; }

private:
	friend class Part;
	friend class Reload;

	// What keeps a request from being sent as a whole. `none`: nothing, and it may have ended.
	enum class Stop : u8 { none, fence, no_part };

	void scan();
	u32 scan_turn();
	void interrupt();
	// volume_reload.cc
	void hold(Reload &asked);
	void carry_out();
	Status exchange(Reload &asked);
	SpareList named(const Geometry &like, bool used) const;
	Status make(std::unique_ptr<ServingEngine> &next, const SpareList &list, const Terms &terms,
		    Refusal &why);
	Status put_in_place(std::unique_ptr<ServingEngine> &next, Refusal &why);
	void let_go();
	void begin(IoRequest &request);
	void each_turn();
	void pass();
	Stop advance(IoRequest &request);
	Stop go_on(IoRequest &request, const Mapping &to);
	Stop send(IoRequest &request, const Mapping &to);
	Stop defer(IoRequest &request, const Mapping &to);
	void fail(IoRequest &request, const Mapping &to);
	static Waiter &rest_of(IoRequest &request);
	static IoRequest &request_of(Waiter &waiter);
	void wait_for_part(IoRequest &request);
	Stop send_flushes(IoRequest &request);
	void begin_flush(IoRequest &request, DeviceIndex device);
	void pass_flushes();
	void release(IoRequest &request);
	Part *take_part(IoRequest &request, DeviceIndex device);
	Part *take_part(IoRequest &request, const Mapping &to);
	void part_ended(Part &part, IoStatus status);
	IoStatus flush_judged(DeviceIndex device, IoStatus status);
	static Job &job_of(Part &part, IoStatus status, u8 ticket);
	void write_next();
	void written(Part &part);
	void finish(Part &part, IoStatus status);

	Reactor &reactor_;
	ServingHost &host_;
	std::unique_ptr<ServingEngine> engine_;
	Policy policy_;
	Sector sectors_ = 0; // the set's, and so its engines'
	u32 block_bytes_ = 0;
	Writer writer_;
	std::thread scanner_;
	std::atomic<bool> scan_ended_{false};
	std::unique_ptr<Part[]> parts_;
	Part *free_parts_ = nullptr;
	u32 free_part_count_ = 0;
	bool starving_ = false; // somebody waits for Parts
	bool pass_is_due_ = false;
	bool writing_ = false; // the writer has a job
	Gate gate_;
	std::atomic<bool> ending_{false};
	std::atomic<bool> reloading_{false};
	std::atomic<bool> broken_{false};
	Reload *reload_ = nullptr; // to be carried out as soon as nothing is under way
	// Requests that came since, in their order.
	bool holding_ = false;
	Waiter *held_ = nullptr;
	Waiter **held_end_ = &held_;
};

}  // namespace remap::host
