// SPDX-License-Identifier: GPL-2.0-or-later
// Volume: the engine as a device. Front ends submit IoRequests; the volume asks the core where each
// part goes, sends it there, and keeps what must wait. What kernel/map.c and kernel/held.c are for
// bios, this is for IoRequests, with one thread instead of any number.
//
// Who waits:
//   * what lies in a fence, until it opens;
//   * a write that overlaps an earlier one that waits, or that the writer has in its hands (one that
//     failed, too): writes of which one began after the other keep their order;
//   * what finds no free Part, until one ends;
//   * a flush, while the core flushes that device.
// All wait in one list, in the order of arrival, each with all of it that was not sent yet. The list is
// gone through whenever a fence or a gate for flushes opened, a deferred write ended, or Parts are free
// again. What waits is
// not in flight, so no fence waits for it.
//
// A write that changes the table, and whatever failed and may be recovered, goes to a thread of its own
// (Writer), which may wait for fences, drains and disks; nothing waits for it but writes that overlap.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "core/engine/engine.h"
#include "host/part.h"
#include "host/request.h"
#include "host/serving_host.h"

namespace remap {

extern template class Engine<host::ServingHost>;
extern template class Journal<host::ServingHost>;

}  // namespace remap

namespace remap::host {

using ServingEngine = Engine<ServingHost>;

// The thread for jobs, one after the other.
class Writer {
public:
	Writer(ServingEngine &engine, Reactor &reactor) : engine_(engine), reactor_(reactor) {}
	~Writer() { stop(); }
	void start() { thread_ = std::thread([this] { work(); }); }
	// After the last one has ended.
	void stop();
	void hand_over(Job &job);

private:
	void work();

	ServingEngine &engine_;
	Reactor &reactor_;
	std::thread thread_;
	std::mutex mutex_;
	std::condition_variable changed_;
	Job *first_ = nullptr;
	Job *last_ = nullptr;
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
	bool quiet() const { return scan_ended_.load(); }
	// After the reactor ran: nothing is in flight, no message runs. Marks the set as closed.
	void close();

	// ---- the reactor's thread ----
	void submit(IoRequest &request);

	ServingEngine &engine() { return engine_; }
	ServingHost &host() { return host_; }
	Reactor &reactor() { return reactor_; }
	Sector sectors() const { return engine_.main_sectors(); }
	u32 block_bytes() const { return engine_.journal().shape().block_bytes; }

private:
	friend class IoRequest;
	friend class Part;

	void scan();
	void each_turn();
	void advance(IoRequest &request);
	Mapping look_up(const IoRequest &request);
	bool must_wait(const IoRequest &request) const;
	void hold(IoRequest &request);
	void wait(IoRequest &request);
	void look_again();
	void defer(IoRequest &request, u32 sectors);
	void deferred_ended(IoRequest &request);
	void fail(IoRequest &request, const Mapping &to);
	bool send(IoRequest &request, const Mapping &to);
	bool send_flushes(IoRequest &request);
	void starve(IoRequest &request);
	void release(IoRequest &request);
	Part *take_part(IoRequest &request, DeviceIndex device);
	void part_ended(Part &part, IoStatus status);
	IoStatus flush_judged(DeviceIndex device, IoStatus status);
	void recover(Part &part, IoStatus status, u8 ticket);
	void recovered(Part &part);
	void finish(Part &part, IoStatus status);

	Reactor &reactor_;
	ServingHost &host_;
	ServingEngine engine_;
	Policy policy_;
	Writer writer_;
	std::thread scanner_;
	std::atomic<bool> scan_ended_{false};
	std::unique_ptr<Part[]> parts_;
	Part *free_parts_ = nullptr;
	u32 free_part_count_ = 0;
	bool starving_ = false;	  // somebody waits for Parts
	bool look_again_ = false; // at what waits
	bool looking_ = false;
	IoRequest *waiting_ = nullptr;  // by order
	IoRequest *deferred_ = nullptr; // in the writer's hands
	Part *recovering_ = nullptr;	// the same
	u64 arrivals_ = 0;
};

}  // namespace remap::host
