// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap restore DUMP SPARE --main MAIN: a set as `dump` printed it. Everything is checked before
// anything is written.
#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/dump_text.h"
#include "tools/dmremap/permission.h"

namespace dmremap {
namespace {

struct Arguments {
	std::string dump, spare, main, data;
	Permission permission;
	Consent consent;
};

Dump read_dump(const std::string &path)
{
	try {
		if (path == "-")
			return parse_dump(std::cin);
		std::ifstream file(path);
		if (!file)
			throw Failure(ExitCode::wrong_arguments, path + ": cannot be read");
		return parse_dump(file);
	} catch (const std::invalid_argument &fault) {
		throw Failure(ExitCode::wrong_arguments, fmt::format("{}: {}", path, fault.what()));
	}
}

void require_same(const char *what, remap::u64 in_dump, remap::u64 found)
{
	if (in_dump != found)
		throw Failure(ExitCode::wrong_device,
			      fmt::format("the dump is of {} {}, found {}", what, in_dump, found));
}

void require_devices(const Dump &dump, const DeviceFile &main, const DeviceFile &spare)
{
	require_same("a main device with sectors:", dump.main_sectors, main.sectors());
	require_same("a spare with sectors:", dump.spare_sectors, spare.sectors());
	if (main.is_block_device())
		require_same("a main device with logical blocks of bytes:", dump.block_bytes,
			     main.logical_block());
}

// A dump has no content. Where the data area does not hold it, reads would return invented data.
void require_data_decision(const Dump &dump, const std::string &data)
{
	remap::u64 active = 0;
	for (const DumpExtent &entry : dump.extents)
		if (entry.extent.state == remap::State::active)
			active += entry.extent.length;
	if (!active || !data.empty())
		return;
	throw Failure(ExitCode::wrong_arguments,
		      fmt::format("a dump tells where {} sectors lie, it does not contain them; say "
				  "'--data as-is' when the spare's data area holds them (the same "
				  "spare, or a copy of it), else '--data lost': reads fail then until "
				  "each is written",
				  active));
}

remap::Terms terms_of(const Dump &dump, const Permission &permission)
{
	remap::Terms terms;
	terms.new_set = dump.set;
	terms.max_extents = dump.max_extents;
	std::copy(dump.main_id.begin(), dump.main_id.end(), terms.main_id);
	permission.put_into(&terms);
	return terms;
}

void stage(const Dump &dump, const Arguments &given, OfflineSet *set)
{
	for (DumpExtent entry : dump.extents) {
		if (entry.extent.state == remap::State::active && given.data == "lost")
			entry.extent.state = remap::State::lost;
		if (!set->stage(entry.extent))
			throw Failure(set->error() == remap::Error::no_memory
					      ? ExitCode::no_memory
					      : ExitCode::wrong_arguments,
				      fmt::format("{}: {}", given.dump, set->sentence()));
		if (!entry.physical)
			continue;
		const remap::Sector here =
			set->engine().layout().physical(entry.extent.place);
		if (*entry.physical != here)
			throw Failure(ExitCode::wrong_arguments,
				      fmt::format("{}: PHYSICAL of the extent at sector {} is {}, on "
						  "this spare it is {}",
						  given.dump, entry.extent.main, *entry.physical,
						  here));
	}
	for (const DumpBad &bad : dump.bad)
		if (!set->stage_bad(bad.place, bad.length))
			throw Failure(set->error() == remap::Error::no_memory
					      ? ExitCode::no_memory
					      : ExitCode::wrong_arguments,
				      fmt::format("{}: {}", given.dump, set->sentence()));
}

void run(const Arguments &given)
{
	if (given.dump == "-" && !given.consent.yes && !given.consent.dry_run)
		throw Failure(ExitCode::wrong_arguments,
			      "the dump comes from standard input, so no question can be asked there; "
			      "give --yes, or name a file");
	const Dump dump = read_dump(given.dump);
	require_data_decision(dump, given.data);
	const auto main = open_device(given.main, Access::look);
	const auto spare = open_device(given.spare, Access::read_write);
	require_devices(dump, *main, *spare);
	OfflineSet set(main.get(), *spare, terms_of(dump, given.permission), true,
		       dump.block_bytes);
	require_free(set, *main, {spare.get()}, given.permission);
	stage(dump, given, &set);
	fmt::print("{} becomes the spare of {} with the {} extents of set {}{}\n", given.spare,
		   given.main, dump.extents.size(), text_of(dump.set),
		   given.data == "lost" ? "; their content is lost" : "");
	if (!given.consent.granted())
		return;
	if (!set.format())
		set.refuse();
	fmt::print("restored\n");
}

}  // namespace

void add_restore(CLI::App &program)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command =
		program.add_subcommand("restore", "Make a set as 'dump' printed it");
	command->add_option("DUMP", given->dump, "the file; '-' is standard input")->required();
	command->add_option("SPARE", given->spare, "the spare, a device or an image file")
		->required();
	command->add_option("--main", given->main, "the disk; nothing is written to it")->required();
	command->add_option("--data", given->data,
			    "'as-is': the spare's data area holds what was remapped; 'lost': it does "
			    "not, reads fail until each sector is written")
		->check(CLI::IsMember({"as-is", "lost"}));
	given->permission.add_options(*command);
	command->add_flag("--yes", given->consent.yes, "do not ask");
	command->add_flag("--dry-run", given->consent.dry_run, "check everything, and write nothing");
	command->callback([given] { run(*given); });
}

}  // namespace dmremap
