// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets: those at which a server listens; their paths are taken away at the end.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "host/open_failure.h"
#include "host/unix_socket.h"
#include "tools/common/failure.h"

namespace dmremap {

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
			const int fd = remap::host::listen_on_socket(path, 0600);
			paths_.push_back(path);
			return fd;
		} catch (const remap::host::OpenFailure &failure) {
			refuse(failure, path + " is there already; another device is served under "
					       "this name, or --name has to be another one");
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
