// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap remove NAME
#include <memory>

#include "tools/dmremap/commands.h"
#include "tools/common/device.h"

namespace dmremap {

void add_remove(CLI::App &program)
{
	auto name = std::make_shared<std::string>();
	CLI::App *command = program.add_subcommand(
		"remove", "Take a dm-remap device away; its remaps stay on the spare");
	command->add_option("NAME", *name, "the mapped device")->required();
	command->callback([name] { Device::remove(*name); });
}

}  // namespace dmremap
