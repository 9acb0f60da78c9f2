// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/ublk_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "core/format/crc32c.h"
#include "host/open_failure.h"

namespace remap::frontend::ublk {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr u64 kMark = u64{0x646d'726d} << 32; // "dmrm"
// A server that was killed has its device until the kernel has ended its I/O.
constexpr std::chrono::seconds kPatience(2);
constexpr std::chrono::milliseconds kSoon(50);

u64 mark_of(const std::string &name) { return kMark | Crc32c::of(name.data(), name.size()); }

[[noreturn]] void fail(const std::string &what, int error)
{
	const bool permission = error == EPERM || error == EACCES;
	throw host::OpenFailure(permission || error == ENOMEM ? error : ENODEV,
				"ublk " + what + ": " + std::strerror(error));
}

std::string character_path(u32 number) { return "/dev/ublkc" + std::to_string(number); }

}  // namespace

// The device as its server sees it, which only one can open.
class Disk::Character {
public:
	explicit Character(u32 number)
	    : descriptor(open(character_path(number).c_str(), O_RDWR | O_CLOEXEC))
	{
	}
	~Character()
	{
		if (descriptor >= 0)
			close(descriptor);
	}
	Character(const Character &) = delete;
	Character &operator=(const Character &) = delete;

	const int descriptor;
};

Disk::Disk(host::Volume &volume, const Shape &shape, const std::string &mark)
{
	remove_dead(mark_of(mark));
	add(mark_of(mark));
	try {
		ublk_params parameters = parameters_of(shape);
		const int set = control_.run(kSetParameters, number_, &parameters, sizeof(parameters));
		if (set < 0)
			fail("does not take the parameters of the device", -set);
		character_ = std::make_unique<Character>(number_);
		if (character_->descriptor < 0)
			fail("offers no " + character_path(number_), errno);
		queue_ = std::make_unique<Queue>(volume, character_->descriptor);
	} catch (...) {
		character_.reset();
		remove(number_);
		throw;
	}
}

Disk::~Disk()
{
	queue_.reset();
	character_.reset();
	remove(number_);
}

void Disk::add(u64 mark)
{
	ublksrv_ctrl_dev_info info = {};
	info.nr_hw_queues = 1;
	info.queue_depth = Queue::kDepth;
	info.max_io_buf_bytes = kMaxBytes;
	info.dev_id = kAnyNumber;
	info.ublksrv_pid = getpid();
	info.ublksrv_flags = mark;
	const int added = control_.run(kAdd, kAnyNumber, &info, sizeof(info));
	if (added == -EOPNOTSUPP || added == -EINVAL)
		fail("of this kernel is older than that of Linux 6.4", -added);
	if (added < 0)
		fail("makes no device", -added);
	number_ = info.dev_id;
}

// Whoever has the device open, or mounted, has its number until he lets go.
void Disk::remove(u32 number)
{
	if (control_.run(kDeleteSoon, number) != -EOPNOTSUPP)
		return;
	const Clock::time_point end = Clock::now() + kPatience;
	control_.run(kDelete, number, nullptr, 0, 0, [end] { return Clock::now() > end; });
}

void Disk::remove_dead(u64 mark)
{
	std::error_code none;
	for (const fs::directory_entry &entry : fs::directory_iterator("/sys/class/ublk-char", none)) {
		const std::string digits = entry.path().filename().string().substr(5); // ublkcN
		const u32 number = static_cast<u32>(std::strtoul(digits.c_str(), nullptr, 10));
		ublksrv_ctrl_dev_info info = {};
		if (control_.run(kGetInfo, number, &info, sizeof(info)) < 0 ||
		    info.ublksrv_flags != mark)
			continue;
		for (const auto end = Clock::now() + kPatience; Clock::now() < end;) {
			if (Character(number).descriptor >= 0) {
				control_.run(kStop, number);
				remove(number);
				break;
			}
			std::this_thread::sleep_for(kSoon);
		}
	}
}

void Disk::start()
{
	const int started = control_.run(kStart, number_, nullptr, 0, static_cast<u64>(getpid()),
					 [this] { return queue_->given_up(); });
	if (started < 0)
		fail("does not start the device", -started);
}

void Disk::stop() { control_.run(kStop, number_); }

}  // namespace remap::frontend::ublk
