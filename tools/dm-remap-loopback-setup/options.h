// SPDX-License-Identifier: GPL-2.0-or-later
// Options: the command line, understood and checked.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/dm-remap-loopback-setup/quantity.h"

namespace dmremap::loopback {

// The names under which every set-up appears.
inline constexpr const char *kLinearName = "dm-test-linear";
inline constexpr const char *kRemapName = "dm-test-remap";

struct Options {
	enum class Action { set_up, add_bad_sectors, clean_up };

	Action action = Action::set_up;
	std::string main = "main.img";
	std::string spare = "spare.img";
	uint64_t main_bytes = 0;
	uint64_t spare_bytes = 0;
	bool sparse = true;
	// At most one of these three says which sectors are bad.
	std::string bad_file;
	std::optional<uint64_t> count;
	std::optional<Percent> percent;
	std::optional<uint64_t> seed;
	// Empty: not said.
	std::optional<uint32_t> sector_bytes;
	std::string script;
	std::string folder = "/run/dm-remap-loopback-setup";
	bool dry_run = false;
	bool verbose = false;

	bool has_bad_sectors() const { return !bad_file.empty() || count || percent; }
};

// Throws CLI::ParseError (also for --help), or Failure.
Options parse_options(CLI::App &program, int argc, char **argv);

}  // namespace dmremap::loopback
