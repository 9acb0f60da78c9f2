// SPDX-License-Identifier: GPL-2.0-or-later
// What the programs say to arguments that they do not understand: one line, which begins as all their
// errors do.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

namespace dmremap {

// The program's name, and those of the subcommands that were found.
inline std::string called(const CLI::App &program)
{
	std::string name = program.get_name();
	for (const CLI::App *command : program.get_subcommands())
		name += ' ' + called(*command);
	return name;
}

// Prints the sentence on standard error, or what --help and --version ask for. Whether it was an error.
inline bool tell_usage(CLI::App &program, const CLI::ParseError &error)
{
	program.failure_message([](const CLI::App *app, const CLI::Error &what) {
		std::string reason = what.what();
		std::replace(reason.begin(), reason.end(), '\n', ' ');
		return called(*app) + ": " + reason + "; --help shows the options\n";
	});
	return program.exit(error) != 0;
}

}  // namespace dmremap
