// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap demo: what the engine does, told step by step, on two files. No root, no module.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

#include "tools/common/child.h"
#include "tools/common/failure.h"
#include "tools/dmremap/commands.h"

namespace dmremap {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMainMiB = 64;
constexpr unsigned kSpareMiB = 16;
constexpr unsigned kFiles = 40;
constexpr unsigned kSectorsPerMiB = 2048;
constexpr unsigned kBadSectors = 8; // in each MiB but the first: a block of 4 KiB

class Demo {
public:
	Demo() : directory_(make_directory()), name_(fmt::format("demo-{}", getpid()))
	{
		fs::current_path(directory_);
	}
	~Demo()
	{
		server_.reset();
		std::error_code none;
		fs::current_path("/", none);
		fs::remove_all(directory_, none);
	}
	Demo(const Demo &) = delete;
	Demo &operator=(const Demo &) = delete;

	void run()
	{
		make_disks();
		start();
		proves(fmt::format("The engine serves them as one device. {} of its blocks take no "
				   "write and give no read.",
				   kMainMiB - 1));
		fill();
		look();
		move_by_hand();
		kill_and_look_again();
		leave();
		fmt::print("All {} steps hold.\n", steps_);
	}

private:
	static std::string make_directory()
	{
		std::string path = fs::temp_directory_path() / "dmremap-demo-XXXXXX";
		if (!mkdtemp(path.data()))
			throw Failure(exit_code_of(errno),
				      fmt::format("{}: {}", path, strerror(errno)));
		return path;
	}

	void proves(const std::string &sentence)
	{
		fmt::print("{:2}. {}\n", ++steps_, sentence);
		std::fflush(stdout);
	}
	static void show(const std::string &line)
	{
		fmt::print("    {}\n", line);
		std::fflush(stdout);
	}

	// Shows the command and the first lines of what it says. Throws Failure.
	void command(const std::vector<std::string> &words)
	{
		constexpr unsigned kLines = 8;
		unsigned lines = 0;
		show("$ " + shown(words));
		quiet(words, [&](const std::string &line) {
			if (++lines <= kLines)
				show(line);
		});
		if (lines > kLines)
			show(fmt::format("... {} lines more", lines - kLines));
	}
	template <class Each>
	static std::string quiet(const std::vector<std::string> &words, Each &&each)
	{
		Child child(words);
		std::string line, all;
		while (child.read_line(&line)) {
			each(line);
			all += line + "\n";
		}
		if (child.wait() != 0)
			throw Failure(ExitCode::wrong_device,
				      fmt::format("'{}' failed: {}", shown(words), all));
		return all;
	}
	static std::string shown(const std::vector<std::string> &words)
	{
		std::string text;
		for (const std::string &word : words) {
			const std::string known = word == self() ? "dmremap" : word;
			text += (text.empty() ? "" : " ") + known;
		}
		return text.size() > 120 ? text.substr(0, 117) + "..." : text;
	}
	static std::string self() { return fs::read_symlink("/proc/self/exe"); }
	static std::string bad_sectors()
	{
		std::string list;
		for (unsigned mib = 1; mib < kMainMiB; ++mib) {
			const unsigned first = kSectorsPerMiB * mib + kBadSectors * mib;
			list += fmt::format("{}{}-{}", list.empty() ? "" : ",", first,
					    first + kBadSectors - 1);
		}
		return list;
	}

	void make_disks()
	{
		for (const auto &[name, mib] :
		     {std::pair{"main.img", kMainMiB}, std::pair{"spare.img", kSpareMiB}}) {
			std::ofstream(name).close();
			fs::resize_file(name, uintmax_t{mib} << 20);
		}
		proves(fmt::format(
			"Two files are the disks: a failing one of {} MiB and a spare of {} MiB.",
			kMainMiB, kSpareMiB));
	}

	// The server tells its address, then the path of the file.
	void start()
	{
		const std::vector<std::string> words = {
			self(), "serve",    "main.img", "spare.img",	  "--name",
			name_,	"--device", "file",	"--fail-sectors", bad_sectors()};
		show("$ " + shown(words));
		server_ = std::make_unique<Child>(words, "server.log");
		std::string address;
		if (!server_->read_line(&address) || !server_->read_line(&device_))
			throw Failure(code_of(server_->wait()),
				      "the server did not start: " + reason());
		show(device_);
	}

	static ExitCode code_of(int status)
	{
		return status < 1 || status > static_cast<int>(ExitCode::busy)
			       ? ExitCode::wrong_device
			       : static_cast<ExitCode>(status);
	}
	// The last line that the server wrote, without the program's name.
	static std::string reason()
	{
		std::ifstream log("server.log");
		std::string line, last;
		while (std::getline(log, line))
			last = line;
		const std::string name = "dmremap: ";
		return last.rfind(name, 0) == 0 ? last.substr(name.size()) : last;
	}

	void make_files()
	{
		std::mt19937 random(1);
		fs::create_directory("files");
		for (unsigned i = 0; i < kFiles; ++i) {
			std::ofstream file(fmt::format("files/{:02}", i));
			for (unsigned n = 2000 + random() % 13000; n; --n)
				file << random() << (n % 10 ? ' ' : '\n');
			if (!file.flush())
				throw Failure(ExitCode::wrong_device,
					      directory_ + ": files cannot be written");
		}
	}

	void fill()
	{
		make_files();
		command({"mkfs.ext4", "-q", "-F", "-d", "files", device_});
		command({"e2fsck", "-fn", device_});
		compare("before");
		proves(fmt::format("A file system was made and filled through it: {} files, and no "
				   "program has seen an error.",
				   kFiles));
	}

	// All files, as they are on the device, with those that were copied.
	void compare(const char *name)
	{
		fs::create_directory(name);
		quiet({"debugfs", "-R", "rdump / " + std::string(name), device_},
		      [](const std::string &) {});
		for (const fs::directory_entry &file : fs::directory_iterator("files")) {
			const std::string there =
				std::string(name) + "/" + file.path().filename().string();
			if (text_of(file.path()) != text_of(there))
				throw Failure(ExitCode::wrong_device,
					      file.path().string() + " is not what was written");
		}
	}
	static std::string text_of(const fs::path &path)
	{
		std::ostringstream text;
		text << std::ifstream(path).rdbuf();
		return text.str();
	}

	// The value of a line "KEY VALUE" of what `dmremap status` says.
	uint64_t value_of(const std::string &wanted)
	{
		std::istringstream lines(
			quiet({self(), "status", name_}, [](const std::string &) {}));
		for (std::string line; std::getline(lines, line);) {
			std::istringstream words(line);
			std::string key;
			uint64_t value = 0;
			if (words >> key >> value && key == wanted)
				return value;
		}
		throw Failure(ExitCode::wrong_device, "the status has no line " + wanted);
	}

	void look()
	{
		command({self(), "list", name_});
		const uint64_t moved = value_of("mapped_sectors");
		if (!moved || value_of("write_errors"))
			throw Failure(ExitCode::wrong_device, "no bad block was moved");
		proves(fmt::format("That is why: {} bad sectors were to be written, and are on the "
				   "spare now.",
				   moved));
	}

	void move_by_hand()
	{
		const uint64_t before = value_of("mapped_sectors");
		command({self(), "relocate", name_, "82944", "128"});
		if (value_of("mapped_sectors") != before + 128)
			throw Failure(ExitCode::wrong_device, "128 sectors were to be moved");
		compare("moved");
		proves("Sectors can be moved before they fail, while the device is in use.");
	}

	void kill_and_look_again()
	{
		show("$ kill -9 the server");
		server_->send(SIGKILL);
		server_->wait();
		start();
		command({"e2fsck", "-fn", device_});
		compare("after");
		proves("Nothing is lost with the process: what was flushed is there, and so are "
		       "the "
		       "remaps.");
	}

	void leave()
	{
		command({self(), "remove", name_});
		server_->wait();
		command({self(), "check", "spare.img", "--main", "main.img"});
		proves("The set is closed and whole. The kernel target would go on with it as it "
		       "is.");
	}

	const std::string directory_;
	const std::string name_;
	std::unique_ptr<Child> server_;
	std::string device_;
	unsigned steps_ = 0;
};

} // namespace

void add_demo(CLI::App &program)
{
	CLI::App *command = program.add_subcommand(
		"demo", "Show on two files how bad sectors disappear; no root, no module");
	command->footer("Needs FUSE and e2fsprogs. Nothing is left behind.");
	command->callback([] { Demo().run(); });
}

} // namespace dmremap
