// SPDX-License-Identifier: GPL-2.0-or-later
// Gate: threads that use something for a while, and one that exchanges it. Whoever comes meanwhile waits.
#pragma once

#include <condition_variable>
#include <mutex>

#include "core/base/types.h"

namespace remap::host {

class Gate {
public:
	void enter()
	{
		std::unique_lock<std::mutex> held(mutex_);
		changed_.wait(held, [this] { return !closed_; });
		++inside_;
	}
	void leave()
	{
		const std::lock_guard<std::mutex> held(mutex_);
		if (--inside_ == 0)
			changed_.notify_all();
	}
	// Nobody comes in from here on.
	void close()
	{
		const std::lock_guard<std::mutex> held(mutex_);
		closed_ = true;
	}
	void wait_empty()
	{
		std::unique_lock<std::mutex> held(mutex_);
		changed_.wait(held, [this] { return !inside_; });
	}
	void open()
	{
		const std::lock_guard<std::mutex> held(mutex_);
		closed_ = false;
		changed_.notify_all();
	}

private:
	std::mutex mutex_;
	std::condition_variable changed_;
	u32 inside_ = 0;
	bool closed_ = false;
};

}  // namespace remap::host
