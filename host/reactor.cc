// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/reactor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace remap::host {
namespace {

constexpr unsigned kSubmissions = 256;
constexpr unsigned kCompletions = 8192;
constexpr unsigned kAtOnce = 64;

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
		close(wakeup_.descriptor);
		throw;
	}
}

void Reactor::make_ring()
{
	const int made = init(&ring_);
	if (made < 0)
		fail(-made);
	has_ring_ = true;
	wakeup_.arm();
}

Reactor::~Reactor()
{
	if (has_ring_)
		io_uring_queue_exit(&ring_);
	close(wakeup_.descriptor);
}

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

void Reactor::wait()
{
	const int result = io_uring_submit_and_wait(&ring_, 1);
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
		take_tasks();
		for (const std::function<void()> &look : each_turn)
			look();
	}
	end_section();
}

}  // namespace remap::host
