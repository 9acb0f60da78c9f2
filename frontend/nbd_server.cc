// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/nbd_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/open_failure.h"

namespace remap::frontend::nbd {

namespace {

__kernel_timespec kPause = {0, 100'000'000};

}  // namespace

Server::Server(host::Volume &volume, const Export &shown, int listener)
    : volume_(volume), shown_(shown), listener_(listener)
{
	accept();
}

Server::~Server() { close(listener_); }

void Server::accept()
{
	if (accepting_ || pausing_ || finishing_ || connections_.size() == kMaxConnections)
		return;
	accepting_ = true;
	volume_.reactor().start(*this, [&](io_uring_sqe *sqe) {
		io_uring_prep_accept(sqe, listener_, nullptr, nullptr, SOCK_CLOEXEC);
	});
}

void Server::done(int result)
{
	accepting_ = false;
	if (result >= 0 && finishing_) {
		close(result);
	} else if (result >= 0) {
		const int yes = 1;
		setsockopt(result, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); // fails on Unix ones
		try {
			connections_.emplace_back(*this, result);
		} catch (const std::bad_alloc &) {
			close(result);
			volume_.host().log_limited("warning: an NBD client is refused, for want of "
						   "memory");
		}
	} else if (!finishing_ && result != -EINTR && result != -ECONNABORTED) {
		return pause();
	}
	accept();
}

void Server::pause()
{
	pausing_ = true;
	volume_.reactor().start(pause_, [](io_uring_sqe *sqe) {
		io_uring_prep_timeout(sqe, &kPause, 0, 0);
	});
}

void Server::Pause::done(int)
{
	server.pausing_ = false;
	server.accept();
}

void Server::finish()
{
	finishing_ = true;
	looks_ = true;
	shutdown(listener_, SHUT_RDWR); // ends the accept that waits
	for (Connection &connection : connections_)
		connection.finish();
}

void Server::each_turn()
{
	for (Connection &connection : connections_)
		connection.each_turn();
	if (!looks_)
		return;
	looks_ = false;
	connections_.remove_if([](const Connection &one) { return one.over(); });
	accept();
}

int listen_on_port(u16 port)
{
	sockaddr_in address = {};
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int yes = 1;
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd >= 0 && bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)) == 0 &&
	    listen(fd, static_cast<int>(Server::kMaxConnections)) == 0)
		return fd;
	const int error = errno;
	if (fd >= 0)
		close(fd);
	throw host::OpenFailure(error, "port " + std::to_string(port) + " of 127.0.0.1: " +
					       std::strerror(error));
}

}  // namespace remap::frontend::nbd
