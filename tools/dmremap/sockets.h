// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets: those at which a server listens; their paths are taken away at the end.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "host/open_failure.h"
#include "host/unix_socket.h"
#include "tools/common/failure.h"

namespace dmremap {

// Where sockets are that have no path of their own. That of users without XDG_RUNTIME_DIR is in /tmp,
// where somebody else might have made it. Throws Failure.
inline void make_run_directory()
{
	const std::string path = remap::host::run_directory();
	if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
		throw Failure(exit_code_of(errno), path + ": " + strerror(errno));
	struct stat found;
	if (lstat(path.c_str(), &found) != 0)
		throw Failure(exit_code_of(errno), path + ": " + strerror(errno));
	if (!S_ISDIR(found.st_mode) || found.st_uid != geteuid() ||
	    (found.st_mode & (S_IWGRP | S_IWOTH)))
		throw Failure(ExitCode::no_permission,
			      path + " is not a directory that you alone can write to");
}

class Sockets {
public:
	~Sockets()
	{
		for (const std::string &path : paths_)
			unlink(path.c_str());
	}
	int listen(const std::string &path)
	{
		try {
			const int fd = when_free([&] {
				return remap::host::listen_on_socket(path, 0600);
			});
			paths_.push_back(path);
			return fd;
		} catch (const remap::host::OpenFailure &failure) {
			refuse(failure, path + " is there already; another device is served under "
					       "this name, or --name has to be another one");
		}
	}
	// A server that was killed still listens for a moment, until the kernel has ended its I/O.
	template <class Listen> static int when_free(Listen &&listen)
	{
		constexpr int kTries = 40;
		constexpr std::chrono::milliseconds kSoon(50);
		for (int i = 1;; ++i) {
			try {
				return listen();
			} catch (const remap::host::OpenFailure &failure) {
				if (failure.error() != EADDRINUSE || i == kTries)
					throw;
			}
			std::this_thread::sleep_for(kSoon);
		}
	}
	[[noreturn]] static void refuse(const remap::host::OpenFailure &failure,
					const std::string &taken)
	{
		if (failure.error() == EADDRINUSE)
			throw Failure(ExitCode::busy, taken);
		throw Failure(exit_code_of(failure.error()), failure.what());
	}

private:
	std::vector<std::string> paths_;
};

} // namespace dmremap
