// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap scan: starts or stops the background scan of main, or tells how far it is.
#include <fmt/format.h>

#include <memory>

#include "tools/common/device.h"
#include "tools/dmremap/commands.h"

namespace dmremap {

void add_scan(CLI::App &program)
{
	struct Arguments {
		std::string name, what;
	};
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"scan", "Read main in the background, to find bad sectors before they are needed");
	command->add_option("NAME", given->name, "the mapped device")->required();
	command->add_option("WHAT", given->what, "start, stop or status")
		->required()
		->check(CLI::IsMember({"start", "stop", "status"}));
	command->callback([given] {
		fmt::print("{}\n", Device(given->name).message("scan " + given->what));
	});
}

} // namespace dmremap
