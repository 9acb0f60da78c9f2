// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/volume.h"

namespace remap {

template class Engine<host::ServingHost>;
template class Journal<host::ServingHost>;

}  // namespace remap

namespace remap::host {
namespace {

constexpr u32 kParts = 1024;
// So many must be free again before those who wait for some are looked at.
constexpr u32 kPartsToGoOn = 64;

}  // namespace

// ---- the writer ----

void Writer::give(Job &job)
{
	const std::lock_guard<std::mutex> held(mutex_);
	job_ = &job;
	changed_.notify_one();
}

void Writer::work()
{
	std::unique_lock<std::mutex> held(mutex_);
	for (;;) {
		changed_.wait(held, [this] { return job_ || stopping_; });
		if (!job_)
			return;
		Job &job = *job_;
		job_ = nullptr;
		held.unlock();
		job.status = job.ticket ? engine_->recover(&job, job.op, job.sector, job.sectors,
							  job.status, job.ticket)
					: engine_->deferred_write(&job, job.op, job.sector,
								 job.sectors);
		reactor_.post(*job.after);
		held.lock();
	}
}

void Writer::stop()
{
	if (!thread_.joinable())
		return;
	{
		const std::lock_guard<std::mutex> held(mutex_);
		stopping_ = true;
		changed_.notify_one();
	}
	thread_.join();
}

// ---- life ----

Volume::Volume(Reactor &reactor, ServingHost &host)
    : reactor_(reactor), host_(host), engine_(std::make_unique<ServingEngine>(host)),
      writer_(engine_, reactor), parts_(new Part[kParts]), free_part_count_(kParts)
{
	for (u32 i = 0; i < kParts; ++i) {
		parts_[i].volume = this;
		parts_[i].next_free = free_parts_;
		free_parts_ = &parts_[i];
	}
	reactor_.each_turn.push_back([this] { each_turn(); });
}

// An opened one is closed, unless something went wrong before anybody was served.
Volume::~Volume()
{
	if (!scanner_.joinable())
		return;
	presuspend();
	scanner_.join();
}

void Volume::set_policy(const Policy &policy)
{
	policy_ = policy;
	engine_->set_policy(policy);
}

Status Volume::open(const Geometry &geometry, const Terms &terms, Refusal &why)
{
	TRY(engine_->create(geometry, terms, why));
	sectors_ = engine_->main_sectors();
	block_bytes_ = engine_->journal().shape().block_bytes;
	return engine_->start(why);
}

void Volume::begin()
{
	engine_->resume();
	writer_.start();
	scanner_ = std::thread([this] { scan(); });
}

// In a thread of its own: the scan of main, a turn after the other.
void Volume::scan()
{
	while (host_.wait_scan(scan_turn())) {
	}
	scan_ended_.store(true);
	reactor_.wake();
}

u32 Volume::scan_turn()
{
	const Visit visit(*this);
	return engine_->scan_turn();
}

void Volume::presuspend()
{
	ending_.store(true);
	interrupt();
	host_.end_scan();
}

// Messages, and a turn of the scan.
void Volume::interrupt()
{
	engine_->presuspend();
	host_.suspend_begins();
}

void Volume::close()
{
	if (scanner_.joinable())
		scanner_.join();
	writer_.stop();
	if (!broken_.load())
		engine_->postsuspend();
}

// ---- requests ----

void Volume::submit(IoRequest &request)
{
	if (!holding_)
		return begin(request);
	Waiter &waiter = request.place_;
	waiter.next = nullptr;
	*held_end_ = &waiter;
	held_end_ = &waiter.next;
}

void Volume::begin(IoRequest &request)
{
	request.routed_ = request.touched_ = 0;
	request.status = IoStatus::ok;
	request.open_ = 1;
	request.flushes_ = 0;
	if (broken_.load(std::memory_order_relaxed)) {
		request.status = IoStatus::io;
		return request.ended();
	}
	if (request.flush)
		request.flushes_ = engine_->flushed_devices();
	host_.request_begins();
	if (host_.line().wait_behind(rest_of(request)))
		return;
	for (u32 look = 0; look < WaitingLine<ServingHost>::kLooks; ++look) {
		switch (advance(request)) {
		case Stop::none:
			return;
		case Stop::no_part:
			return wait_for_part(request);
		case Stop::fence:
			if (host_.line().wait_fence(rest_of(request), request.fenced_, *engine_))
				return;
		}
	}
	host_.line().wait_turn(rest_of(request));
	pass_is_due_ = true;
}

// As it has to wait: with what was not sent yet.
Waiter &Volume::rest_of(IoRequest &request)
{
	Waiter &rest = request.place_;
	rest.sector = request.at();
	rest.sectors = request.left();
	rest.writes = request.modifies() && request.left();
	return rest;
}

IoRequest &Volume::request_of(Waiter &waiter)
{
	return static_cast<IoRequest::Place &>(waiter).request;
}

// Does with what is not sent yet what the core says, until all is sent or something stops it.
Volume::Stop Volume::advance(IoRequest &request)
{
	while (request.left()) {
		const Stop stop =
			go_on(request, engine_->map(request.op, request.at(), request.left()));
		if (stop != Stop::none)
			return stop;
	}
	return send_flushes(request);
}

Volume::Stop Volume::go_on(IoRequest &request, const Mapping &to)
{
	switch (to.verdict) {
	case Verdict::submit:
		return send(request, to);
	case Verdict::hold:
		request.fenced_ = to.sectors;
		return Stop::fence;
	case Verdict::defer:
		return defer(request, to);
	case Verdict::fail_medium:
	case Verdict::fail_closed:
		break;
	}
	fail(request, to);
	return Stop::none;
}

void Volume::fail(IoRequest &request, const Mapping &to)
{
	request.note(to.verdict == Verdict::fail_medium ? IoStatus::medium : IoStatus::io);
	engine_->io_failed(request.op);
	request.routed_ += to.sectors;
}

void Volume::wait_for_part(IoRequest &request)
{
	starving_ = true;
	host_.line().wait_host(rest_of(request));
}

// Between the parts of a request nobody else has his turn, so that one question is enough for all of it.
void Volume::pass()
{
	WaitingLine<ServingHost> &line = host_.line();
	pass_is_due_ = false;
	starving_ = false;
	pass_flushes();
	while (Waiter *waiter = line.next()) {
		IoRequest &request = request_of(*waiter);
		const Stop stop = line.must_wait(*waiter) ? Stop::fence : advance(request);
		starving_ |= stop == Stop::no_part;
		if (stop == Stop::none)
			line.gone();
		else
			line.keep(rest_of(request));
	}
}

void Volume::each_turn()
{
	host_.in_flight().each_turn();
	if (host_.take_released() || (starving_ && free_part_count_ >= kPartsToGoOn))
		pass_is_due_ = true;
	while (pass_is_due_)
		pass();
	if (reload_ && !host_.any_request())
		carry_out();
}

// ---- parts ----

// nullptr: there is none.
Part *Volume::take_part(IoRequest &request, DeviceIndex device)
{
	Part *part = free_parts_;
	if (!part)
		return nullptr;
	free_parts_ = part->next_free;
	--free_part_count_;
	++request.open_;
	part->request = &request;
	part->device = device;
	part->finished = part->bytes = 0;
	part->tracked = part->writes_zeroes = false;
	return part;
}

// For what the answer covers.
Part *Volume::take_part(IoRequest &request, const Mapping &to)
{
	Part *part = take_part(request, DeviceIndex{to.device});
	if (!part)
		return nullptr;
	part->main = request.at();
	part->physical = to.sector;
	part->bytes = u64{to.sectors} * kSectorBytes;
	part->data = request.data ? request.data + u64{request.routed_} * kSectorBytes : nullptr;
	request.routed_ += to.sectors;
	return part;
}

// A read of main is not tracked: whatever happens to its sectors later is concurrent with it.
Volume::Stop Volume::send(IoRequest &request, const Mapping &to)
{
	Part *part = take_part(request, to);
	if (!part)
		return Stop::no_part;
	part->tracked = request.modifies() || to.device != kMainDevice;
	if (part->tracked) {
		part->entry.sector = part->main;
		part->entry.sectors = to.sectors;
		host_.in_flight().begin(part->entry);
	}
	if (to.device != kMainDevice)
		host_.count_remapped(request.modifies());
	request.touched_ |= 1u << to.device;
	part->start();
	return Stop::none;
}

Volume::Stop Volume::defer(IoRequest &request, const Mapping &to)
{
	Part *part = take_part(request, to);
	if (!part)
		return Stop::no_part;
	host_.line().defer(job_of(*part, IoStatus::ok, 0));
	write_next();
	return Stop::none;
}

// One that waits until the core has flushed the device is not in the way of a pass any more.
Volume::Stop Volume::send_flushes(IoRequest &request)
{
	for (DeviceIndex device = kMainDevice; device < host_.devices(); ++device) {
		if (!(request.flushes_ >> device & 1))
			continue;
		if (!free_parts_)
			return Stop::no_part;
		request.place_.device = static_cast<u8>(device);
		if (host_.line().hold_flush(request.place_, *engine_))
			return Stop::none;
		begin_flush(request, device);
	}
	release(request);
	return Stop::none;
}

void Volume::begin_flush(IoRequest &request, DeviceIndex device)
{
	request.flushes_ &= ~(1u << device);
	take_part(request, device)->start();
}

void Volume::pass_flushes()
{
	while (free_parts_) {
		Waiter *waiter = host_.line().next_flush(*engine_);
		if (!waiter)
			return;
		IoRequest &request = request_of(*waiter);
		begin_flush(request, waiter->device);
		if (send_flushes(request) == Stop::no_part)
			wait_for_part(request);
	}
	starving_ = true;
}

void Volume::part_ended(Part &part, IoStatus status)
{
	if (part.tracked)
		host_.in_flight().end(part.entry);
	if (!part.bytes)
		return finish(part, flush_judged(part.device, status));
	const Op op = part.request->op;
	if (status != IoStatus::ok) {
		const u8 ticket = engine_->io_failed(op, part.device, status);
		if (ticket) {
			host_.line().recover(job_of(part, status, ticket));
			return write_next();
		}
	} else if (part.device == kMainDevice && (op == Op::write || op == Op::write_zeroes)) {
		host_.main_was_written();
	}
	finish(part, status);
}

// Tells the core of an error, and a flush of what the core owes.
IoStatus Volume::flush_judged(DeviceIndex device, IoStatus status)
{
	if (status != IoStatus::ok)
		engine_->flush_failed(device);
	else if (engine_->flush_owed(device))
		status = IoStatus::io;
	engine_->flush_ends(device);
	return status;
}

// What the writer does for a part. One that failed is not in flight any more, so that its fence does not
// wait for it.
Job &Volume::job_of(Part &part, IoStatus status, u8 ticket)
{
	const IoRequest &request = *part.request;
	Job &job = part.job;
	job.sector = part.main;
	job.sectors = static_cast<u32>(part.bytes / kSectorBytes);
	job.writes = request.modifies();
	job.op = request.op;
	job.fua = request.fua;
	job.data = part.data;
	job.status = status;
	job.ticket = ticket;
	job.after = &part;
	return job;
}

void Volume::write_next()
{
	Waiter *waiter = writing_ ? nullptr : host_.line().next_to_write();
	if (!waiter)
		return;
	writing_ = true;
	writer_.give(static_cast<Job &>(*waiter));
}

void Volume::written(Part &part)
{
	host_.line().written(part.job);
	writing_ = false;
	pass_is_due_ = true;
	write_next();
	finish(part, part.job.status);
}

void Volume::finish(Part &part, IoStatus status)
{
	IoRequest &request = *part.request;
	request.note(status);
	part.next_free = free_parts_;
	free_parts_ = &part;
	++free_part_count_;
	release(request);
}

// A part has ended, or all was sent. What has no FUA of its own is made stable by a flush.
void Volume::release(IoRequest &request)
{
	if (--request.open_)
		return;
	if (request.fua && request.op > Op::write && request.status == IoStatus::ok &&
	    request.touched_) {
		request.flushes_ = request.touched_;
		request.touched_ = 0;
		request.open_ = 1;
		if (send_flushes(request) == Stop::no_part)
			wait_for_part(request);
		return;
	}
	host_.request_ends();
	request.ended();
}

}  // namespace remap::host
