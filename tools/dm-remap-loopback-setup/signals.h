// SPDX-License-Identifier: GPL-2.0-or-later
// Signals that would end the program in the middle of something are held back meanwhile.
#pragma once

#include <csignal>

#include "tools/common/failure.h"

namespace dmremap::loopback {

class SignalsHeld {
public:
	SignalsHeld()
	{
		sigemptyset(&held_);
		for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
			sigaddset(&held_, number);
		sigprocmask(SIG_BLOCK, &held_, &before_);
	}
	SignalsHeld(const SignalsHeld &) = delete;
	SignalsHeld &operator=(const SignalsHeld &) = delete;
	~SignalsHeld() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

	// Between two steps: throws Failure when one has arrived, so that the steps are undone. The
	// signal itself ends the program when this is gone.
	void check() const
	{
		sigset_t arrived;
		sigpending(&arrived);
		for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
			if (sigismember(&arrived, number))
				throw Failure(ExitCode::wrong_arguments, "interrupted");
	}

private:
	sigset_t held_, before_;
};

}  // namespace dmremap::loopback
