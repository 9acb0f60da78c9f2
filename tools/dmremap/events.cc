// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap events NAME: a line for each event, when it comes.
#include <fmt/format.h>

#include <memory>

#include "tools/common/device.h"
#include "tools/dmremap/commands.h"

namespace dmremap {
namespace {

struct Arguments {
	std::string name;
	uint64_t from = 0, count = 0;
};

void run(const Arguments &given, bool from_now)
{
	const Device device(given.name);
	uint32_t seen = from_now ? device.events() : static_cast<uint32_t>(given.from);
	for (uint64_t told = 0; !given.count || told < given.count; ++told) {
		seen = device.wait_event(seen);
		fmt::print("{} {}\n", seen, device.status().text());
		std::fflush(stdout);
	}
}

}  // namespace

void add_events(CLI::App &program)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"events", "Wait for events: spare filling up, sectors lost or pending, the mode");
	command->add_option("NAME", given->name, "the mapped device")->required();
	const CLI::Option *from =
		command->add_option("--from", given->from,
				    "tell also what came behind this number; by default what comes "
				    "from now on")
			->check(CLI::Range(0u, 0xffffffffu));
	command->add_option("--count", given->count, "end after so many lines");
	command->footer("A line is the number of the last event and the status line as it is then.");
	command->callback([given, from] { run(*given, !from->count()); });
}

} // namespace dmremap
