// SPDX-License-Identifier: GPL-2.0-or-later
// The subcommands: each adds itself to the program. One file each, but for the four that change a
// range by one message (change.cc); those of `spare` are one.
#pragma once

#include <CLI/CLI.hpp>

namespace dmremap {

void add_create(CLI::App &program);
void add_remove(CLI::App &program);
void add_list(CLI::App &program);
void add_status(CLI::App &program);
void add_changes(CLI::App &program);
void add_scan(CLI::App &program);
void add_events(CLI::App &program);
void add_format(CLI::App &program);
void add_check(CLI::App &program);
void add_dump(CLI::App &program);
void add_restore(CLI::App &program);
void add_repair(CLI::App &program);
void add_spare(CLI::App &program);
void add_probe(CLI::App &program);
void add_serve(CLI::App &program);
void add_demo(CLI::App &program);

}  // namespace dmremap
