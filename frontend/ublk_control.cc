// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/ublk_control.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/open_failure.h"

namespace remap::frontend::ublk {
namespace {

constexpr char kPath[] = "/dev/ublk-control";
constexpr unsigned kEntries = 8;
// Between two looks at `give_up`.
constexpr long kLook = 50'000'000; // nanoseconds

int open_control()
{
	const int descriptor = open(kPath, O_RDWR | O_CLOEXEC);
	if (descriptor >= 0)
		return descriptor;
	if (errno == EACCES || errno == EPERM)
		throw host::OpenFailure(errno, std::string(kPath) + ": " + std::strerror(errno));
	throw host::OpenFailure(ENODEV, std::string(kPath) +
						" cannot be opened: the module ublk_drv is not loaded "
						"(modprobe ublk_drv), or this kernel has none");
}

}  // namespace

bool Control::usable() { return access(kPath, R_OK | W_OK) == 0; }

Control::Control() : descriptor_(open_control())
{
	const int made = io_uring_queue_init(kEntries, &ring_, IORING_SETUP_SQE128);
	if (made == 0)
		return;
	close(descriptor_);
	throw host::OpenFailure(ENODEV, std::string("io_uring has no large entries, as ublk needs: ") +
						std::strerror(-made));
}

Control::~Control()
{
	io_uring_queue_exit(&ring_);
	close(descriptor_);
}

int Control::run(u32 command, u32 device, void *buffer, usize bytes, u64 word,
		 const std::function<bool()> &give_up)
{
	io_uring_sqe *sqe = io_uring_get_sqe(&ring_);
	if (!sqe)
		return -EBUSY;
	ublksrv_ctrl_cmd what = {};
	what.dev_id = device;
	what.queue_id = kNoQueue;
	what.len = static_cast<u16>(bytes);
	what.addr = reinterpret_cast<u64>(buffer);
	what.data[0] = word;
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, descriptor_, nullptr, 0, 0);
	sqe->cmd_op = command;
	std::memcpy(command_in(sqe), &what, sizeof(what));
	io_uring_sqe_set_data64(sqe, ++commands_);
	int submitted;
	do {
		submitted = io_uring_submit(&ring_);
	} while (submitted == -EINTR || submitted == -EAGAIN);
	return submitted < 0 ? submitted : wait(give_up);
}

int Control::wait(const std::function<bool()> &give_up)
{
	for (;;) {
		__kernel_timespec look = {0, kLook};
		io_uring_cqe *ended;
		const int waited = io_uring_wait_cqe_timeout(&ring_, &ended, &look);
		if (waited == -ETIME || waited == -EINTR || waited == -EAGAIN) {
			if (give_up && give_up())
				return -ETIME;
			continue;
		}
		if (waited < 0)
			return waited;
		const bool awaited = io_uring_cqe_get_data64(ended) == commands_;
		const int result = ended->res;
		io_uring_cqe_seen(&ring_, ended);
		if (awaited)
			return result;
	}
}

}  // namespace remap::frontend::ublk
