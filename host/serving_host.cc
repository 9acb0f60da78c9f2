// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/serving_host.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>

#include "core/base/text.h"
#include "core/format/uuid.h"
#include "core/health/scan.h"

namespace remap::host {
namespace {

using std::chrono::milliseconds;

// How long a member of a group sleeps whom nobody wakes, and one that waits for the lock goes
// without a look at whether its caller is still there.
constexpr milliseconds kPoll(100);
constexpr milliseconds kSoon(20);
// Lines of log_limited() in a period.
constexpr u32 kLines = 10;
constexpr std::chrono::seconds kPeriod(5);

// A name that only one process of the machine can have, and that ends with it.
int take_name(const std::string &name)
{
	sockaddr_un address = {};
	address.sun_family = AF_UNIX;
	name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const auto length =
		static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
	if (fd >= 0 && bind(fd, reinterpret_cast<sockaddr *>(&address), length) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

}  // namespace

thread_local Caller *ServingHost::caller = nullptr;
thread_local std::string ServingHost::last_line;

ServingHost::~ServingHost()
{
	if (claim_ >= 0)
		close(claim_);
}

bool ServingHost::lock_killable()
{
	while (!writer_.try_lock_for(kPoll))
		if (stop_requested())
			return false;
	return true;
}

// Enters the queue before the mutex is given back, so that who wakes holding it misses nobody; the
// sleep is short for the sake of one who does not.
void ServingHost::wait_group()
{
	std::unique_lock<std::timed_mutex> held(writer_, std::adopt_lock);
	group_.wait_for(held, kPoll);
	held.release();
}

IoStatus ServingHost::read(DeviceIndex device, Sector sector, void *buffer, u32 count)
{
	return is_faulty(device, sector, count) ? IoStatus::medium
						: file(device).read(sector, buffer, count);
}

IoStatus ServingHost::write(DeviceIndex device, Sector sector, const void *data, u32 count)
{
	return is_faulty(device, sector, count) ? IoStatus::medium
						: file(device).write(sector, data, count);
}

IoStatus ServingHost::flush(DeviceIndex device) { return file(device).flush(); }

IoStatus ServingHost::forward(Request request, u64 first, DeviceIndex device, Sector sector, u32 count)
{
	const Job &job = *static_cast<const Job *>(request);
	u8 *data = job.data + first * kSectorBytes;
	if (device != kMainDevice)
		count_remapped(job.op != Op::read);
	if (is_faulty(device, sector, count))
		return IoStatus::medium;
	if (job.op == Op::read)
		return file(device).read(sector, data, count);
	const IoStatus status = file(device).write(sector, data, count, job.fua);
	if (device == kMainDevice && status == IoStatus::ok)
		main_was_written();
	return status;
}

void ServingHost::fetch(Request request, u64 first, void *buffer, u32 count)
{
	const Job &job = *static_cast<const Job *>(request);
	__builtin_memcpy(buffer, job.data + first * kSectorBytes, usize{count} * kSectorBytes);
}

// Into memory that nobody looks at.
IoStatus ServingHost::scan_read(Sector sector, u32 count)
{
	return scan_buffer_ ? read(kMainDevice, sector, scan_buffer_.get(), count)
			    : IoStatus::resource;
}

void ServingHost::wake_scan()
{
	const std::lock_guard<std::mutex> held(scan_mutex_);
	scan_woken_ = true;
	scan_changed_.notify_one();
}

void ServingHost::end_scan()
{
	const std::lock_guard<std::mutex> held(scan_mutex_);
	scan_over_ = true;
	scan_changed_.notify_one();
}

bool ServingHost::wait_scan(u32 milliseconds)
{
	const auto due = [this] { return scan_woken_ || scan_over_; };
	std::unique_lock<std::mutex> held(scan_mutex_);
	if (milliseconds == Scan::kIdle)
		scan_changed_.wait(held, due);
	else
		scan_changed_.wait_for(held, std::chrono::milliseconds(milliseconds), due);
	scan_woken_ = false;
	return !scan_over_;
}

u64 ServingHost::seconds()
{
	const auto now = std::chrono::steady_clock::now().time_since_epoch();
	return static_cast<u64>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

bool ServingHost::drain(Sector sector, u64 length, bool stoppable)
{
	return in_flight_.drain(reactor_, sector, length, [&] {
		return stop_requested() || (stoppable && suspending_.load());
	});
}

bool ServingHost::drain_soon(Sector sector, u64 length)
{
	const auto until = std::chrono::steady_clock::now() + kSoon;
	return in_flight_.drain(reactor_, sector, length,
				[&] { return std::chrono::steady_clock::now() >= until; });
}

void ServingHost::release_held()
{
	released_.store(true);
	reactor_.wake();
}

// Asked with every load. A process that serves the same set under another name has it.
bool ServingHost::claim(const void *set)
{
	char name[48];
	Text text(name, sizeof(name));
	Uuid uuid;
	__builtin_memcpy(uuid.bytes, set, sizeof(uuid.bytes));
	text << "dm-remap/" << uuid;
	if (claimed_ == name)
		return true;
	const int taken = take_name(name);
	if (taken < 0)
		return false;
	if (claim_ >= 0)
		close(claim_);
	claim_ = taken;
	claimed_ = name;
	return true;
}

void ServingHost::notify()
{
	const std::lock_guard<std::mutex> held(events_mutex_);
	++events_;
	events_changed_.notify_all();
}

u32 ServingHost::events() { return wait_event(0, milliseconds(0)); }

u32 ServingHost::wait_event(u32 seen, milliseconds most)
{
	std::unique_lock<std::mutex> held(events_mutex_);
	events_changed_.wait_for(held, most, [&] { return events_ != seen; });
	return events_;
}

void ServingHost::log(LogLevel level, const char *text)
{
	if (caller) // who has none may have no memory for it, either
		last_line = text;
	const char *prefix = level == LogLevel::error	  ? "error: "
			     : level == LogLevel::warning ? "warning: "
							  : "";
	const std::lock_guard<std::mutex> held(log_mutex_);
	std::fprintf(stderr, "%s: %s%s\n", name_.c_str(), prefix, text);
}

void ServingHost::log_limited(const char *text)
{
	{
		const std::lock_guard<std::mutex> held(log_mutex_);
		const auto now = std::chrono::steady_clock::now();
		if (now - log_period_ > kPeriod) {
			log_period_ = now;
			log_lines_ = 0;
		}
		if (++log_lines_ > kLines)
			return;
	}
	log(LogLevel::info, text);
}

bool ServingHost::random(void *buffer, usize bytes)
{
	return getrandom(buffer, bytes, 0) == static_cast<ssize_t>(bytes);
}

HostCounters ServingHost::counters()
{
	HostCounters counted;
	counted.remapped_reads = remapped_reads_.load();
	counted.remapped_writes = remapped_writes_.load();
	counted.in_flight = in_flight_.count();
	line_.add_to(&counted);
	return counted;
}

void ServingHost::clear_counters()
{
	for (Count *count : {&remapped_reads_, &remapped_writes_})
		count->store(0);
	line_.clear_counters();
}

}  // namespace remap::host
