// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap add, relocate, del, clear: one message each.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "tools/dmremap/commands.h"
#include "tools/common/device.h"

namespace dmremap {
namespace {

struct Range {
	std::string name, main, spare, length;
	bool flag = false;
};

void send(const std::string &name, const std::string &words)
{
	fmt::print("{}\n", Device(name).message(words));
}

CLI::App *command_for(CLI::App &program, const char *word, const char *what,
		      const std::shared_ptr<Range> &range)
{
	CLI::App *command = program.add_subcommand(word, what);
	command->add_option("NAME", range->name, "the mapped device")->required();
	return command;
}

void add_add(CLI::App &program)
{
	auto range = std::make_shared<Range>();
	CLI::App *command =
		command_for(program, "add", "Map a range to a place that you choose", range);
	command->add_option("MAIN", range->main, "first sector of the range")->required();
	command->add_option("SPARE", range->spare, "sector in the spare's data area")->required();
	command->add_option("LEN", range->length, "sectors")->required();
	command->add_flag("--nocopy", range->flag, "copy nothing: reads fail until written");
	command->callback([range] {
		send(range->name, fmt::format("add_remap {} {} {}{}", range->main, range->spare,
					      range->length, range->flag ? " nocopy" : ""));
	});
}

void add_relocate(CLI::App &program)
{
	auto range = std::make_shared<Range>();
	CLI::App *command = command_for(
		program, "relocate", "Map a range to a place that the target chooses", range);
	command->add_option("MAIN", range->main, "first sector of the range")->required();
	command->add_option("LEN", range->length, "sectors")->required();
	command->callback([range] {
		send(range->name, fmt::format("relocate {} {}", range->main, range->length));
	});
}

void add_del(CLI::App &program)
{
	auto range = std::make_shared<Range>();
	CLI::App *command = command_for(program, "del", "Copy a range back and unmap it", range);
	command->add_option("MAIN", range->main, "a sector of the extent")->required();
	command->add_option("LEN", range->length, "exactly this many sectors from MAIN on");
	command->add_flag("--stale-ok", range->flag,
			  "do not copy back: main's old content shows again");
	command->callback([range] {
		const std::string length = range->length.empty() ? "" : " " + range->length;
		send(range->name, fmt::format("remove_remap {}{}{}", range->main, length,
					      range->flag ? " stale-ok" : ""));
	});
}

void add_clear(CLI::App &program)
{
	auto range = std::make_shared<Range>();
	CLI::App *command = command_for(program, "clear", "The same for all extents", range);
	command->add_flag("--stale-ok", range->flag,
			  "do not copy back: main's old content shows again");
	command->callback([range] {
		send(range->name, range->flag ? "clear_all stale-ok" : "clear_all");
	});
}

}  // namespace

void add_changes(CLI::App &program)
{
	add_add(program);
	add_relocate(program);
	add_del(program);
	add_clear(program);
}

}  // namespace dmremap
