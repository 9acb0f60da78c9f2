// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap restore DUMP SPARE... --main MAIN: a set as `dump` printed it. Everything is checked before
// anything is written.
//
// The spares may have other sizes than those of the dump. Then places are elsewhere on the devices, so
// what is said to be there already must not have moved. In place of a member that was gone comes a spare
// that does not have what was on it: those extents become lost.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/dump_text.h"
#include "tools/dmremap/permission.h"

namespace dmremap {
namespace {

struct Arguments {
	std::string dump, main, data;
	std::vector<std::string> spares;
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

void require_main(const Dump &dump, const DeviceFile &main)
{
	require_same("a main device with sectors:", dump.main_sectors, main.sectors());
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
				  "'--data as-is' when the data area holds them (the same spares, or "
				  "copies of them), else '--data lost': reads fail then until each is "
				  "written",
				  active));
}

// On spares of these sizes.
remap::Terms terms_of(const Dump &dump, const Permission &permission, const SpareFiles &files)
{
	remap::SpareSizes sizes;
	for (const DeviceFile *file : files)
		sizes.add(file->sectors());
	const remap::Spares spares = spares_of(dump, sizes);
	remap::Terms terms;
	terms.new_set = dump.set;
	terms.max_extents = dump.max_extents;
	std::copy(dump.main_id.begin(), dump.main_id.end(), terms.main_id);
	terms.places.slots = spares.slots();
	for (std::size_t i = 0; i < dump.members.size(); ++i) {
		terms.places.number[i] = static_cast<remap::u8>(dump.members[i].number);
		terms.places.first[i] = spares.first_place(dump.members[i].number);
	}
	permission.put_into(&terms);
	return terms;
}

[[noreturn]] void refuse(const Arguments &given, const std::string &what)
{
	throw Failure(ExitCode::wrong_arguments, fmt::format("{}: {}", given.dump, what));
}

void require(bool staged, const Arguments &given, const OfflineSet &set)
{
	if (!staged && set.error() == remap::Error::no_memory)
		throw Failure(ExitCode::no_memory, set.sentence());
	if (!staged)
		refuse(given, set.sentence());
}

// Where things were: on spares of the sizes in the dump.
remap::Spares spares_before(const Dump &dump, const Arguments &given)
{
	const remap::Spares spares = spares_of(dump);
	const remap::u32 small = spares.too_small();
	for (const DumpMember &member : dump.members)
		if (member.number == small)
			refuse(given,
			       fmt::format("spare_sectors {}: with max_extents {} the metadata alone "
					   "takes {}",
					   member.sectors, dump.max_extents,
					   spares.layout(small).reserved_sectors()));
	if (!spares.valid())
		refuse(given, "the places of two members overlap, or reach too far");
	return spares;
}

// Whether any of the places is on a member that was gone.
bool was_gone(const Dump &dump, const remap::Spares &before, remap::Sector place, remap::u64 length)
{
	for (const DumpMember &member : dump.members)
		if (member.gone && place < before.end(member.number) &&
		    before.first_place(member.number) < place + length)
			return true;
	return false;
}

void require_inside(const char *what, remap::Sector place, remap::u64 length,
		    const remap::Spares &before, const Arguments &given)
{
	if (place + length > before.data_sectors())
		refuse(given, fmt::format("{} {} with length {} reaches beyond the dump's own spares, "
					  "which have a data area of {} sectors",
					  what, place, length, before.data_sectors()));
	if (!before.holds(place, length))
		refuse(given, fmt::format("{} {} with length {} is between the dump's own spares", what,
					  place, length));
}

void require_physical(const DumpExtent &entry, const remap::Spares &before, const Arguments &given)
{
	const Physical there = physical_of(before, entry.extent.place);
	if (entry.physical && !(*entry.physical == there))
		refuse(given, fmt::format("PHYSICAL of the extent at sector {} is {}, on the dump's own "
					  "spares it is {}",
					  entry.extent.main,
					  text_of(*entry.physical, given.spares.size()),
					  text_of(there, given.spares.size())));
}

// That places are where they were. REQUIRES: they are inside of both.
void require_unmoved(remap::Sector place, remap::u64 length, const remap::Spares &before,
		     const remap::Spares &now, const Arguments &given)
{
	for (remap::u64 done = 0; done < length;) {
		const remap::u64 left = length - done;
		const Physical there = physical_of(before, place + done);
		const Physical here = physical_of(now, place + done);
		if (!(there == here))
			refuse(given, fmt::format("place {} was at sector {} and is at sector {} of these "
						  "spares, whose sizes are not the dump's: what was there "
						  "is not there '--data as-is'",
						  place + done, text_of(there, given.spares.size()),
						  text_of(here, given.spares.size())));
		done += std::min(before.contiguous(place + done, left),
				 now.contiguous(place + done, left));
	}
}

void stage_extent(DumpExtent entry, const Dump &dump, const remap::Spares &before,
		  const Arguments &given, OfflineSet *set)
{
	remap::Extent &extent = entry.extent;
	if (extent.state == remap::State::active &&
	    (given.data == "lost" || was_gone(dump, before, extent.place, extent.length)))
		extent.state = remap::State::lost;
	require(set->stage(extent), given, *set);
	if (extent.state == remap::State::pending)
		return;
	require_inside("place", extent.place, extent.length, before, given);
	require_physical(entry, before, given);
	if (extent.state == remap::State::active)
		require_unmoved(extent.place, extent.length, before, set->engine().spares(), given);
}

void stage(const Dump &dump, const Arguments &given, OfflineSet *set)
{
	const remap::Spares before = spares_before(dump, given);
	for (const DumpExtent &entry : dump.extents)
		stage_extent(entry, dump, before, given, set);
	for (const DumpBad &bad : dump.bad) {
		require(set->stage_bad(bad.place, bad.length), given, *set);
		require_inside("the bad place", bad.place, bad.length, before, given);
		if (given.data != "lost" && !was_gone(dump, before, bad.place, bad.length))
			require_unmoved(bad.place, bad.length, before, set->engine().spares(), given);
	}
}

void require_count(const Dump &dump, const Arguments &given)
{
	if (dump.members.size() != given.spares.size())
		refuse(given, fmt::format("spares of the dump's set: {}, named: {}; all of a set are "
					  "restored together",
					  dump.members.size(), given.spares.size()));
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
	require_count(dump, given);
	const OpenedSpares spares(given.spares, Access::read_write);
	require_main(dump, *main);
	OfflineSet set(main.get(), spares.files(), terms_of(dump, given.permission, spares.files()), true,
		       dump.block_bytes);
	require_free(set, main->facts(), spares.files(), given.permission);
	stage(dump, given, &set);
	fmt::print("{} {} of {} with the {} extents of set {}{}\n", paths_of(spares.files()),
		   given.spares.size() == 1 ? "becomes the spare" : "become the spares", given.main,
		   dump.extents.size(), text_of(dump.set),
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
	command->add_option("SPARE", given->spares,
			    "the spare, a device or an image file; as many as the dump's set had, in "
			    "the dump's order")
		->required()
		->expected(1, remap::kMaxSpares);
	command->add_option("--main", given->main, "the disk; nothing is written to it")->required();
	command->add_option("--data", given->data,
			    "'as-is': the data area holds what was remapped; 'lost': it does not, "
			    "reads fail until each sector is written")
		->check(CLI::IsMember({"as-is", "lost"}));
	given->permission.add_options(*command);
	command->add_flag("--yes", given->consent.yes, "do not ask");
	command->add_flag("--dry-run", given->consent.dry_run, "check everything, and write nothing");
	command->callback([given] { run(*given); });
}

}  // namespace dmremap
