// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nbdkit/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "tools/dmremap/main_identity.h"

namespace dmremap {
namespace {

remap::Terms terms_of(const Parameters &given)
{
	remap::Terms terms;
	const std::string set = given.set.empty() ? set_on(given.spares) : given.set;
	if (!set.empty())
		terms.set = uuid_of("set", set);
	const std::string identity = given.main_id ? *given.main_id : main_identity(given.main);
	if (identity.size() > remap::kMainIdBytes)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("main-id has {} characters; at most {} can be stored",
					  identity.size(), remap::kMainIdBytes));
	std::copy(identity.begin(), identity.end(), terms.main_id);
	return terms;
}

// In the process that asks for it, since what it is told after the fork nobody reads.
void require_io_uring()
{
	try {
		const remap::host::Reactor tried;
	} catch (const remap::host::RingFailure &error) {
		throw no_io_uring(error);
	}
}

}  // namespace

Server::Server(const Parameters &given, std::function<void()> stop)
    : name_(given.name.empty() ? "dm-remap" : given.name), stop_(std::move(stop))
{
	if (given.main.empty() || given.spares.empty())
		throw Failure(ExitCode::wrong_arguments, given.main.empty() ? "main=FILE is required"
									    : "spare=FILE is required");
	if (given.name.find('/') != std::string::npos)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("name '{}' is not the name of a file", given.name));
	require_io_uring();
	const remap::Policy policy = policy_of(given.spares, given.features);
	const remap::Terms terms = terms_of(given);
	set_.emplace(reactor_, given.main, given.spares, faults_of(given.bad), name_);
	listen(given);
	set_->open(terms, policy);
}

void Server::listen(const Parameters &given)
{
	if (given.name.empty() && given.control.empty())
		return;
	if (given.control.empty())
		make_run_directory();
	listener_ = sockets_.listen(given.control.empty() ? remap::host::socket_path(given.name)
							  : given.control);
}

// The ring is made by the thread that uses it, and belongs to the process that makes it.
void Server::begin()
{
	std::promise<std::string> ready;
	std::future<std::string> why = ready.get_future();
	thread_ = std::thread(
		[this, &ready] { run([&ready](const std::string &said) { ready.set_value(said); }); });
	const std::string said = why.get();
	if (!said.empty()) {
		thread_.join();
		throw Failure(ExitCode::wrong_device, said);
	}
	if (listener_ >= 0)
		control_.emplace(
			volume(), listener_, [this] { return asked_to_stop(); },
			[this](const std::string &path) { return reload(path); });
}

void Server::run(std::function<void(const std::string &)> ready)
{
	try {
		reactor_.make_ring();
	} catch (const remap::host::RingFailure &error) {
		ready(no_io_uring(error).what());
		return;
	}
	volume().begin();
	bool ends = false;
	reactor_.each_turn.push_back([this, ends]() mutable {
		if (ending_.load() && !std::exchange(ends, true))
			volume().presuspend();
		if (ends && volume().quiet())
			reactor_.stop();
	});
	ready("");
	reactor_.run();
}

void Server::end()
{
	if (!thread_.joinable())
		return;
	ending_.store(true);
	reactor_.wake();
	thread_.join();
	if (control_)
		control_->finish();
	volume().close();
}

// In a thread of the control socket.
std::string Server::asked_to_stop()
{
	if (volume().host().users() > 0)
		return fmt::format("{} is in use: a client is connected", name_);
	stop_();
	return "";
}

// In a thread of the control socket.
remap::frontend::Reply Server::reload(const std::string &path)
{
	const remap::frontend::Reply reply = set_->reload(path);
	if (volume().broken())
		stop_();
	return reply;
}

}  // namespace dmremap
