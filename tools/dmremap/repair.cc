// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap repair SPARE... [--main MAIN] [--without MEMBER]: mends, and where something has to be given up,
// explains and asks.
#include <fmt/format.h>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/confirm.h"
#include "tools/dmremap/examination.h"

namespace dmremap {
namespace {

struct Arguments {
	std::vector<std::string> spares;
	std::string main;
	std::vector<remap::u32> without; // members
	Consent consent;
};

void explain(const Examination &found)
{
	fmt::print("{}\n", found.text());
	if (!found.refusal().empty())
		fmt::print("It was refused: {}\n\n", found.refusal());
	fmt::print("What can be loaded is shown above. To go on means to give up:\n");
	for (const std::string &loss : found.losses())
		fmt::print(" * {}\n", loss);
	fmt::print("If another copy of a spare exists, or the part that cannot be read may come "
		   "back\n(another cable, another machine), try that first. 'dmremap dump' of "
		   "repaired copies\nshows which extents are known.\n");
}

void write(const Examination &found, DeviceFile *main, const SpareFiles &spares)
{
	OfflineSet set(main, spares, found.terms(), true);
	if (!set.survey() || !set.load())
		set.refuse();
	set.close();
	const Examination after(main, spares, {});
	fmt::print("{}", after.text());
	if (after.verdict() != Verdict::sound && after.verdict() != Verdict::degraded)
		throw Failure(ExitCode::wrong_device,
			      fmt::format("{}: {}", paths_of(spares), text_of(after.verdict())));
	fmt::print("repaired\n");
}

void run(const Arguments &given)
{
	const OpenedSpares spares(given.spares,
				  given.consent.dry_run ? Access::read : Access::read_write);
	const auto main = given.main.empty() ? nullptr : open_device(given.main, Access::look);
	remap::Terms terms;
	for (const remap::u32 member : given.without)
		terms.without |= 1u << member;
	const Examination found(main.get(), spares.files(), terms);
	switch (found.verdict()) {
	case Verdict::sound:
		fmt::print("{}nothing is damaged, nothing was written\n", found.text());
		return;
	case Verdict::degraded:
		fmt::print("{}{}\nnothing was written\n", found.text(), text_of(found.verdict()));
		return;
	case Verdict::no_set:
		throw Failure(exit_code_of(found.error()), found.refusal());
	case Verdict::hopeless:
		throw Failure(ExitCode::wrong_device, fmt::format("{}; {}", found.refusal(),
								  text_of(found.verdict())));
	case Verdict::mendable:
		fmt::print("{}nothing is lost by mending this\n", found.text());
		if (!given.consent.dry_run)
			write(found, main.get(), spares.files());
		return;
	case Verdict::undecided:
		explain(found);
		if (given.consent.granted())
			write(found, main.get(), spares.files());
	}
}

}  // namespace

void add_repair(CLI::App &program)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"repair",
		"Mend a set's spares; where something has to be given up, explain and ask");
	command->add_option("SPARE", given->spares,
			    "the spare, a device or an image file; all of them, if the set has "
			    "several")
		->required()
		->expected(1, remap::kMaxSpares);
	command->add_option("--main", given->main, "compare main's size and block with the set's");
	command->add_option("--without", given->without,
			    "give up this member of the set (a number), which is missing, with all "
			    "that is on it; as often as needed")
		->check(CLI::Range(0u, remap::kMaxMembers - 1))
		->allow_extra_args(false);
	command->add_flag("--yes", given->consent.yes, "give up what has to be given up, unasked");
	command->add_flag("--dry-run", given->consent.dry_run, "explain, and write nothing");
	command->callback([given] { run(*given); });
}

}  // namespace dmremap
