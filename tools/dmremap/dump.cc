// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap dump SPARE [--json]: the table as it lies on the spare, for `restore` and for people.
#include <cstdio>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/dump_text.h"
#include "tools/dmremap/offline_set.h"
#include "tools/dmremap/output.h"

namespace dmremap {
namespace {

Dump dump_of(const OfflineSet &set, const DeviceFile &spare)
{
	const remap::Superblock &superblock = set.superblock();
	Dump dump{superblock.set,     superblock.main_sectors, superblock.main_id,
		  superblock.block_bytes, spare.sectors(),	   superblock.max_extents, {}, {}};
	for_each_extent(set.engine(), [&](const remap::Extent &extent) {
		DumpExtent entry{extent, {}};
		if (extent.state != remap::State::pending)
			entry.physical = set.engine().layout().physical(extent.place);
		dump.extents.push_back(entry);
	});
	for_each_bad_place(set.engine(), [&](remap::Sector place, remap::u64 length) {
		dump.bad.push_back({place, length});
	});
	return dump;
}

nlohmann::ordered_json json_of(const DumpExtent &entry)
{
	const remap::Extent &extent = entry.extent;
	nlohmann::ordered_json line = {{"main", extent.main}};
	if (entry.physical) {
		line["spare"] = extent.place;
		line["physical"] = *entry.physical;
		line["added"] = extent.boundary;
	}
	line["length"] = extent.length;
	line["state"] = state_word(extent.state);
	return line;
}

void print_dump_json(const Dump &dump)
{
	nlohmann::ordered_json report = {{"json_format_version", 1},
					 {"set", text_of(dump.set)},
					 {"main_sectors", dump.main_sectors},
					 {"main_id", dump.main_id},
					 {"block_bytes", dump.block_bytes},
					 {"spare_sectors", dump.spare_sectors},
					 {"max_extents", dump.max_extents}};
	report["extents"] = nlohmann::json::array();
	for (const DumpExtent &entry : dump.extents)
		report["extents"].push_back(json_of(entry));
	report["bad_places"] = nlohmann::json::array();
	for (const DumpBad &bad : dump.bad)
		report["bad_places"].push_back({{"spare", bad.place}, {"length", bad.length}});
	report["exit_status"] = 0;
	print_json(report);
}

void run(const std::string &path, bool json)
{
	const auto spare = open_device(path, Access::read);
	OfflineSet set(nullptr, *spare, {}, false);
	if (!set.survey() || !set.load())
		set.refuse();
	const Dump dump = dump_of(set, *spare);
	if (json)
		return print_dump_json(dump);
	const std::string text = to_text(dump);
	const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
	if (!whole || std::fflush(stdout) != 0)
		throw Failure(ExitCode::wrong_device, "the dump could not be written out whole");
}

}  // namespace

void add_dump(CLI::App &program)
{
	struct Arguments {
		std::string spare;
		bool json = false;
	};
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"dump", "Print the table of a spare that is not in use; 'restore' reads it");
	command->add_option("SPARE", given->spare, "the spare, a device or an image file")
		->required();
	command->add_flag("--json", given->json, "print JSON");
	command->callback([given] { run(given->spare, given->json); });
}

}  // namespace dmremap
