// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/served.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "host/unix_socket.h"
#include "tools/common/failure.h"

namespace dmremap {

bool Served::exists(const std::string &name)
{
	struct stat found;
	return stat(remap::host::socket_path(name).c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

Served::Served(const std::string &name)
    : path_(remap::host::socket_path(name)), socket_(remap::host::connect_to_socket(path_))
{
	if (socket_ < 0 && errno == ECONNREFUSED)
		throw Failure(ExitCode::wrong_device, path_ + ": its server is gone");
	if (socket_ < 0)
		throw Failure(exit_code_of(errno), path_ + ": " + strerror(errno));
}

Served::~Served() { close(socket_); }

void Served::lost() const
{
	throw Failure(ExitCode::wrong_device, path_ + ": the server has ended, or does not answer");
}

void Served::read_more()
{
	char more[4096];
	const ssize_t got = recv(socket_, more, sizeof(more), 0);
	if (got < 0 && errno == EINTR)
		return;
	if (got <= 0)
		lost();
	buffer_.append(more, static_cast<size_t>(got));
}

std::string Served::ask(const std::string &request)
{
	if (request.find('\n') != std::string::npos)
		throw Failure(ExitCode::wrong_arguments, "a message is one line");
	const std::string line = request + '\n';
	if (send(socket_, line.data(), line.size(), MSG_NOSIGNAL) !=
	    static_cast<ssize_t>(line.size()))
		lost();
	while (buffer_.find('\n') == std::string::npos)
		read_more();
	const size_t end = buffer_.find('\n');
	int error = 0;
	size_t bytes = 0;
	if (!(std::istringstream(buffer_.substr(0, end)) >> error >> bytes))
		lost();
	while (buffer_.size() < end + 1 + bytes)
		read_more();
	const std::string text = buffer_.substr(end + 1, bytes);
	buffer_.erase(0, end + 1 + bytes);
	if (error)
		throw Failure(exit_code_of(error), text.empty() ? strerror(error) : text);
	return text;
}

}  // namespace dmremap
