// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/options.h"

#include <charconv>
#include <cstdio>
#include <cstring>

namespace remap::sim {

namespace {

template <class Number> bool read(const char *option, const char *word, Number *out)
{
	const char *end = word + std::strlen(word);
	const auto [rest, error] = std::from_chars(word, end, *out);
	if (error == std::errc{} && rest == end)
		return true;
	std::fprintf(stderr, "dmremap-sim: %s takes a number, not '%s'\n", option, word);
	return false;
}

bool read_value(Options *options, const std::string &option, const char *value)
{
	if (option == "--seeds")
		return read("--seeds", value, &options->seeds.emplace());
	if (option == "--first-seed")
		return read("--first-seed", value, &options->first_seed);
	if (option == "--jobs")
		return read("--jobs", value, &options->jobs) && options->jobs;
	if (option == "--operations")
		return read("--operations", value, &options->operations);
	if (option == "--again")
		return read("--again", value, &options->again);
	if (option == "--replay") {
		options->mode = Options::Mode::replay;
		options->file = value;
		return true;
	}
	options->bug = bug_named(value);
	if (!options->bug)
		std::fprintf(stderr, "dmremap-sim: there is no bug '%s'; --list-bugs names them\n",
			     value);
	return options->bug.has_value();
}

bool takes_value(const std::string &option)
{
	return option == "--seeds" || option == "--first-seed" || option == "--jobs" ||
	       option == "--operations" || option == "--again" ||
	       option == "--replay" || option == "--bug";
}

bool read_flag(Options *options, const std::string &option)
{
	using Mode = Options::Mode;
	if (option == "--verbose")
		options->verbose = true;
	else if (option == "--exhaustive")
		options->mode = Mode::exhaustive;
	else if (option == "--bugs")
		options->mode = Mode::bugs;
	else if (option == "--list-bugs")
		options->mode = Mode::list_bugs;
	else if (option == "--help" || option == "-h")
		options->mode = Mode::help;
	else
		return false;
	return true;
}

} // namespace

std::optional<Options> Options::parse(int count, char **words)
{
	Options options;
	for (int i = 1; i < count; ++i) {
		const std::string option = words[i];
		if (takes_value(option) && i + 1 == count) {
			std::fprintf(stderr, "dmremap-sim: %s needs a value\n", words[i]);
			return std::nullopt;
		}
		if (takes_value(option)) {
			if (!read_value(&options, option, words[++i]))
				return std::nullopt;
		} else if (!read_flag(&options, option)) {
			std::fprintf(stderr, "dmremap-sim: there is no option %s; try --help\n",
				     words[i]);
			return std::nullopt;
		}
	}
	return options;
}

const char *Options::help()
{
	return "usage: dmremap-sim [OPTION...]\n"
	       "\n"
	       "Runs the core on simulated disks that fail, and looks whether any promise breaks.\n"
	       "\n"
	       "  --seeds N         that many random runs (1000)\n"
	       "  --first-seed S    from this one on (1)\n"
	       "  --exhaustive      every short workload, every crash point, instead; N and S "
	       "choose\n"
	       "                    among the workloads\n"
	       "  --operations O    workloads of up to O operations (3)\n"
	       "  --again O         for those of up to O the power fails in the recovery, too (2)\n"
	       "  --jobs J          processes (1)\n"
	       "  --bug NAME        with this bug planted in the core\n"
	       "  --bugs            plants each bug and looks whether N seeds catch it (10000)\n"
	       "  --list-bugs       their names\n"
	       "  --replay FILE     one run, as printed when a promise broke\n"
	       "  --verbose         how often each kind of trouble came; a replay prints every I/O\n"
	       "  --help            this text\n"
	       "\n"
	       "Exit status: 0 when every promise was kept, 1 when not, 2 for a wrong option.\n";
}

} // namespace remap::sim
