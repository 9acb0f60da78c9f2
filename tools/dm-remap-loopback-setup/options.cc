// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/options.h"

#include <fmt/format.h>

#include <limits>

#include "core/remap_core.h"
#include "tools/common/failure.h"

namespace dmremap::loopback {
namespace {

constexpr uint32_t kDefaultSectorBytes = 4096;

constexpr const char *kFooter =
	"Without a bad sector option main is clean. Sectors are --sector-size bytes each, numbered\n"
	"from 0; a percentage is of all sectors of main, rounded down.\n"
	"\n"
	"  dm-remap-loopback-setup -c 50                          100M main, 50 bad sectors\n"
	"  dm-remap-loopback-setup -M 1G -S 500M -p 5             1G main, 5 % of it bad\n"
	"  dm-remap-loopback-setup --add-bad-sectors -c 50 -v     50 more, while it is in use\n"
	"  dm-remap-loopback-setup --cleanup                      removes what was made\n"
	"\n"
	"Exit codes: 0 done, 1 wrong arguments, 2 no permission, 3 out of memory, 4 wrong device, "
	"5 exists or busy.";

// What was typed, as text: the sentences about it are ours.
struct Typed {
	std::string main_size = "100M";
	std::string spare_size = "20M";
	std::string count, percent, seed, sector_size;
	bool sparse = false, no_sparse = false, no_bad = false, add = false, cleanup = false;
};

void add_set_up(CLI::App &program, Options *options, Typed *typed)
{
	program.add_option("-m,--main", options->main, "image file of main (main.img)")
		->type_name("FILE");
	program.add_option("-s,--spare", options->spare, "image file of the spare (spare.img)")
		->type_name("FILE");
	program.add_option("-M,--main-size", typed->main_size, "its size, such as 512K or 1G (100M)")
		->type_name("SIZE");
	program.add_option("-S,--spare-size", typed->spare_size, "the same of the spare (20M)")
		->type_name("SIZE");
	program.add_flag("--sparse", typed->sparse, "new files take no room yet; the default");
	program.add_flag("--no-sparse", typed->no_sparse, "new files are allocated in full")
		->excludes("--sparse");
	program.add_option("--sector-size", typed->sector_size,
			   "bytes in a sector of both devices, 512 or 4096 (4096)")
		->type_name("BYTES");
}

void add_bad_sectors(CLI::App &program, Options *options, Typed *typed)
{
	program.add_option("-f,--bad-sectors-file", options->bad_file,
			   "a list of bad sectors: a number or first-last a line, # for comments")
		->type_name("FILE");
	program.add_option("-c,--bad-sectors-count", typed->count, "so many bad sectors, at random")
		->type_name("N")
		->excludes("-f");
	program.add_option("-p,--bad-sectors-percent", typed->percent,
			   "this part of all sectors, at random")
		->type_name("P")
		->excludes("-f", "-c");
	program.add_flag("--no-bad-sectors", typed->no_bad, "a clean device; the default")
		->excludes("-f", "-c", "-p");
	program.add_option("--seed", typed->seed, "repeats the random choice that had this seed")
		->type_name("N")
		->excludes("-f", "--no-bad-sectors");
}

void add_actions(CLI::App &program, Options *options, Typed *typed)
{
	program.add_flag("--add-bad-sectors", typed->add,
			 "make further sectors bad while the devices are in use")
		->excludes("-m", "-s", "-M", "-S", "--sparse", "--no-sparse", "--no-bad-sectors");
	program.add_flag("--cleanup", typed->cleanup, "remove what was made, and nothing else")
		->excludes("--add-bad-sectors");
	program.add_option("--output-script", options->script,
			   "write a shell script that does the same")
		->type_name("FILE");
	program.add_flag("--dry-run", options->dry_run,
			 "print what would be done, with the exact tables, and do nothing");
	program.add_option("--state-dir", options->folder,
			   "where the record of what was made is kept (" + options->folder + ")")
		->type_name("DIR");
	program.add_flag("-v,--verbose", options->verbose, "say every step");
	program.set_version_flag("-V,--version", "dm-remap-loopback-setup " REMAP_VERSION);
}

uint32_t sector_bytes_of(const std::string &text)
{
	if (text != "512" && text != "4096")
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("--sector-size '{}': expected 512 or 4096", text));
	return text == "512" ? 512 : 4096;
}

uint64_t whole_sectors(const char *option, const std::string &text, uint32_t sector_bytes)
{
	const uint64_t bytes = parse_size(option, text);
	if (bytes % sector_bytes)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("{} '{}': expected whole sectors of {} bytes", option, text,
					  sector_bytes));
	return bytes;
}

void understand(const Typed &typed, Options *options)
{
	constexpr uint64_t most = std::numeric_limits<uint64_t>::max();
	if (!typed.sector_size.empty())
		options->sector_bytes = sector_bytes_of(typed.sector_size);
	const uint32_t sector = options->sector_bytes.value_or(kDefaultSectorBytes);
	options->main_bytes = whole_sectors("--main-size", typed.main_size, sector);
	options->spare_bytes = whole_sectors("--spare-size", typed.spare_size, sector);
	options->sparse = !typed.no_sparse;
	if (!typed.count.empty())
		options->count = parse_count("--bad-sectors-count", typed.count, most);
	if (options->count == 0)
		throw Failure(ExitCode::wrong_arguments,
			      "--bad-sectors-count '0': expected at least 1; --no-bad-sectors makes "
			      "a clean device");
	if (!typed.percent.empty())
		options->percent = Percent::parse("--bad-sectors-percent", typed.percent);
	if (!typed.seed.empty())
		options->seed = parse_count("--seed", typed.seed, most);
	if (options->seed && !options->count && !options->percent)
		throw Failure(ExitCode::wrong_arguments,
			      "--seed repeats a random choice: give -c or -p with it");
}

}  // namespace

Options parse_options(CLI::App &program, int argc, char **argv)
{
	Options options;
	Typed typed;
	add_set_up(program, &options, &typed);
	add_bad_sectors(program, &options, &typed);
	add_actions(program, &options, &typed);
	program.footer(kFooter);
	program.get_formatter()->label("Excludes", "not with");
	program.parse(argc, argv);
	understand(typed, &options);
	if (typed.cleanup)
		options.action = Options::Action::clean_up;
	if (typed.add)
		options.action = Options::Action::add_bad_sectors;
	if (typed.add && !options.has_bad_sectors())
		throw Failure(ExitCode::wrong_arguments,
			      "--add-bad-sectors: say which, with -c, -p or -f");
	if (options.action != Options::Action::add_bad_sectors && !options.sector_bytes)
		options.sector_bytes = kDefaultSectorBytes;
	return options;
}

}  // namespace dmremap::loopback
