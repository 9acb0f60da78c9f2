// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap format MAIN SPARE...
#include "tools/dmremap/format.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/main_identity.h"

namespace dmremap {
namespace {

constexpr remap::Sector kGib = 2097152;

std::string cost_help()
{
	using remap::Spares;
	return fmt::format(
		"What it costs: two copies of journal and table, and three superblocks. Unless told "
		"otherwise there is room for one extent per 4 KiB of spare; of several spares each "
		"holds the metadata of all:\n"
		"  1 GiB:  {}\n  1 TiB:  {}\n"
		"With --max-extents 100000 whatever the size of the spare:\n  1 TiB:  {}\n"
		"It cannot be changed later.",
		cost_text(Spares::of(kGib)), cost_text(Spares::of(1024 * kGib)),
		cost_text(Spares::of(1024 * kGib, 100000)));
}

// What a table line gives back as it was; device-mapper takes backslashes away.
bool is_one_word(const std::string &id)
{
	return std::all_of(id.begin(), id.end(),
			   [](char c) { return c > ' ' && c < 127 && c != '\\'; });
}

}  // namespace

void FormatArguments::add_options(CLI::App &command)
{
	command.add_option("--max-extents", max_extents, "how many extents the set has room for")
		->check(CLI::Range(remap::kMinExtents, remap::kMaxExtents));
	auto *given = command.add_option("--main-id", main_id,
					 "what main is known by, compared ever after; without it "
					 "its WWN or serial number, where it has one");
	command.add_flag("--no-main-id", no_main_id, "know main by its size alone")
		->excludes(given);
	permission.add_options(command);
	command.add_flag("--yes", consent.yes, "do not ask");
	command.add_flag("--dry-run", consent.dry_run, "say what would be done, and end");
}

std::string FormatArguments::identity() const
{
	if (no_main_id)
		return "";
	if (main_id.empty())
		return main_identity(main);
	if (main_id.size() > remap::kMainIdBytes || !is_one_word(main_id))
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("--main-id has {} characters; it is one word of at most {} "
					  "printable ones without a backslash, such as a WWN or a "
					  "serial number",
					  main_id.size(), remap::kMainIdBytes));
	return main_id;
}

std::string format_spare(const FormatArguments &given)
{
	remap::Terms terms;
	terms.max_extents = given.max_extents;
	const std::string identity = given.identity();
	std::copy(identity.begin(), identity.end(), terms.main_id);
	given.permission.put_into(&terms);
	const auto main = open_device(given.main, Access::look);
	const OpenedSpares spares(given.spares, Access::read_write);
	OfflineSet set(main.get(), spares.files(), terms, true, main->logical_block());
	require_free(set, main->facts(), spares.files(), given.permission);
	fmt::print("{} {} of {}{}\n{}\n", paths_of(spares.files()),
		   given.spares.size() == 1 ? "becomes the spare" : "become the spares", given.main,
		   given.permission.overwrite || !given.permission.wipe_set.empty()
			   ? "; WHAT IS THERE IS DESTROYED"
			   : "",
		   cost_text(set.journal().spares()));
	if (!identity.empty())
		fmt::print("main is known by {}\n", identity);
	if (!given.consent.granted())
		return "";
	if (!set.format())
		set.refuse();
	return text_of(set.superblock().set);
}

void add_format(CLI::App &program)
{
	auto given = std::make_shared<FormatArguments>();
	CLI::App *command = program.add_subcommand("format", "Make a set on a spare, or on up to four");
	command->add_option("MAIN", given->main, "the disk; nothing is written to it")->required();
	command->add_option("SPARE", given->spares,
			    "the device or image file that takes remaps; several make one set")
		->required()
		->expected(1, remap::kMaxSpares);
	given->add_options(*command);
	command->footer(cost_help());
	command->callback([given] {
		const std::string set = format_spare(*given);
		if (!set.empty())
			fmt::print("set {}\n", set);
	});
}

}  // namespace dmremap
