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
// How often a request is looked up again because fences opened and closed around it.
constexpr u32 kTries = 4;

}  // namespace

// ---- the writer ----

void Writer::hand_over(Job &job)
{
	const std::lock_guard<std::mutex> held(mutex_);
	job.next = nullptr;
	(last_ ? last_->next : first_) = &job;
	last_ = &job;
	changed_.notify_one();
}

void Writer::work()
{
	std::unique_lock<std::mutex> held(mutex_);
	for (;;) {
		changed_.wait(held, [this] { return first_ || stopping_; });
		if (!first_)
			return;
		Job &job = *first_;
		first_ = job.next;
		if (!first_)
			last_ = nullptr;
		held.unlock();
		job.status = job.ticket ? engine_.recover(&job, job.op, job.sector, job.sectors,
							  job.status, job.ticket)
					: engine_.deferred_write(&job, job.op, job.sector,
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

void IoRequest::run() { volume_->deferred_ended(*this); }

// ---- life ----

Volume::Volume(Reactor &reactor, ServingHost &host)
    : reactor_(reactor), host_(host), engine_(host), writer_(engine_, reactor),
      parts_(new Part[kParts]), free_part_count_(kParts)
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
	engine_.set_policy(policy);
}

Status Volume::open(const Geometry &geometry, const Terms &terms, Refusal &why)
{
	TRY(engine_.create(geometry, terms, why));
	return engine_.start(why);
}

void Volume::begin()
{
	engine_.resume();
	writer_.start();
	scanner_ = std::thread([this] { scan(); });
}

// In a thread of its own: the scan of main, a turn after the other.
void Volume::scan()
{
	while (host_.wait_scan(engine_.scan_turn())) {
	}
	scan_ended_.store(true);
	reactor_.wake();
}

void Volume::presuspend()
{
	engine_.presuspend();
	host_.suspend_begins();
	host_.end_scan();
}

void Volume::close()
{
	if (scanner_.joinable())
		scanner_.join();
	writer_.stop();
	engine_.postsuspend();
}

// ---- requests ----

void Volume::submit(IoRequest &request)
{
	request.volume_ = this;
	request.order_ = ++arrivals_;
	request.routed_ = request.touched_ = 0;
	request.status = IoStatus::ok;
	request.open_ = 1;
	request.flushes_ = request.flush ? (1u << host_.devices()) - 1 : 0;
	host_.request_begins();
	if (looking_) {
		wait(request); // its turn comes when those who were here before had theirs
		look_again_ = true;
	} else {
		advance(request);
	}
}

// Does with what is not sent yet what the core says, until the request has to wait or all is sent.
void Volume::advance(IoRequest &request)
{
	while (request.left()) {
		if (must_wait(request))
			return hold(request);
		const Mapping to = look_up(request);
		switch (to.verdict) {
		case Verdict::submit:
			if (!send(request, to))
				return;
			break;
		case Verdict::hold:
			return hold(request);
		case Verdict::defer:
			return defer(request, to.sectors);
		case Verdict::fail_medium:
		case Verdict::fail_closed:
			fail(request, to);
		}
	}
	if (send_flushes(request))
		release(request);
}

// A fence that was found half written is looked at again. One that opens after this look has a pass
// behind it, since it opens before release_held() is called.
Mapping Volume::look_up(const IoRequest &request)
{
	Mapping to;
	for (u32 i = 0; i < kTries; ++i) {
		to = engine_.map(request.op, request.at(), request.left());
		if (to.verdict != Verdict::hold || (engine_.holds(request.at(), 1) &&
						    engine_.holds(request.at() + to.sectors - 1, 1)))
			return to;
	}
	host_.count_held_outside();
	look_again_ = true;
	return to;
}

bool Volume::must_wait(const IoRequest &request) const
{
	const auto precedes = [&](const IoRequest *other) {
		return other->modifies() && other->left() && other->order_ < request.order_ &&
		       ranges_overlap(other->at(), other->left(), request.at(), request.left());
	};
	if (!request.modifies())
		return false;
	for (const IoRequest *other = waiting_; other; other = other->next_)
		if (precedes(other))
			return true;
	for (const IoRequest *other = deferred_; other; other = other->next_)
		if (precedes(other))
			return true;
	for (const Part *part = recovering_; part; part = part->next_recovering)
		if (part->request->modifies() && part->request->order_ < request.order_ &&
		    ranges_overlap(part->job.sector, part->job.sectors, request.at(),
				   request.left()))
			return true;
	return false;
}

// One that is held again when it was looked at counts once.
void Volume::hold(IoRequest &request)
{
	if (!looking_)
		host_.count_held();
	wait(request);
}

void Volume::wait(IoRequest &request)
{
	IoRequest **place = &waiting_;
	while (*place && (*place)->order_ < request.order_)
		place = &(*place)->next_;
	request.next_ = *place;
	*place = &request;
}

void Volume::look_again()
{
	look_again_ = false;
	starving_ = false;
	looking_ = true;
	IoRequest *rest = waiting_;
	waiting_ = nullptr;
	while (rest) {
		IoRequest &request = *rest;
		rest = request.next_;
		advance(request);
	}
	looking_ = false;
}

void Volume::each_turn()
{
	host_.in_flight().each_turn();
	if (host_.take_released() || (starving_ && free_part_count_ >= kPartsToGoOn))
		look_again_ = true;
	while (look_again_)
		look_again();
}

void Volume::defer(IoRequest &request, u32 sectors)
{
	host_.count_deferred();
	u8 *data = request.data ? request.data + u64{request.routed_} * kSectorBytes : nullptr;
	request.job_ = {request.op,   request.fua, data,	  request.at(), sectors,
			IoStatus::ok, 0,	   &request, nullptr};
	request.next_ = deferred_;
	deferred_ = &request;
	writer_.hand_over(request.job_);
}

void Volume::deferred_ended(IoRequest &request)
{
	IoRequest **place = &deferred_;
	while (*place != &request)
		place = &(*place)->next_;
	*place = request.next_;
	request.note(request.job_.status);
	request.routed_ += request.job_.sectors;
	look_again_ = true;
	advance(request);
}

void Volume::fail(IoRequest &request, const Mapping &to)
{
	request.note(to.verdict == Verdict::fail_medium ? IoStatus::medium : IoStatus::io);
	engine_.io_failed(request.op);
	request.routed_ += to.sectors;
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

// false: it waits for a Part. A read of main is not tracked: whatever happens to its sectors later is
// concurrent with it.
bool Volume::send(IoRequest &request, const Mapping &to)
{
	Part *part = take_part(request, to.device);
	if (!part) {
		starve(request);
		return false;
	}
	part->main = request.at();
	part->physical = to.sector;
	part->bytes = u64{to.sectors} * kSectorBytes;
	part->data = request.data ? request.data + u64{request.routed_} * kSectorBytes : nullptr;
	part->tracked = request.modifies() || to.device != kMainDevice;
	if (part->tracked) {
		part->entry.sector = request.at();
		part->entry.sectors = to.sectors;
		host_.in_flight().begin(part->entry);
	}
	if (to.device != kMainDevice)
		host_.count_remapped(request.modifies());
	request.touched_ |= 1u << to.device;
	request.routed_ += to.sectors;
	part->start();
	return true;
}

// false: it waits for a Part, or until the core has flushed the device.
bool Volume::send_flushes(IoRequest &request)
{
	for (DeviceIndex device = kMainDevice; device < host_.devices(); ++device) {
		if (!(request.flushes_ >> device & 1))
			continue;
		if (!free_parts_) {
			starve(request);
			return false;
		}
		if (!engine_.flush_begins(device)) {
			wait(request);
			return false;
		}
		request.flushes_ &= ~(1u << device);
		take_part(request, device)->start();
	}
	return true;
}

void Volume::starve(IoRequest &request)
{
	starving_ = true;
	wait(request);
}

void Volume::part_ended(Part &part, IoStatus status)
{
	if (part.tracked)
		host_.in_flight().end(part.entry);
	if (!part.bytes)
		return finish(part, flush_judged(part.device, status));
	const Op op = part.request->op;
	if (status != IoStatus::ok) {
		const u8 ticket = engine_.io_failed(op, part.device, status);
		if (ticket)
			return recover(part, status, ticket);
	} else if (part.device == kMainDevice && (op == Op::write || op == Op::write_zeroes)) {
		host_.main_was_written();
	}
	finish(part, status);
}

// Tells the core of an error, and a flush of what the core owes.
IoStatus Volume::flush_judged(DeviceIndex device, IoStatus status)
{
	if (status != IoStatus::ok)
		engine_.flush_failed(device);
	else if (engine_.flush_owed(device))
		status = IoStatus::io;
	engine_.flush_ends(device);
	return status;
}

// It is not in flight any more, so the writer's fence does not wait for it.
void Volume::recover(Part &part, IoStatus status, u8 ticket)
{
	const IoRequest &request = *part.request;
	part.job = {request.op,
		    request.fua,
		    part.data,
		    part.main,
		    static_cast<u32>(part.bytes / kSectorBytes),
		    status,
		    ticket,
		    &part,
		    nullptr};
	part.next_recovering = recovering_;
	recovering_ = &part;
	writer_.hand_over(part.job);
}

void Volume::recovered(Part &part)
{
	Part **place = &recovering_;
	while (*place != &part)
		place = &(*place)->next_recovering;
	*place = part.next_recovering;
	look_again_ = true;
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
		if (!send_flushes(request))
			return;
		if (--request.open_)
			return;
	}
	host_.request_ends();
	request.ended();
}

}  // namespace remap::host
