// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap create NAME MAIN SPARE... [--format ...]
#include <algorithm>
#include <memory>

#include "tools/dmremap/commands.h"
#include "tools/common/device.h"
#include "tools/dmremap/format.h"

namespace dmremap {
namespace {

struct Arguments {
	std::string name;
	bool format = false;
	bool allow_degraded = false;
	FormatArguments formatting;
};

void require_format(const Arguments &given)
{
	const FormatArguments &f = given.formatting;
	const bool wanted = f.max_extents || f.permission.overwrite ||
			    !f.permission.wipe_set.empty() || f.consent.dry_run;
	if (wanted && !given.format)
		throw Failure(ExitCode::wrong_arguments,
			      "--max-extents, --overwrite, --wipe-set and --dry-run say how a set "
			      "is made: give --format with them");
}

// The words behind the first spare in the table line.
std::string features(const Arguments &given, const std::string &set, const std::string &identity)
{
	const std::vector<std::string> &spares = given.formatting.spares;
	std::string words = (set.empty() ? "" : " set " + set) +
			    (identity.empty() ? "" : " main_id " + identity);
	for (std::size_t i = 1; i < spares.size(); ++i)
		words += " spare " + spares[i];
	if (given.allow_degraded)
		words += " allow_degraded";
	return words.empty() ? "" : std::to_string(std::count(words.begin(), words.end(), ' ')) + words;
}

void run(const Arguments &given)
{
	const FormatArguments &to = given.formatting;
	require_format(given);
	const std::string identity = to.identity();
	const std::string set = given.format ? format_spare(to) : set_on(to.spares);
	if (to.consent.dry_run)
		return;
	Device::create(given.name, to.main, to.spares.front(), features(given, set, identity));
}

}  // namespace

void add_create(CLI::App &program)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command =
		program.add_subcommand("create", "Put a dm-remap device over a whole disk");
	command->add_option("NAME", given->name, "name below /dev/mapper")->required();
	command->add_option("MAIN", given->formatting.main, "the disk; used as it is")->required();
	command->add_option("SPARE", given->formatting.spares,
			    "the device that takes remaps; or all of the set's, up to four")
		->required()
		->expected(1, remap::kMaxSpares);
	command->add_flag("--format", given->format,
			  "make a set on the spare first, as 'dmremap format' does; without it a "
			  "blank spare is formatted by the kernel");
	command->add_flag("--allow-degraded", given->allow_degraded,
			  "start although spares that the set records as gone are missing; what is on "
			  "them gives errors");
	given->formatting.add_options(*command);
	command->callback([given] { run(*given); });
}

}  // namespace dmremap
