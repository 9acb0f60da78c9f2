// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap status NAME [--json]: what the set tells about itself.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/dmremap/commands.h"
#include "tools/common/device.h"

namespace dmremap {
namespace {

// Numbers stay numbers, the rest is text.
nlohmann::json as_json(const std::string &value)
{
	const bool digits = !value.empty() &&
			    value.find_first_not_of("0123456789") == std::string::npos;
	return digits ? nlohmann::json(std::stoull(value)) : nlohmann::json(value);
}

void print_text(const Device &device)
{
	for (const char *message : {"status", "stats"})
		for (const auto &[key, value] : device.values(message))
			fmt::print("{:<22} {}\n", key, value);
}

void print_json(const Device &device)
{
	nlohmann::ordered_json report = {{"json_format_version", 1}, {"device", device.name()}};
	for (const char *message : {"status", "stats", "health"})
		for (const auto &[key, value] : device.values(message))
			report[message][key] = as_json(value);
	report["exit_status"] = 0;
	fmt::print("{}\n", report.dump(2));
}

}  // namespace

void add_status(CLI::App &program)
{
	struct Arguments {
		std::string name;
		bool json = false;
	};
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand("status", "Show state and counters");
	command->add_option("NAME", given->name, "the mapped device")->required();
	command->add_flag("--json", given->json, "print JSON");
	command->callback([given] {
		const Device device(given->name);
		given->json ? print_json(device) : print_text(device);
	});
}

}  // namespace dmremap
