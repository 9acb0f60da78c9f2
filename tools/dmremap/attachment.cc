// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/attachment.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "host/unix_socket.h"
#include "tools/common/descriptor.h"
#include "tools/common/loop_device.h"
#include "tools/common/system_failure.h"

namespace dmremap {
namespace {

namespace fs = std::filesystem;

std::string directory_of(const std::string &name)
{
	return remap::host::run_directory() + "/" + name + ".device";
}

// The kernel may know its attributes still, so it is read.
bool is_dead(const std::string &directory)
{
	std::error_code error;
	(void)fs::is_empty(directory, error);
	return error.value() == ENOTCONN || error.value() == ECONNREFUSED || error.value() == ECONNABORTED;
}

// Whoever may not unmount has a program that may, for what he mounted himself.
void unmount(const std::string &directory)
{
	if (umount2(directory.c_str(), MNT_DETACH) == 0)
		return;
	const pid_t child = fork();
	if (child == 0) {
		execlp("fusermount3", "fusermount3", "-q", "-u", "-z", directory.c_str(), nullptr);
		_exit(127);
	}
	if (child > 0)
		waitpid(child, nullptr, 0);
}

// Loop devices over the file of a server that was killed: all they can do is fail.
void detach_dead_loops(const std::string &path)
{
	std::error_code none;
	for (const fs::directory_entry &entry : fs::directory_iterator("/sys/block", none)) {
		std::ifstream file(entry.path() / "loop" / "backing_file");
		std::string backing;
		if (!std::getline(file, backing) || backing != path)
			continue;
		const unsigned number = loop_number("/dev/" + entry.path().filename().string());
		detach_loop(number);
		fmt::print(stderr, "dmremap: detached {}, which a killed server left\n",
			   loop_path(number));
	}
}

// The directory that the file is mounted at.
std::string prepare_directory(const std::string &name)
{
	const std::string directory = directory_of(name);
	if (is_dead(directory)) {
		detach_dead_loops(directory + "/" + name);
		unmount(directory);
	}
	if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
		fail(directory, errno);
	std::error_code unreadable;
	const bool empty = fs::is_empty(directory, unreadable);
	if (unreadable)
		fail(directory, unreadable.value());
	if (!empty)
		throw Failure(ExitCode::busy, directory + " is in use: another device is served under "
						          "this name, or --name has to be another one");
	return directory;
}

Descriptor open_file(const std::string &path)
{
	Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
	if (!file)
		fail(path, errno);
	return file;
}

}  // namespace

Attachment::Attachment(remap::host::Volume &volume, const std::string &name, DeviceKind kind)
    : ServedDevice(volume), directory_{prepare_directory(name)}, path_(directory_.path + "/" + name),
      kind_(kind), file_(volume, directory_.path, name)
{
	file_.start();
}

Attachment::Directory::~Directory() { rmdir(path.c_str()); }

std::string Attachment::make()
{
	if (kind_ != DeviceKind::loop)
		return path_;
	const Descriptor file = open_file(path_);
	for (;;) {
		const unsigned number = free_loop();
		if (!attach_loop(number, file.get(), path_, volume_.block_bytes(),
				 LO_FLAGS_DIRECT_IO | LO_FLAGS_PARTSCAN))
			continue;
		loop_.store(static_cast<int>(number));
		return loop_path(number);
	}
}

void Attachment::take_away()
{
	const int number = loop_.load();
	if (number == kNone)
		return;
	if (loop_is_taken())
		sync();
	try {
		detach_loop(static_cast<unsigned>(number));
	} catch (const Failure &failure) {
		fmt::print(stderr, "dmremap: {}\n", failure.what());
	}
}

bool Attachment::loop_is_taken() const
{
	const int number = loop_.load();
	return number != kNone && is_taken(loop_path(static_cast<unsigned>(number)));
}

bool Attachment::in_use() { return file_.users() > (loop_.load() != kNone ? 1u : 0u) || loop_is_taken(); }

}  // namespace dmremap
