// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "host/open_failure.h"

namespace remap::host {
namespace {

constexpr int kBacklog = 32;

bool fill(sockaddr_un *address, const std::string &path)
{
	*address = {};
	address->sun_family = AF_UNIX;
	if (path.size() >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	path.copy(address->sun_path, path.size());
	return true;
}

// false: something else than a socket that was left behind.
bool take_away_leftover(const std::string &path)
{
	struct stat found;
	if (lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode))
		return false;
	const int fd = connect_to_socket(path);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ECONNREFUSED && unlink(path.c_str()) == 0;
}

}  // namespace

int connect_to_socket(const std::string &path)
{
	sockaddr_un address;
	if (!fill(&address, path))
		return -1;
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)) == 0)
		return fd;
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int listen_on_socket(const std::string &path, unsigned mode)
{
	sockaddr_un address;
	int error = ENAMETOOLONG;
	if (fill(&address, path)) {
		const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		const auto *plain = reinterpret_cast<sockaddr *>(&address);
		const mode_t before = umask(0777 & ~mode);
		bool bound = fd >= 0 && bind(fd, plain, sizeof(address)) == 0;
		error = errno;
		if (fd >= 0 && !bound && error == EADDRINUSE && take_away_leftover(path)) {
			bound = bind(fd, plain, sizeof(address)) == 0;
			error = errno;
		}
		umask(before);
		if (bound && listen(fd, kBacklog) == 0)
			return fd;
		error = bound ? errno : error;
		if (fd >= 0)
			close(fd);
	}
	throw OpenFailure(error, path + ": " + std::strerror(error));
}

std::string run_directory()
{
	if (geteuid() == 0)
		return "/run/dm-remap";
	const char *own = std::getenv("XDG_RUNTIME_DIR");
	return own && *own ? std::string(own) + "/dm-remap"
			   : "/tmp/dm-remap-" + std::to_string(geteuid());
}

std::string socket_path(const std::string &name)
{
	if (name.find('/') != std::string::npos)
		return name;
	return run_directory() + "/" + name + ".control";
}

}  // namespace remap::host
