// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap probe SPARE: what is on it, as KEY=value for udev and the shell. Reads superblocks alone, so
// it may look at a member in use.
#include <fmt/format.h>

#include <cctype>
#include <cstring>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/examination.h"
#include "tools/dmremap/output.h"

namespace dmremap {
namespace {

constexpr int kNoSet = static_cast<int>(ExitCode::wrong_device);

const char *state_word(const remap::Superblock &newest)
{
	if (newest.member == remap::kNoMember)
		return "prepared";
	switch (newest.state) {
	case remap::SetState::formatting:
		return "formatting";
	case remap::SetState::ready:
		return "ready";
	case remap::SetState::opened:
		return "opened";
	case remap::SetState::clean:
		return "clean";
	}
	return "unknown";
}

// A word that neither a shell nor udev takes apart.
std::string plain(const std::string &text)
{
	std::string result;
	for (const char c : text)
		result += std::isalnum(static_cast<unsigned char>(c)) || strchr("-._:+@", c) ? c : '_';
	return result;
}

remap::u32 members_of(const remap::Superblock &set, bool in_use)
{
	remap::u32 members = 0;
	for (const remap::Member &member : set.members)
		members += in_use ? member.in_use() : member.gone();
	return members;
}

// One spare of several is no set, nor is one that is prepared for a set; it is as good as its sites say.
bool is_sound_part(const OfflineSet &set, const remap::Superblock *newest)
{
	if (!newest || set.error() != remap::Error::wrong_set)
		return false;
	remap::u32 good = 0;
	for (remap::u32 number = 0; number < remap::kSites; ++number)
		good += !is_damage(set.journal().site_state(number));
	const bool part = newest->member == remap::kNoMember ||
			  members_of(*newest, true) + members_of(*newest, false) > 1;
	return part && 2 * good > remap::kSites;
}

void print_set(const OfflineJournal &journal, const remap::Superblock &newest)
{
	remap::u32 good = 0;
	for (remap::u32 number = 0; number < remap::kSites; ++number)
		good += journal.site(number).valid();
	fmt::print("DMREMAP_SET={}\n", text_of(newest.set));
	if (newest.member < remap::kMaxMembers) {
		fmt::print("DMREMAP_MEMBERS={}\n", members_of(newest, true));
		fmt::print("DMREMAP_MEMBERS_GONE={}\n", members_of(newest, false));
		fmt::print("DMREMAP_MEMBER={}\n", text_of(newest.members[newest.member].uuid));
		fmt::print("DMREMAP_MEMBER_NUMBER={}\n", newest.member);
	}
	fmt::print("DMREMAP_STATE={}\n", state_word(newest));
	fmt::print("DMREMAP_EPOCH={}\n", newest.epoch);
	fmt::print("DMREMAP_GENERATION={}\n", newest.generation);
	fmt::print("DMREMAP_SITES={}\n", good);
	fmt::print("DMREMAP_MAIN_SECTORS={}\n", newest.main_sectors);
	fmt::print("DMREMAP_BLOCK_BYTES={}\n", newest.block_bytes);
	if (newest.main_id[0])
		fmt::print("DMREMAP_MAIN_ID={}\n", plain(newest.main_id));
}

int run(const std::string &path)
{
	const auto spare = open_device(path, Access::look);
	OfflineSet set(nullptr, *spare, {}, false);
	const bool surveyed = set.survey();
	const remap::Superblock *newest = set.journal().newest_superblock();
	const bool usable = surveyed || is_sound_part(set, newest);
	const bool damaged = set.error() == remap::Error::damaged ||
			     set.error() == remap::Error::unknown_format;
	if (!usable && !damaged) {
		fmt::print(stderr, "dmremap: {}\n", set.reason());
		return set.error() == remap::Error::no_memory
			       ? static_cast<int>(ExitCode::no_memory)
			       : kNoSet;
	}
	fmt::print("DMREMAP_USABLE={}\n", usable ? 1 : 0);
	if (newest)
		print_set(set.journal(), *newest);
	if (!usable)
		fmt::print(stderr, "dmremap: {}\n", set.reason());
	return 0;
}

}  // namespace

void add_probe(CLI::App &program)
{
	auto spare = std::make_shared<std::string>();
	CLI::App *command = program.add_subcommand(
		"probe", "Print what a device is as KEY=value; also of a member in use");
	command->add_option("SPARE", *spare, "a device or an image file")->required();
	command->footer("Exit codes: 0 there is a set (DMREMAP_USABLE=0: a damaged one), 4 there is "
			"none.");
	command->callback([spare] { throw Exit{run(*spare)}; });
}

}  // namespace dmremap
