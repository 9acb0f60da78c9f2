// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap dump SPARE... [--json]: the table as it lies on the spares, for `restore` and for people.
#include <cstdio>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/dump_text.h"
#include "tools/dmremap/offline_set.h"
#include "tools/dmremap/output.h"

namespace dmremap {
namespace {

Dump dump_of(const OfflineSet &set)
{
	const remap::Superblock &superblock = set.superblock();
	const remap::Spares &spares = set.engine().spares();
	Dump dump{superblock.set,	  superblock.main_sectors, superblock.main_id,
		  superblock.block_bytes, {},			   superblock.max_extents, {}, {}};
	for (remap::u32 m = 0; m < spares.slots(); ++m)
		if (spares.exists(m))
			dump.members.push_back({m, superblock.members[m].sectors, spares.first_place(m),
						superblock.members[m].gone()});
	for_each_extent(set.engine(), [&](const remap::Extent &extent) {
		DumpExtent entry{extent, {}};
		if (extent.state != remap::State::pending)
			entry.physical = physical_of(spares, extent.place);
		dump.extents.push_back(entry);
	});
	for_each_bad_place(set.engine(), [&](remap::Sector place, remap::u64 length) {
		dump.bad.push_back({place, length});
	});
	return dump;
}

nlohmann::ordered_json json_of(const DumpExtent &entry, std::size_t members)
{
	const remap::Extent &extent = entry.extent;
	nlohmann::ordered_json line = {{"main", extent.main}};
	if (entry.physical) {
		line["spare"] = extent.place;
		if (members > 1)
			line["member"] = entry.physical->member;
		line["physical"] = entry.physical->sector;
		line["added"] = extent.boundary;
	}
	line["length"] = extent.length;
	line["state"] = state_word(extent.state);
	return line;
}

// The spares of a set that has several, or is not as it was made.
nlohmann::ordered_json json_of(const remap::Spares &spares, const Dump &dump, const SpareFiles &files)
{
	nlohmann::ordered_json members;
	for (const DumpMember &member : dump.members) {
		const remap::DeviceIndex device = spares.device(member.number);
		nlohmann::ordered_json line = {{"member", member.number}};
		if (device != remap::kNoDevice)
			line["spare"] = files[device - remap::kFirstSpare]->path();
		line["spare_sectors"] = member.sectors;
		line["first_place"] = *member.first;
		if (member.gone)
			line["gone"] = true;
		members.push_back(line);
	}
	return members;
}

void print_dump_json(const Dump &dump, const remap::Spares &spares, const SpareFiles &files)
{
	nlohmann::ordered_json report = {{"json_format_version", 1},
					 {"set", text_of(dump.set)},
					 {"main_sectors", dump.main_sectors},
					 {"main_id", dump.main_id},
					 {"block_bytes", dump.block_bytes}};
	if (dump.members.size() == 1)
		report["spare_sectors"] = dump.members[0].sectors;
	if (dump.members.size() > 1 || *dump.members[0].first)
		report["members"] = json_of(spares, dump, files);
	report["max_extents"] = dump.max_extents;
	report["extents"] = nlohmann::json::array();
	for (const DumpExtent &entry : dump.extents)
		report["extents"].push_back(json_of(entry, dump.members.size()));
	report["bad_places"] = nlohmann::json::array();
	for (const DumpBad &bad : dump.bad)
		report["bad_places"].push_back({{"spare", bad.place}, {"length", bad.length}});
	report["exit_status"] = 0;
	print_json(report);
}

void run(const std::vector<std::string> &paths, bool json)
{
	const OpenedSpares spares(paths, Access::read);
	remap::Terms terms;
	terms.allow_degraded = true;
	OfflineSet set(nullptr, spares.files(), terms, false);
	if (!set.survey() || !set.load())
		set.refuse();
	const Dump dump = dump_of(set);
	if (json)
		return print_dump_json(dump, set.engine().spares(), spares.files());
	const std::string text = to_text(dump);
	const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
	if (!whole || std::fflush(stdout) != 0)
		throw Failure(ExitCode::wrong_device, "the dump could not be written out whole");
}

}  // namespace

void add_dump(CLI::App &program)
{
	struct Arguments {
		std::vector<std::string> spares;
		bool json = false;
	};
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"dump", "Print the table of a set that is not in use; 'restore' reads it");
	command->add_option("SPARE", given->spares,
			    "the spare, a device or an image file; all of them, if the set has "
			    "several")
		->required()
		->expected(1, remap::kMaxSpares);
	command->add_flag("--json", given->json, "print JSON");
	command->callback([given] { run(given->spares, given->json); });
}

}  // namespace dmremap
