// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap check SPARE... [--main MAIN] [--repair] [--json]: fsck's questions, and fsck's exit bits.
#include <cstdio>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/examination.h"
#include "tools/dmremap/output.h"

namespace dmremap {
namespace {

// fsck(8).
constexpr int kClean = 0;
constexpr int kCorrected = 1;
constexpr int kUncorrected = 4;
constexpr int kOperational = 8;

struct Arguments {
	std::vector<std::string> spares;
	std::string main;
	bool repair = false;
	bool json = false;
};

void print(const Examination &found, const Arguments &given, int code)
{
	if (given.json) {
		nlohmann::ordered_json report = found.json();
		report["exit_status"] = code;
		print_json(report);
		return;
	}
	fmt::print("{}", found.text());
	if (!found.refusal().empty())
		fmt::print("refused      {}\n", found.refusal());
	for (const std::string &loss : found.losses())
		fmt::print("would lose   {}\n", loss);
	fmt::print("verdict      {}\n", text_of(found.verdict()));
}

int code_of(Verdict verdict)
{
	return verdict == Verdict::sound    ? kClean
	       : verdict == Verdict::no_set ? kOperational
					    : kUncorrected;
}

// What every start does, without serving any I/O.
bool mend(DeviceFile *main, const SpareFiles &spares)
{
	remap::Terms terms;
	terms.allow_degraded = true;
	OfflineSet set(main, spares, terms, true);
	const bool mended = set.survey() && set.load();
	if (mended)
		set.close();
	else
		fmt::print(stderr, "dmremap: {}\n", set.reason());
	return mended;
}

int run(const Arguments &given)
{
	const OpenedSpares spares(given.spares, given.repair ? Access::read_write : Access::read);
	const auto main = given.main.empty() ? nullptr : open_device(given.main, Access::look);
	const Examination first(main.get(), spares.files(), {});
	if (first.verdict() != Verdict::mendable || !given.repair) {
		print(first, given, code_of(first.verdict()));
		return code_of(first.verdict());
	}
	if (!given.json)
		fmt::print("{}", first.text());
	const bool mended = mend(main.get(), spares.files());
	const Examination second(main.get(), spares.files(), {});
	const bool sound = mended && second.verdict() == Verdict::sound;
	const int code = sound ? kCorrected : kUncorrected;
	if (!given.json)
		fmt::print("after the repair:\n");
	print(second, given, code);
	return code;
}

}  // namespace

void add_check(CLI::App &program)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command = program.add_subcommand(
		"check", "Say what is damaged on a set's spares and what would be lost");
	command->add_option("SPARE", given->spares,
			    "the spare, a device or an image file; all of them, if the set has "
			    "several")
		->required()
		->expected(1, remap::kMaxSpares);
	command->add_option("--main", given->main, "compare main's size and block with the set's");
	command->add_flag("--repair", given->repair,
			  "mend what can be mended without losing anything; nothing is written "
			  "without this");
	command->add_flag("--json", given->json, "print JSON");
	command->footer("Exit bits are fsck's: 0 nothing is damaged, 1 damage was mended, 4 damage "
			"is left, 8 the spare could not be checked, 16 wrong arguments.");
	command->callback([given] {
		int code;
		try {
			code = run(*given);
		} catch (const Failure &failure) {
			fmt::print(stderr, "dmremap: {}\n", failure.what());
			code = kOperational;
		}
		throw Exit{code};
	});
}

}  // namespace dmremap
