// SPDX-License-Identifier: GPL-2.0-or-later
// dm-remap-loopback-setup: a disk with bad sectors to try dm-remap on, made of files.
//
//	main.img  -> loop device -> dm-test-linear (linear and error segments)
//	                                  |
//	spare.img -> loop device -> dm-test-remap (dm-remap)
//
// It talks to the kernel by libdevmapper and the loop driver's ioctls, and starts no program.
#include <cstdio>

#include "tools/dm-remap-loopback-setup/actions.h"
#include "tools/common/failure.h"
#include "tools/common/usage.h"

namespace {

void run(const dmremap::loopback::Options &options)
{
	using namespace dmremap::loopback;
	switch (options.action) {
	case Options::Action::set_up:
		return set_up(options);
	case Options::Action::add_bad_sectors:
		return add_bad_sectors(options);
	case Options::Action::clean_up:
		return clean_up(options);
	}
}

}  // namespace

int main(int argc, char **argv)
{
	using dmremap::ExitCode;
	CLI::App program("Sets up a disk with bad sectors, made of files, with dm-remap over it.",
			 "dm-remap-loopback-setup");
	try {
		run(dmremap::loopback::parse_options(program, argc, argv));
	} catch (const CLI::ParseError &error) {
		const bool wrong = dmremap::tell_usage(program, error);
		return wrong ? static_cast<int>(ExitCode::wrong_arguments) : 0;
	} catch (const std::bad_alloc &) {
		std::fprintf(stderr, "dm-remap-loopback-setup: not enough memory\n");
		return static_cast<int>(ExitCode::no_memory);
	} catch (const dmremap::Failure &failure) {
		std::fprintf(stderr, "dm-remap-loopback-setup: %s\n", failure.what());
		return static_cast<int>(failure.code());
	} catch (const std::exception &error) {
		std::fprintf(stderr, "dm-remap-loopback-setup: %s\n", error.what());
		return static_cast<int>(ExitCode::wrong_device);
	}
	return 0;
}
