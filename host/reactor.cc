// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/reactor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "core/base/bits.h"

namespace remap::host {
namespace {

constexpr unsigned kSubmissions = 256;
constexpr unsigned kCompletions = 8192;
constexpr unsigned kAtOnce = 64;
// Descriptors of the reactor itself that are polled, in front of the sources.
constexpr usize kOwn = 2;
// How long the thread looks before it sleeps, and before how many sleeps at most it does not.
constexpr std::chrono::microseconds kLook(50);
constexpr u32 kMostSleeps = 255;

[[noreturn]] void fail(int error)
{
	throw RingFailure(error, std::generic_category(), "io_uring");
}

// With what makes it cheaper on kernels that know it.
int init(io_uring *ring)
{
	constexpr unsigned kCheaper[] = {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER |
						 IORING_SETUP_DEFER_TASKRUN,
					 0};
	int result = 0;
	for (const unsigned flags : kCheaper) {
		io_uring_params params = {};
		params.flags = flags | IORING_SETUP_CQSIZE;
		params.cq_entries = kCompletions;
		result = io_uring_queue_init_params(kSubmissions, ring, &params);
		if (result != -EINVAL)
			break;
	}
	return result;
}

}  // namespace

Reactor::Reactor(Ring when) : wakeup_(*this)
{
	wakeup_.descriptor = eventfd(0, EFD_CLOEXEC);
	if (wakeup_.descriptor < 0)
		fail(errno);
	if (when == Ring::later)
		return;
	try {
		make_ring();
	} catch (...) {
		release();
		throw;
	}
}

void Reactor::make_ring()
{
	const int made = init(&ring_);
	if (made < 0)
		fail(-made);
	has_ring_ = true;
	ring_events_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring_events_ < 0)
		fail(errno);
	const int registered = io_uring_register_eventfd(&ring_, ring_events_);
	if (registered < 0)
		fail(-registered);
	wakeup_.arm();
}

Reactor::~Reactor() { release(); }

void Reactor::release()
{
	if (has_ring_)
		io_uring_queue_exit(&ring_);
	if (ring_events_ >= 0)
		close(ring_events_);
	close(wakeup_.descriptor);
}

Source::Source(Reactor &reactor) : reactor_(reactor)
{
	reactor.polled_.reserve(kOwn + reactor.sources_.size() + 1);
	reactor.sources_.push_back(this);
}

Source::~Source() { std::erase(reactor_.sources_, this); }

// Never nullptr: what was filled before is handed over when there is no room.
io_uring_sqe *Reactor::next()
{
	io_uring_sqe *sqe;
	while (!(sqe = io_uring_get_sqe(&ring_)))
		io_uring_submit(&ring_);
	return sqe;
}

void Reactor::Wakeup::arm()
{
	reactor_.start(*this, [this](io_uring_sqe *sqe) {
		io_uring_prep_read(sqe, descriptor, &count_, sizeof(count_), 0);
	});
}

void Reactor::Wakeup::done(int) { arm(); }

void Reactor::wake()
{
	const u64 one = 1;
	// It can only fail when the counter is full, and then the reactor has reason enough to wake.
	[[maybe_unused]] const ssize_t written = write(wakeup_.descriptor, &one, sizeof(one));
}

void Reactor::post(Task &task)
{
	{
		const std::lock_guard<std::mutex> held(tasks_mutex_);
		task.next_task = nullptr;
		(last_task_ ? last_task_->next_task : first_task_) = &task;
		last_task_ = &task;
	}
	wake();
}

// An exchange, not a store: what is read in the section must not be read before others can see that
// it has begun.
void Reactor::begin_section() { section_.exchange(section_.load(std::memory_order_relaxed) + 1); }
void Reactor::end_section() { section_.exchange(section_.load(std::memory_order_relaxed) + 1); }

// The counterpart: what was changed before must be seen by whoever begins after.
u64 Reactor::grace_start() { return section_.fetch_add(0); }

bool Reactor::grace_elapsed(u64 cookie) const { return !(cookie & 1) || section_.load() != cookie; }

void Reactor::grace_wait()
{
	const u64 cookie = grace_start();
	while (!grace_elapsed(cookie))
		std::this_thread::yield();
}

int Reactor::wait_for_ring() { return io_uring_submit_and_wait(&ring_, 1); }

// To wake a thread on another processor may take longer than all that is done for a request, in virtual
// machines above all. So this one looks for the next request before it sleeps. After a look in vain - the
// client has time, or waits for this very processor - it sleeps without one, more and more often.
bool Reactor::look()
{
	if (sleeps_left_) {
		--sleeps_left_;
		return false;
	}
	const auto until = std::chrono::steady_clock::now() + kLook;
	do {
		if (poll(polled_.data(), polled_.size(), 0) > 0) {
			sleeps_ = 0;
			return true;
		}
	} while (std::chrono::steady_clock::now() < until);
	sleeps_ = min_of(2 * sleeps_ + 1, kMostSleeps);
	sleeps_left_ = sleeps_;
	return false;
}

// The ring is entered for what it is to do and what it has done, so not at all for what goes from a socket
// to memory. The ring tells of a write to the wake-up's descriptor, which it reads, only much later, since
// one event descriptor's writer does not signal another one.
int Reactor::wait_for_any()
{
	const int submitted = io_uring_sq_ready(&ring_) ? io_uring_submit(&ring_) : 0;
	if (submitted < 0)
		return submitted;
	polled_.assign({{ring_events_, POLLIN, 0}, {wakeup_.descriptor, POLLIN, 0}});
	for (const Source *source : sources_)
		polled_.push_back({source->wanted ? source->descriptor : -1, POLLIN, 0});
	const int time = io_uring_cq_ready(&ring_) ? 0 : -1;
	const bool found = time && prompt_ && look();
	if (!found && poll(polled_.data(), polled_.size(), time) < 0)
		return -errno;
	u64 count;
	if (polled_[0].revents)
		(void)!read(ring_events_, &count, sizeof(count));
	return polled_[0].revents || polled_[1].revents ? io_uring_get_events(&ring_) : 0;
}

void Reactor::wait()
{
	polled_.clear();
	const int result = sources_.empty() ? wait_for_ring() : wait_for_any();
	if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY)
		fail(-result);
}

void Reactor::take_completions()
{
	io_uring_cqe *ended[kAtOnce];
	unsigned count;
	while ((count = io_uring_peek_batch_cqe(&ring_, ended, kAtOnce)) != 0) {
		for (unsigned i = 0; i < count; ++i) {
			auto *completion =
				static_cast<Completion *>(io_uring_cqe_get_data(ended[i]));
			const int result = ended[i]->res;
			if (completion)
				completion->done(result);
		}
		io_uring_cq_advance(&ring_, count);
	}
}

void Reactor::take_readable()
{
	prompt_ = false;
	for (usize i = kOwn; i < polled_.size(); ++i) {
		Source &source = *sources_[i - kOwn];
		if (!polled_[i].revents || !source.wanted)
			continue;
		prompt_ |= source.prompt;
		source.readable();
	}
}

void Reactor::take_tasks()
{
	Task *task;
	{
		const std::lock_guard<std::mutex> held(tasks_mutex_);
		task = first_task_;
		first_task_ = last_task_ = nullptr;
	}
	while (task) {
		Task *next = task->next_task;
		task->run();
		task = next;
	}
}

void Reactor::run()
{
	begin_section();
	while (!stopping_) {
		end_section();
		wait();
		begin_section();
		take_completions();
		take_readable();
		take_tasks();
		for (const std::function<void()> &look : each_turn)
			look();
	}
	end_section();
}

}  // namespace remap::host
