// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/loop_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <filesystem>

#include "tools/common/descriptor.h"
#include "tools/common/system_failure.h"

namespace dmremap {
namespace {

constexpr const char *kPrefix = "/dev/loop";

Descriptor open_loop(unsigned number)
{
	Descriptor loop(open(loop_path(number).c_str(), O_RDWR | O_CLOEXEC));
	if (!loop)
		fail(loop_path(number), errno);
	return loop;
}

}  // namespace

FileIdentity identity_of(int fd, const std::string &path)
{
	struct stat file;
	if (fstat(fd, &file) != 0)
		fail(path, errno);
	return {file.st_dev, file.st_ino};
}

std::string loop_path(unsigned number) { return kPrefix + std::to_string(number); }

unsigned loop_number(const std::string &path)
{
	const std::string digits = path.substr(std::string(kPrefix).size());
	if (path.rfind(kPrefix, 0) != 0 || digits.empty() || digits.size() > 7 ||
	    digits.find_first_not_of("0123456789") != std::string::npos)
		throw Failure(ExitCode::wrong_device, path + " is no loop device");
	return static_cast<unsigned>(std::stoul(digits));
}

unsigned free_loop()
{
	const Descriptor control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
	if (!control)
		fail("/dev/loop-control cannot be opened ('modprobe loop' makes it)", errno);
	const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
	if (number < 0)
		fail("there is no free loop device", errno);
	return static_cast<unsigned>(number);
}

std::vector<unsigned> likely_free_loops(size_t count)
{
	std::vector<unsigned> free;
	for (unsigned number = 0; free.size() < count; ++number) {
		std::error_code none;
		if (!std::filesystem::exists(fmt::format("/sys/block/loop{}/loop", number), none))
			free.push_back(number);
	}
	return free;
}

bool attach_loop(unsigned number, int file, const std::string &path, uint32_t sector_bytes,
		 uint32_t flags)
{
	const Descriptor loop = open_loop(number);
	loop_config config = {};
	config.fd = static_cast<uint32_t>(file);
	config.block_size = sector_bytes;
	config.info.lo_flags = flags;
	// Only for people to read: sysfs has the whole path.
	path.copy(reinterpret_cast<char *>(config.info.lo_file_name), LO_NAME_SIZE - 1);
	if (ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0)
		return true;
	if (errno != EBUSY)
		fail(fmt::format("{} cannot be attached to {}", path, loop_path(number)), errno);
	return false;
}

void detach_loop(unsigned number)
{
	const Descriptor loop = open_loop(number);
	if (ioctl(loop.get(), LOOP_CLR_FD) != 0 && errno != ENXIO)
		fail(loop_path(number) + " cannot be detached", errno);
}

std::optional<FileIdentity> behind_loop(unsigned number)
{
	const Descriptor loop(open(loop_path(number).c_str(), O_RDONLY | O_CLOEXEC));
	loop_info64 info = {};
	if (!loop || ioctl(loop.get(), LOOP_GET_STATUS64, &info) != 0)
		return std::nullopt;
	return FileIdentity{info.lo_device, info.lo_inode};
}

}  // namespace dmremap
