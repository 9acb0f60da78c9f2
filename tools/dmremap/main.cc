// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap: the administrator's program. It holds no rule of its own: it asks the target and prints
// what the target says.
#include <cstdio>

#include "core/remap_core.h"
#include "tools/dmremap/commands.h"
#include "tools/dmremap/failure.h"

int main(int argc, char **argv)
{
	using namespace dmremap;
	CLI::App program("Redirect bad sectors of a disk to a spare device.", "dmremap");
	program.set_version_flag("-V,--version", "dmremap " REMAP_VERSION);
	program.require_subcommand(1);
	program.footer("Exit codes: 0 done, 1 wrong arguments, 2 no permission, 3 out of memory, "
		       "4 wrong device, 5 exists or busy.");
	add_create(program);
	add_remove(program);
	add_list(program);
	add_status(program);
	add_changes(program);
	try {
		program.parse(argc, argv);
	} catch (const CLI::ParseError &error) {
		return program.exit(error) ? static_cast<int>(ExitCode::wrong_arguments) : 0;
	} catch (const Failure &failure) {
		std::fprintf(stderr, "dmremap: %s\n", failure.what());
		return static_cast<int>(failure.code());
	}
	return 0;
}
