// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap: the administrator's program. It holds no rule of its own: it asks the target, or the core
// on a spare that is not in use, and prints what they say.
#include <cstdio>
#include <cstring>
#include <system_error>

#include "core/remap_core.h"
#include "tools/dmremap/commands.h"
#include "tools/common/failure.h"
#include "tools/common/usage.h"
#include "tools/dmremap/output.h"

namespace {

// fsck's own code for arguments that are not understood.
constexpr int kCheckUsage = 16;

int usage_code(int argc, char **argv)
{
	return argc > 1 && std::strcmp(argv[1], "check") == 0
		       ? kCheckUsage
		       : static_cast<int>(dmremap::ExitCode::wrong_arguments);
}

}  // namespace

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
	add_scan(program);
	add_events(program);
	add_format(program);
	add_check(program);
	add_dump(program);
	add_restore(program);
	add_repair(program);
	add_spare(program);
	add_probe(program);
#ifdef DMREMAP_SERVE
	add_serve(program);
	add_demo(program);
#endif
	try {
		program.parse(argc, argv);
	} catch (const CLI::ParseError &error) {
		return tell_usage(program, error) ? usage_code(argc, argv) : 0;
	} catch (const Exit &end) {
		return end.code;
	} catch (const std::bad_alloc &) {
		std::fprintf(stderr, "dmremap: not enough memory\n");
		return static_cast<int>(ExitCode::no_memory);
	} catch (const std::system_error &error) {
		std::fprintf(stderr, "dmremap: no thread can be started, for want of memory or as there "
				     "are too many: %s\n", error.code().message().c_str());
		return static_cast<int>(ExitCode::no_memory);
	} catch (const Failure &failure) {
		std::fprintf(stderr, "dmremap: %s\n", failure.what());
		return static_cast<int>(failure.code());
	}
	return 0;
}
