// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap repair SPARE [--main MAIN]: mends, and where something has to be given up, explains and asks.
#include <fmt/format.h>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/confirm.h"
#include "tools/dmremap/examination.h"

namespace dmremap {
namespace {

struct Arguments {
	std::string spare, main;
	Consent consent;
};

void explain(const Examination &found)
{
	fmt::print("{}\nIt was refused: {}\n\n", found.text(), found.refusal());
	fmt::print("What can be loaded is shown above. To go on means to give up:\n");
	for (const std::string &loss : found.losses())
		fmt::print(" * {}\n", loss);
	fmt::print("If another copy of the spare exists, or the part that cannot be read may come "
		   "back\n(another cable, another machine), try that first. 'dmremap dump' of a "
		   "copy of the\nspare shows which extents are known.\n");
}

void write(const Examination &found, DeviceFile *main, DeviceFile &spare)
{
	OfflineSet set(main, spare, found.terms(), true);
	if (!set.survey() || !set.load())
		set.refuse();
	set.close();
	const Examination after(main, {&spare}, {});
	fmt::print("{}", after.text());
	if (after.verdict() != Verdict::sound)
		throw Failure(ExitCode::wrong_device,
			      fmt::format("{}: {}", spare.path(), text_of(after.verdict())));
	fmt::print("repaired\n");
}

void run(const Arguments &given)
{
	const auto spare = open_device(
		given.spare, given.consent.dry_run ? Access::read : Access::read_write);
	const auto main = given.main.empty() ? nullptr : open_device(given.main, Access::look);
	const Examination found(main.get(), {spare.get()}, {});
	switch (found.verdict()) {
	case Verdict::sound:
		fmt::print("{}nothing is damaged, nothing was written\n", found.text());
		return;
	case Verdict::no_set:
		throw Failure(exit_code_of(found.error()), found.refusal());
	case Verdict::hopeless:
		throw Failure(ExitCode::wrong_device, fmt::format("{}; {}", found.refusal(),
								  text_of(found.verdict())));
	case Verdict::mendable:
		fmt::print("{}nothing is lost by mending this\n", found.text());
		if (!given.consent.dry_run)
			write(found, main.get(), *spare);
		return;
	case Verdict::undecided:
		explain(found);
		if (given.consent.granted())
			write(found, main.get(), *spare);
	}
}

}  // namespace

void add_repair(CLI::App &program)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"repair", "Mend a spare; where something has to be given up, explain and ask");
	command->add_option("SPARE", given->spare, "the spare, a device or an image file")
		->required();
	command->add_option("--main", given->main, "compare main's size and block with the set's");
	command->add_flag("--yes", given->consent.yes, "give up what has to be given up, unasked");
	command->add_flag("--dry-run", given->consent.dry_run, "explain, and write nothing");
	command->callback([given] { run(*given); });
}

}  // namespace dmremap
