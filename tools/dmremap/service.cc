// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/service.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <mutex>

#include "frontend/control.h"
#include "frontend/nbd_server.h"
#include "host/stop_signals.h"
#include "tools/dmremap/attachment.h"
#include "tools/dmremap/serving_set.h"
#include "tools/dmremap/sockets.h"
#include "tools/dmremap/ublk_device.h"

namespace dmremap {
namespace {

namespace frontend = remap::frontend;
namespace host = remap::host;

// Keeps all memory, that of later clients too. Where a limit holds it keeps none: the memory for a client
// might be beyond it, and would then be refused, locked or not. Below a limit of 0 the privileged alone
// may lock, so an attempt tells who is.
void keep_memory()
{
	rlimit limit = {};
	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return;
	const rlimit none = {0, limit.rlim_max};
	const bool limited = limit.rlim_cur != RLIM_INFINITY;
	if (limited && setrlimit(RLIMIT_MEMLOCK, &none) != 0)
		return;
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	if (limited)
		(void)setrlimit(RLIMIT_MEMLOCK, &limit);
}

// So that memory can be given back through this device: nothing of ours is swapped out to it, and
// what the kernel allocates for us does not wait for it. Without the privilege, neither.
void prepare_process()
{
	host::StopSignals::block();
	(void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	keep_memory();
}

class Service {
public:
	Service(const ServiceArguments &given, const remap::Terms &terms)
	    : given_(given), terms_(terms),
	      set_(reactor_, given.main, given.spares, faults_of(given.bad), given.name),
	      volume_(set_.volume())
	{
	}

	void run()
	{
		make_run_directory();
		const int control = sockets_.listen(
			given_.control.empty() ? host::socket_path(given_.name) : given_.control);
		const int listener = listen();
		set_.open(terms_, given_.policy);
		volume_.begin();
		frontend::nbd::Server nbd(volume_, shown(), listener);
		mount();
		frontend::Control messages(
			volume_, control, [this] { return asked_to_stop(); },
			[this](const std::string &path) { return reload(path); });
		host::StopSignals signals(reactor_, [&] { stop(nbd); });
		fmt::print("{}\n", address());
		std::fflush(stdout);
		attach();
		reactor_.each_turn.push_back([&] {
			if (asked_.exchange(false))
				stop(nbd);
			nbd.each_turn();
			if (device_)
				device_->each_turn();
			if (nbd.over() && (!device_ || device_->over()) && volume_.quiet())
				reactor_.stop();
		});
		reactor_.run();
		messages.finish();
		device_.reset();
		volume_.close();
		if (!failure_.empty())
			throw Failure(ExitCode::wrong_device, failure_);
	}

private:
	std::string nbd_path() const
	{
		return given_.socket.empty() ? host::run_directory() + "/" + given_.name + ".nbd"
					     : given_.socket;
	}
	std::string address() const
	{
		return given_.port ? fmt::format("nbd://127.0.0.1:{}", given_.port)
				   : fmt::format("nbd+unix:///?socket={}", nbd_path());
	}
	int listen()
	{
		if (!given_.port)
			return sockets_.listen(nbd_path());
		try {
			return Sockets::when_free([this] {
				return frontend::nbd::listen_on_port(
					static_cast<remap::u16>(given_.port));
			});
		} catch (const host::OpenFailure &failure) {
			Sockets::refuse(failure,
					fmt::format("port {} of 127.0.0.1 is in use", given_.port));
		}
	}
	frontend::nbd::Export shown()
	{
		return {given_.name, volume_.sectors() * remap::kSectorBytes,
			volume_.block_bytes()};
	}
	bool any_device() const { return given_.device == "auto"; }
	// The block device beside NBD, before anybody can ask for it. What was not asked for by name may be
	// missing.
	void mount()
	{
		if (given_.device == "none")
			return;
		try {
			device_ = make_device();
		} catch (const host::OpenFailure &failure) {
			if (!any_device())
				throw Failure(exit_code_of(failure.error()), failure.what());
			fmt::print(stderr, "dmremap: no block device, only NBD: {}\n", failure.what());
		}
	}
	void attach()
	{
		if (!device_)
			return;
		const bool any = any_device();
		const auto attached = [](const std::string &path) {
			fmt::print("{}\n", path);
			std::fflush(stdout);
		};
		device_->attach(attached, [this, any](const std::string &why) {
			if (any) {
				fmt::print(stderr, "dmremap: no block device, only NBD: {}\n", why);
				return;
			}
			end_with(why);
		});
	}
	// In any thread.
	void end_with(const std::string &why)
	{
		{
			const std::lock_guard<std::mutex> held(failure_mutex_);
			failure_ = why;
		}
		asked_.store(true);
		reactor_.wake();
	}
	// In a thread of the control socket.
	frontend::Reply reload(const std::string &path)
	{
		const frontend::Reply reply = set_.reload(path);
		if (volume_.broken())
			end_with(fmt::format("the set of {} cannot be loaded any more, so its I/O "
					     "fails: {}",
					     given_.name, reply.text));
		return reply;
	}
	std::unique_ptr<ServedDevice> make_device()
	{
		const bool any = any_device();
		if (given_.device == "ublk")
			return std::make_unique<UblkDevice>(volume_, given_.name);
		if (any && UblkDevice::usable()) {
			try {
				return std::make_unique<UblkDevice>(volume_, given_.name);
			} catch (const host::OpenFailure &) {
				// The next best does as well.
			}
		}
		const bool loop = given_.device == "loop" || (any && geteuid() == 0);
		return std::make_unique<Attachment>(volume_, given_.name,
						    loop ? DeviceKind::loop : DeviceKind::file);
	}
	void stop(frontend::nbd::Server &nbd)
	{
		volume_.presuspend();
		nbd.finish();
		if (device_)
			device_->detach();
	}
	// In a thread of the control socket.
	std::string asked_to_stop()
	{
		const int others = device_ ? static_cast<int>(device_->users()) : 0;
		if (volume_.host().users() > others)
			return fmt::format("{} is in use: a client is connected", given_.name);
		if (device_ && device_->in_use())
			return fmt::format("{} is in use: its block device or file is", given_.name);
		asked_.store(true);
		reactor_.wake();
		return "";
	}

	const ServiceArguments &given_;
	const remap::Terms terms_;
	host::Reactor reactor_;
	ServingSet set_;
	host::Volume &volume_;
	Sockets sockets_;
	std::unique_ptr<ServedDevice> device_;
	std::mutex failure_mutex_;
	std::string failure_; // of the device or the set, for whoever waits for the end
	std::atomic<bool> asked_{false};
};

} // namespace

void run_service(const ServiceArguments &given, const remap::Terms &terms)
{
	prepare_process();
	try {
		Service(given, terms).run();
	} catch (const host::RingFailure &error) {
		throw no_io_uring(error);
	}
}

} // namespace dmremap
