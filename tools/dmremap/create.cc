// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap create NAME MAIN SPARE
#include <memory>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/device.h"

namespace dmremap {

void add_create(CLI::App &program)
{
	struct Arguments {
		std::string name, main, spare;
	};
	auto given = std::make_shared<Arguments>();
	CLI::App *command =
		program.add_subcommand("create", "Put a dm-remap device over a whole disk");
	command->add_option("NAME", given->name, "name below /dev/mapper")->required();
	command->add_option("MAIN", given->main, "the disk; used as it is")->required();
	command->add_option("SPARE", given->spare, "the device that takes remaps")->required();
	command->callback([given] { Device::create(given->name, given->main, given->spare); });
}

}  // namespace dmremap
