// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap serve MAIN SPARE: the engine as a block device, over NBD, without the kernel module.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <sstream>
#include <system_error>
#include <thread>

#include "frontend/control.h"
#include "frontend/nbd_server.h"
#include "host/open_failure.h"
#include "host/unix_socket.h"
#include "tools/dmremap/commands.h"
#include "tools/dmremap/format.h"
#include "tools/dmremap/permission.h"

namespace dmremap {
namespace {

namespace frontend = remap::frontend;
namespace host = remap::host;

struct Arguments {
	std::string name = "remap", socket, control;
	std::vector<std::string> bad;
	remap::u32 port = 0;
	bool format = false;
	FormatArguments formatting;
};

// Paths of sockets that are taken away at the end.
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
			const int fd = host::listen_on_socket(path, 0600);
			paths_.push_back(path);
			return fd;
		} catch (const host::OpenFailure &failure) {
			refuse(failure, path + " is there already; another device is served under "
					       "this name, or --name has to be another one");
		}
	}
	[[noreturn]] static void refuse(const host::OpenFailure &failure, const std::string &taken)
	{
		if (failure.error() == EADDRINUSE)
			throw Failure(ExitCode::busy, taken);
		throw Failure(exit_code_of(failure.error()), failure.what());
	}

private:
	std::vector<std::string> paths_;
};

// SIGTERM, SIGINT and SIGHUP, which are blocked in all threads.
class Signals final : public host::Completion {
public:
	Signals(host::Reactor &reactor, std::function<void()> stop)
	    : reactor_(reactor), stop_(std::move(stop))
	{
		fd_ = signalfd(-1, set(), SFD_CLOEXEC);
		arm();
	}
	~Signals() { close(fd_); }
	static void block() { pthread_sigmask(SIG_BLOCK, set(), nullptr); }

private:
	static const sigset_t *set()
	{
		static sigset_t signals;
		sigemptyset(&signals);
		for (const int one : {SIGTERM, SIGINT, SIGHUP})
			sigaddset(&signals, one);
		return &signals;
	}
	void arm()
	{
		reactor_.start(*this, [this](io_uring_sqe *sqe) {
			io_uring_prep_read(sqe, fd_, &info_, sizeof(info_), 0);
		});
	}
	void done(int) override
	{
		stop_();
		arm();
	}

	host::Reactor &reactor_;
	std::function<void()> stop_;
	int fd_;
	static inline signalfd_siginfo info_ = {}; // the ring may outlive us
};

// So that memory can be given back through this device: nothing of ours is swapped out to it, and what
// the kernel allocates for us does not wait for it. Without the privilege, neither.
void prepare_process()
{
	Signals::block();
	(void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

host::Faults faults_of(const std::vector<std::string> &words)
{
	host::Faults faults;
	for (const std::string &word : words) {
		remap::u64 first = 0, last = 0;
		char dash = 0;
		std::istringstream stream(word);
		const bool one = static_cast<bool>(stream >> first) && stream.eof();
		const bool range = !one && stream >> dash >> last && dash == '-' && stream.eof();
		if (!one && (!range || last < first))
			throw Failure(ExitCode::wrong_arguments,
				      fmt::format("--fail-sectors '{}' is neither a sector nor a "
						  "range FIRST-LAST",
						  word));
		faults.add(first, one ? 1 : last - first + 1);
	}
	return faults;
}

// A server that was killed has its devices for a moment longer, until the kernel has ended its I/O.
std::unique_ptr<DeviceFile> open_when_free(const std::string &path)
{
	constexpr int kTries = 40;
	constexpr std::chrono::milliseconds kSoon(50);
	for (int i = 1;; ++i) {
		try {
			return open_device(path, Access::read_write);
		} catch (const Failure &failure) {
			if (failure.code() != ExitCode::busy || i == kTries)
				throw;
		}
		std::this_thread::sleep_for(kSoon);
	}
}

// A file has no logical block of its own: that of the set it belongs to, or a sector.
remap::Geometry geometry_of(const DeviceFile &main, const DeviceFile &spare, bool has_set)
{
	const bool unknown = !main.is_block_device() && has_set;
	return {main.sectors(), spare.sectors(),
		unknown ? 0 : main.logical_block() / remap::kSectorBytes,
		main.physical_block() / remap::kSectorBytes};
}

void make_run_directory()
{
	const std::string path = host::run_directory();
	if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
		throw Failure(exit_code_of(errno), fmt::format("{}: {}", path, strerror(errno)));
}

class Service {
public:
	Service(const Arguments &given, const remap::Terms &terms)
	    : given_(given), faults_(faults_of(given.bad)),
	      main_(open_when_free(given.formatting.main)),
	      spare_(open_when_free(given.formatting.spare)),
	      host_(reactor_, *main_, *spare_, faults_, given.name), volume_(reactor_, host_)
	{
		require_devices(*main_, *spare_);
		main_->go_direct();
		spare_->go_direct();
		terms_ = terms;
	}

	void run()
	{
		make_run_directory();
		const int control = sockets_.listen(
			given_.control.empty() ? host::socket_path(given_.name) : given_.control);
		const int listener = listen();
		open();
		frontend::nbd::Server nbd(volume_, shown(), listener);
		frontend::Control messages(volume_, control,
					   main_->path() + ' ' + spare_->path(),
					   [this] { return asked_to_stop(); });
		Signals signals(reactor_, [&] { stop(nbd); });
		reactor_.each_turn.push_back([&] {
			if (asked_.exchange(false))
				stop(nbd);
			nbd.each_turn();
			if (nbd.over())
				reactor_.stop();
		});
		fmt::print("{}\n", address());
		std::fflush(stdout);
		reactor_.run();
		messages.finish();
		volume_.close();
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
			return frontend::nbd::listen_on_port(static_cast<remap::u16>(given_.port));
		} catch (const host::OpenFailure &failure) {
			Sockets::refuse(failure, fmt::format("port {} of 127.0.0.1 is in use",
							     given_.port));
		}
	}
	frontend::nbd::Export shown()
	{
		return {given_.name, volume_.sectors() * remap::kSectorBytes,
			volume_.block_bytes()};
	}
	void open()
	{
		remap::Refusal why;
		const remap::Status opened = volume_.open(
			geometry_of(*main_, *spare_, !terms_.set.nil()), terms_, why);
		if (!opened.ok())
			throw Failure(exit_code_of(opened.error()),
				      fmt::format("{}: {}", spare_->path(),
						  why.any() ? why.text()
							    : remap::text_of(opened.error())));
	}
	void stop(frontend::nbd::Server &nbd)
	{
		volume_.presuspend();
		nbd.finish();
	}
	// In a thread of the control socket.
	std::string asked_to_stop()
	{
		if (host_.device_open())
			return fmt::format("{} is in use: a client is connected", given_.name);
		asked_.store(true);
		reactor_.wake();
		return "";
	}

	const Arguments &given_;
	const host::Faults faults_;
	std::unique_ptr<DeviceFile> main_;
	std::unique_ptr<DeviceFile> spare_;
	host::Reactor reactor_;
	host::ServingHost host_;
	host::Volume volume_;
	remap::Terms terms_;
	Sockets sockets_;
	std::atomic<bool> asked_{false};
};

void require_arguments(const Arguments &given)
{
	if (given.name.empty() || given.name.find('/') != std::string::npos)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("--name '{}' is not the name of a file", given.name));
	const FormatArguments &f = given.formatting;
	if ((f.max_extents || f.permission.overwrite || !f.permission.wipe_set.empty() ||
	     f.consent.dry_run) &&
	    !given.format)
		throw Failure(ExitCode::wrong_arguments,
			      "--max-extents, --overwrite, --wipe-set and --dry-run say how a set "
			      "is made: give --format with them");
}

void run(const Arguments &given)
{
	require_arguments(given);
	const FormatArguments &to = given.formatting;
	const std::string identity = to.identity();
	const std::string set = given.format ? format_spare(to) : set_on(to.spare);
	if (to.consent.dry_run)
		return;
	remap::Terms terms;
	if (!set.empty())
		terms.set = uuid_of("set", set);
	std::copy(identity.begin(), identity.end(), terms.main_id);
	prepare_process();
	try {
		Service(given, terms).run();
	} catch (const std::system_error &error) {
		throw Failure(ExitCode::wrong_device,
			      fmt::format("this kernel offers no io_uring: {}",
					  error.code().message()));
	}
}

}  // namespace

void add_serve(CLI::App &program)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"serve", "Serve MAIN with its remaps as a network block device; no kernel module");
	command->add_option("MAIN", given->formatting.main, "the disk, or an image file")
		->required();
	command->add_option("SPARE", given->formatting.spare,
			    "the device or image file that takes remaps")
		->required();
	command->add_option("--name", given->name, "what other subcommands call the device");
	auto *socket = command->add_option("--socket", given->socket,
					   "path of the NBD socket; by default NAME.nbd in "
					   "/run/dm-remap, or below XDG_RUNTIME_DIR");
	command->add_option("--control", given->control,
			    "path of the control socket, by which other subcommands find the device; "
			    "by default NAME.control, there too");
	command->add_option("--port", given->port, "NBD on this port of 127.0.0.1 instead")
		->check(CLI::Range(1, 65535))
		->excludes(socket);
	command->add_flag("--format", given->format,
			  "make a set on the spare first, as 'dmremap format' does");
	given->formatting.add_options(*command);
	command->add_option("--fail-sectors", given->bad,
			    "for trying it out: I/O to these sectors of main fails (N or FIRST-LAST)")
		->delimiter(',')
		->allow_extra_args(false);
	command->footer("Runs until SIGTERM or 'dmremap remove NAME'.");
	command->callback([given] { run(*given); });
}

}  // namespace dmremap
