// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/served_device.h"

#include <fcntl.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "tools/common/descriptor.h"

namespace dmremap {

void ServedDevice::attach(std::function<void(const std::string &)> attached,
			  std::function<void(const std::string &)> failed)
{
	prepare();
	thread_ = std::thread([this, attached, failed] {
		try {
			attached(make());
		} catch (const std::exception &failure) {
			failed(failure.what());
		}
	});
}

void ServedDevice::detach()
{
	if (std::exchange(detaching_, true))
		return;
	std::thread before = std::move(thread_);
	thread_ = std::thread([this, before = std::move(before)]() mutable {
		if (before.joinable())
			before.join();
		take_away();
		volume_.reactor().post(*this);
	});
}

void ServedDevice::join()
{
	if (thread_.joinable())
		thread_.join();
}

bool ServedDevice::is_taken(const std::string &path)
{
	const Descriptor device(open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
	return !device && errno == EBUSY;
}

}  // namespace dmremap
