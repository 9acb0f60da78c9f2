// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap list NAME [--json]: every extent, page by page.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/dmremap/commands.h"
#include "tools/common/device.h"

namespace dmremap {
namespace {

struct Line {
	uint64_t main, spare, length;
	std::string state;
};

// Calls `each(Line)` for every extent in the order of main.
template <class Each> void for_each_extent(const Device &device, Each &&each)
{
	std::string from = "0";
	while (!from.empty()) {
		std::istringstream reply(device.message("list " + from));
		from.clear();
		for (std::string words; std::getline(reply, words);) {
			std::istringstream stream(words);
			Line line;
			if (stream >> line.main >> line.spare >> line.length >> line.state)
				each(line);
			else if (words.rfind("next ", 0) == 0)
				from = words.substr(5);
		}
	}
}

void print_table(const Device &device)
{
	fmt::print("{:>16} {:>16} {:>12} {}\n", "MAIN", "SPARE", "LENGTH", "STATE");
	for_each_extent(device, [](const Line &line) {
		fmt::print("{:>16} {:>16} {:>12} {}\n", line.main, line.spare, line.length,
			   line.state);
	});
}

void print_json(const Device &device)
{
	nlohmann::ordered_json report = {{"json_format_version", 1}, {"device", device.name()}};
	report["extents"] = nlohmann::json::array();
	for_each_extent(device, [&report](const Line &line) {
		report["extents"].push_back({{"main", line.main},
					     {"spare", line.spare},
					     {"length", line.length},
					     {"state", line.state}});
	});
	report["exit_status"] = 0;
	fmt::print("{}\n", report.dump(2));
}

}  // namespace

void add_list(CLI::App &program)
{
	struct Arguments {
		std::string name;
		bool json = false;
	};
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand("list", "List the extents");
	command->add_option("NAME", given->name, "the mapped device")->required();
	command->add_flag("--json", given->json, "print JSON");
	command->callback([given] {
		const Device device(given->name);
		given->json ? print_json(device) : print_table(device);
	});
}

}  // namespace dmremap
