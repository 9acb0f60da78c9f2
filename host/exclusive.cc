// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/exclusive.h"

#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "host/open_failure.h"

namespace remap::host {
namespace {

namespace fs = std::filesystem;

// The file as sysfs names it may have been renamed or deleted since; then it is nobody's by name.
bool is_backed_by(const fs::path &backing_file, const struct stat &file)
{
	std::ifstream stream(backing_file);
	std::string path;
	struct stat behind;
	return std::getline(stream, path) && stat(path.c_str(), &behind) == 0 &&
	       behind.st_dev == file.st_dev && behind.st_ino == file.st_ino;
}

}  // namespace

std::string loop_device_of(const struct stat &file)
{
	std::error_code none;
	for (const fs::directory_entry &entry : fs::directory_iterator("/sys/block", none)) {
		const std::string name = entry.path().filename();
		if (name.rfind("loop", 0) == 0 &&
		    is_backed_by(entry.path() / "loop/backing_file", file))
			return "/dev/" + name;
	}
	return "";
}

void take_file(int fd, const std::string &path)
{
	struct stat file;
	if (fstat(fd, &file) != 0)
		throw OpenFailure(errno, path + ": " + strerror(errno));
	const std::string loop = loop_device_of(file);
	if (!loop.empty())
		throw OpenFailure(EBUSY, path + " is attached to " + loop +
						 "; name that device, or detach it (losetup -d)");
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		throw OpenFailure(EBUSY, path + " is in use by another program");
}

}  // namespace remap::host
