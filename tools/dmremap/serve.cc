// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap serve MAIN SPARE...: the engine as a block device without the kernel module: over NBD, and as
// a ublk or loop device or a file.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/format.h"
#include "tools/dmremap/permission.h"
#include "tools/dmremap/service.h"
#include "tools/dmremap/serving_set.h"

namespace dmremap {
namespace {

struct Arguments {
	ServiceArguments service;
	bool format = false;
	FormatArguments formatting;
	std::vector<std::string> features; // what is done about errors, as words of a table line
};

// --on-write-error and so on: the options that are features of a table line.
void add_features(CLI::App *command, const std::shared_ptr<Arguments> &given)
{
	const auto add = [&](const std::string &name, const char *feature, const char *help) {
		command->add_option_function<std::string>(
			name,
			[given, feature](const std::string &value) {
				given->features.push_back(feature);
				given->features.push_back(value);
			},
			help);
	};
	add("--on-write-error", "on_write_error", "remap (when not given) or fail");
	add("--on-read-error", "on_read_error", "retry (when not given) or fail");
	add("--retries", "retries", "how often a failed read is tried again: 0 to 100, by default 3");
	add("--budget", "budget",
	    "REMAPS/SECONDS: how many remaps errors may cause in a window, by default 2048/3600");
	add("--scan-rate", "scan_rate",
	    "sectors per second that are read in the background, by default 0: when an operator "
	    "starts it");
	command->add_flag_callback(
		"--heal", [given] { given->features.push_back("heal"); },
		"try a write to a pending sector on main first");
	command->add_flag_callback(
		"--allow-degraded", [given] { given->features.push_back("allow_degraded"); },
		"start although spares that the set records as gone are missing; what is on them gives "
		"errors");
}

void require_arguments(const Arguments &given)
{
	const std::string &name = given.service.name;
	if (name.empty() || name.find('/') != std::string::npos)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("--name '{}' is not the name of a file", name));
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
	const remap::Policy policy = policy_of(given.formatting.spares, given.features);
	const FormatArguments &to = given.formatting;
	const std::string identity = to.identity();
	const std::string set = given.format ? format_spare(to) : set_on(to.spares);
	if (to.consent.dry_run)
		return;
	remap::Terms terms;
	if (!set.empty())
		terms.set = uuid_of("set", set);
	std::copy(identity.begin(), identity.end(), terms.main_id);
	ServiceArguments service = given.service;
	service.main = to.main;
	service.spares = to.spares;
	service.policy = policy;
	run_service(service, terms);
}

}  // namespace

void add_serve(CLI::App &program)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"serve", "Serve MAIN with its remaps as a block device; no kernel module");
	command->add_option("MAIN", given->formatting.main, "the disk, or an image file")
		->required();
	command->add_option("SPARE", given->formatting.spares,
			    "the device or image file that takes remaps; or all of the set's, up to "
			    "four")
		->required()
		->expected(1, remap::kMaxSpares);
	command->add_option("--name", given->service.name,
			    "what other subcommands call the device");
	auto *socket = command->add_option("--socket", given->service.socket,
					   "path of the NBD socket; by default NAME.nbd in "
					   "/run/dm-remap, or below XDG_RUNTIME_DIR");
	command->add_option(
		"--control", given->service.control,
		"path of the control socket, by which other subcommands find the device; "
		"by default NAME.control, there too");
	command->add_option("--port", given->service.port, "NBD on this port of 127.0.0.1 instead")
		->check(CLI::Range(1, 65535))
		->excludes(socket);
	command->add_option("--device", given->service.device,
			    "beside NBD: 'ublk', a block device of the kernel's ublk driver; 'loop', a "
			    "loop device; 'file', a file that is the device; 'none'; 'auto', the first "
			    "of these that can be had, loop for root alone")
		->check(CLI::IsMember({"auto", "ublk", "loop", "file", "none"}));
	command->add_flag("--format", given->format,
			  "make a set on the spare first, as 'dmremap format' does");
	given->formatting.add_options(*command);
	add_features(command, given);
	command->add_option(
		       "--fail-sectors", given->service.bad,
		       "for trying it out: I/O to these sectors of main fails (N or FIRST-LAST)")
		->delimiter(',')
		->allow_extra_args(false);
	command->footer("Runs until SIGTERM or 'dmremap remove NAME'.");
	command->callback([given] { run(*given); });
}

}  // namespace dmremap
