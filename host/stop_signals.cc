// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/stop_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace remap::host {

namespace {

signalfd_siginfo info; // static, since the ring may outlive whoever reads

const sigset_t *signals()
{
	static sigset_t set;
	sigemptyset(&set);
	for (const int one : {SIGTERM, SIGINT, SIGHUP})
		sigaddset(&set, one);
	return &set;
}

} // namespace

StopSignals::StopSignals(Reactor &reactor, std::function<void()> stop)
    : reactor_(reactor), stop_(std::move(stop)), fd_(signalfd(-1, signals(), SFD_CLOEXEC))
{
	arm();
}

StopSignals::~StopSignals() { close(fd_); }

void StopSignals::block() { pthread_sigmask(SIG_BLOCK, signals(), nullptr); }

void StopSignals::arm()
{
	reactor_.start(*this, [this](io_uring_sqe *sqe) {
		io_uring_prep_read(sqe, fd_, &info, sizeof(info), 0);
	});
}

void StopSignals::done(int)
{
	stop_();
	arm();
}

} // namespace remap::host
