// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap spare list|prepare|add|remove: the spares of a device while it is in use.
//
// A mapped device gets and loses a spare by another table, which this loads and resumes with. A
// server does the same when it is asked to.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tools/dmremap/commands.h"
#include "tools/dmremap/output.h"
#include "tools/dmremap/preparation.h"
#include "tools/dmremap/table_words.h"

namespace dmremap {
namespace {

namespace fs = std::filesystem;

struct Arguments {
	std::string name;  // of the device
	std::string spare; // a path; of `remove` also a member's number
	std::string set;   // `prepare`: what has the set
	Permission permission;
	Consent consent;
	bool json = false;
};

// ---- who is who ----

struct Member {
	remap::u32 number = 0;
	std::string state;	   // in_use, gone, missing
	std::string device;	   // empty: there is none, or nobody can tell which
	std::string named;	   // the same, as the table names it
	remap::Sector sectors = 0; // 0: not known
};

// "0:in_use,1:gone", as the device tells it.
std::vector<Member> members_in(const std::string &text)
{
	std::vector<Member> members;
	std::istringstream stream(text);
	for (std::string word; std::getline(stream, word, ',');) {
		const std::size_t colon = word.find(':');
		Member member;
		std::istringstream(word.substr(0, colon)) >> member.number;
		member.state = colon == std::string::npos ? "" : word.substr(colon + 1);
		members.push_back(member);
	}
	return members;
}

// The set and number that a device says it is a member of; also one that does not answer is none.
std::optional<Introduction> member_on(const std::string &path, const std::string &set)
{
	try {
		const auto found = introduction_of(path);
		const bool member = found && found->newest.member < remap::kMaxMembers &&
				    text_of(found->newest.set) == set;
		return member ? found : std::nullopt;
	} catch (const Failure &) {
		return {};
	}
}

// Also under two names.
bool same_device(const std::string &one, const std::string &other)
{
	try {
		return open_device(one, Access::look)->facts().identity ==
		       open_device(other, Access::look)->facts().identity;
	} catch (const Failure &) {
		return false;
	}
}

remap::Sector sectors_of(const std::string &path)
{
	try {
		return open_device(path, Access::look)->sectors();
	} catch (const Failure &) {
		return 0;
	}
}

void give(Member *member, const std::string &path, const std::string &named)
{
	member->device = path;
	member->named = named;
	member->sectors = sectors_of(path);
}

std::vector<Member> members_of(const Device &device)
{
	auto status = device.values("status");
	std::vector<Member> members = members_in(status["spares"]);
	std::vector<std::pair<std::string, std::string>> unknown; // path and name
	const TableWords table(device.table().words);
	for (const std::string &named : table.spares()) {
		if (named == TableWords::kMissing)
			continue;
		const std::string path = path_of(named);
		const auto found = member_on(path, status["set"]);
		const auto member =
			std::find_if(members.begin(), members.end(), [&](const Member &one) {
				return found && one.number == found->newest.member &&
				       one.device.empty();
			});
		if (member == members.end())
			unknown.emplace_back(path, named);
		else
			give(&*member, path, named);
	}
	// One that cannot be read is the one that is left.
	std::vector<Member *> without;
	for (Member &member : members)
		if (member.device.empty() && member.state != "missing")
			without.push_back(&member);
	if (without.size() == 1 && unknown.size() == 1)
		give(without.front(), unknown.front().first, unknown.front().second);
	return members;
}

// nullptr: it is none.
const Member *member_numbered(const std::vector<Member> &members, remap::u32 number)
{
	const auto found = std::find_if(members.begin(), members.end(),
					[&](const Member &one) { return one.number == number; });
	return found == members.end() ? nullptr : &*found;
}

// Which member a device is that the table does not name. One that was removed says a number too, which may
// be another one's now: so a spare in use has to know it by its name. nullptr: none.
const Member *member_known(const std::string &path, const std::string &set,
			   const std::vector<Member> &members)
{
	const auto found = member_on(path, set);
	if (!found)
		return nullptr;
	const remap::u32 number = found->newest.member;
	for (const Member &one : members) {
		const auto told = one.state == "in_use" && !one.device.empty()
					  ? member_on(one.device, set)
					  : std::nullopt;
		if (told && told->newest.members[number].uuid == found->newest.members[number].uuid)
			return member_numbered(members, number);
	}
	return nullptr;
}

bool is_gone(const Member &member) { return member.state == "gone"; }

// The device goes on without the spares that are gone: one that is named must answer.
void leave_out_gone(const Device &device, const std::vector<Member> &members)
{
	if (device.served())
		return device.reload_served(TableWords::kMissing);
	TableWords table(device.table().words);
	for (const Member &member : members)
		if (is_gone(member) && !member.named.empty())
			table.leave_out(member.named);
	device.reload(table.text());
}

// ---- list ----

void print_members(const std::vector<Member> &members)
{
	fmt::print("{:>6} {:<8} {:>16} {}\n", "MEMBER", "STATE", "SECTORS", "DEVICE");
	for (const Member &member : members)
		fmt::print("{:>6} {:<8} {:>16} {}\n", member.number, member.state,
			   member.sectors ? fmt::to_string(member.sectors) : "-",
			   member.device.empty() ? "-" : member.device);
}

nlohmann::ordered_json json_of(const Member &member)
{
	nlohmann::ordered_json line = {{"member", member.number}, {"state", member.state}};
	if (member.sectors)
		line["sectors"] = member.sectors;
	if (!member.device.empty())
		line["device"] = member.device;
	return line;
}

void run_list(const Arguments &given)
{
	const Device device(given.name);
	const std::vector<Member> members = members_of(device);
	if (!given.json)
		return print_members(members);
	nlohmann::ordered_json report = {{"json_format_version", 1},
					 {"device", device.name()},
					 {"set", device.values("status")["set"]}};
	report["spares"] = nlohmann::json::array();
	for (const Member &member : members)
		report["spares"].push_back(json_of(member));
	report["exit_status"] = 0;
	print_json(report);
}

// ---- prepare ----

void run_prepare(const Arguments &given)
{
	if (!prepare_spare(given.spare, set_to_join(given.set), given.permission, given.consent))
		return;
	fmt::print("prepared: it joins when the set is started with all its spares and this one\n");
}

// ---- add ----

// The member that the device is already, and that is gone or missing so far; nullptr: it is none. Throws
// Failure for one in use.
const Member *comes_back(const Arguments &given, const std::string &path,
			 const std::vector<Member> &members, const std::string &set)
{
	const Member *member = member_known(path, set, members);
	if (!member || !given.permission.wipe_set.empty())
		return nullptr;
	if (member->state == "in_use")
		throw Failure(ExitCode::busy,
			      fmt::format("{} is member {} of the set of {}, which is in use", path,
					  member->number, given.name));
	fmt::print("{} is member {} of the set, which is {}: it is taken back\n", path, member->number,
		   member->state);
	return member;
}

void require_room(const std::vector<Member> &members, const std::string &set,
		  const std::string &path)
{
	if (members.size() == remap::kMaxMembers)
		throw Failure(
			ExitCode::wrong_arguments,
			fmt::format(
				"{} is to join set {}, which has {} spares; one of them has to be "
				"removed before",
				path, set, members.size()));
}

// What the set has now that it had not, or not in use.
void print_joined(const Device &device, const std::vector<Member> &before, const std::string &path)
{
	for (const Member &member : members_of(device)) {
		const Member *old = member_numbered(before, member.number);
		if (member.state != "in_use" || (old && old->state == "in_use"))
			continue;
		fmt::print("{} is member {} of {} now\n", path, member.number, device.name());
		return;
	}
	throw Failure(
		ExitCode::wrong_device,
		fmt::format(
			"{} was named in the table of {}, but the set has no further spare in use: "
			"'dmremap spare list {}' shows them, and {} says why",
			path, device.name(), device.name(),
			device.served() ? "what its server printed" : "the kernel log"));
}

void print_left_out(const std::string &name, const std::vector<Member> &members, const Member *back)
{
	for (const Member &member : members)
		if (is_gone(member) && &member != back)
			fmt::print("member {}, which is gone, is left out: 'dmremap spare add {} DEV' "
				   "takes it back if it works again, 'dmremap spare remove {} {}' gives "
				   "it up\n",
				   member.number, name, name, member.number);
}

void run_add(const Arguments &given)
{
	const Device device(given.name);
	const std::string path = fs::absolute(given.spare);
	const SetToJoin to = set_to_join(device);
	const std::string set = text_of(to.set.set);
	const std::vector<Member> members = members_of(device);
	const Member *back = comes_back(given, path, members, set);
	if (!back) {
		require_room(members, set, path);
		if (!prepare_spare(path, to, given.permission, given.consent))
			return;
	} else if (given.consent.dry_run) {
		(void)given.consent.granted();
		return;
	}
	// The new one is not to wait for those that are gone. Of these it may be one itself.
	if (std::any_of(members.begin(), members.end(), is_gone)) {
		leave_out_gone(device, members);
		print_left_out(given.name, members, back);
	}
	if (device.served()) {
		device.reload_served(path);
	} else {
		TableWords table(device.table().words);
		table.add(path, back);
		device.reload(table.text());
	}
	print_joined(device, members, path);
}

// ---- remove ----

// MEMBER, or its device.
remap::u32 member_meant(const Arguments &given, const std::vector<Member> &members,
			const std::string &set)
{
	remap::u32 number = 0;
	std::istringstream digits(given.spare);
	std::error_code none;
	const bool exists = fs::exists(given.spare, none);
	if (!exists && digits >> number && digits.eof())
		return number;
	for (const Member &member : members)
		if (exists && !member.device.empty() && same_device(member.device, given.spare))
			return member.number;
	if (const Member *member = exists ? member_known(given.spare, set, members) : nullptr)
		return member->number;
	throw Failure(
		ExitCode::wrong_arguments,
		fmt::format(
			"{} is neither the number of a spare of {} nor the device of one; 'dmremap "
			"spare list {}' shows them",
			given.spare, given.name, given.name));
}

void explain_removal(const Arguments &given, remap::u32 number, const Member *member)
{
	fmt::print("all that is on member {} of {} moves to the other spares, and the set goes on "
		   "without it\n",
		   number, given.name);
	if (member && member->state != "in_use")
		fmt::print("it is {}: what was on it and cannot be read IS LOST\n", member->state);
}

void print_freed(const Member &member, const std::string &set)
{
	fmt::print("{} is free. Its superblocks name set {} still:\nfor another use of dm-remap give "
		   "--wipe-set {}, for any other wipe it (dd if=/dev/zero of={} bs=1M)\n",
		   member.device, set, set, member.device);
}

// Returns what the device says to that. One that is gone and does not answer is left out first; where
// another spare fails, that would lose what can be read.
std::string moved_off(const Device &device, const std::vector<Member> &members, remap::u32 number,
		      const Member *member, const std::string &set)
{
	const std::string words = fmt::format("remove_spare {}", number);
	try {
		return device.message(words);
	} catch (const Failure &failure) {
		const bool dead = member && is_gone(*member) && !member_on(member->device, set);
		if (!dead || failure.code() != ExitCode::wrong_device)
			throw;
		fmt::print("{}\nso it is left out\n", failure.what());
	}
	leave_out_gone(device, members);
	return device.message(words);
}

void run_remove(const Arguments &given)
{
	const Device device(given.name);
	const std::vector<Member> members = members_of(device);
	const std::string set = device.values("status")["set"];
	const remap::u32 number = member_meant(given, members, set);
	const Member *member = member_numbered(members, number);
	explain_removal(given, number, member);
	const bool harmless = !member || member->state == "in_use";
	const Consent consent{given.consent.yes || harmless, given.consent.dry_run};
	if (!consent.granted())
		return;
	fmt::print("{}\n", moved_off(device, members, number, member, set));
	if (device.served())
		device.reload_served();
	else
		device.reload(device.table().words);
	if (member && !member->device.empty())
		print_freed(*member, set);
}

// ---- the command line ----

using Given = std::shared_ptr<Arguments>;

void add_writing(CLI::App *command, const Given &given)
{
	command->add_flag("--yes", given->consent.yes, "do not ask");
	command->add_flag("--dry-run", given->consent.dry_run, "say what would be done, and end");
}

CLI::App *add_command(CLI::App *group, const char *word, const char *what,
		      void (*run)(const Arguments &), const Given &given)
{
	CLI::App *command = group->add_subcommand(word, what);
	command->callback([run, given] { run(*given); });
	return command;
}

void add_list_command(CLI::App *group)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command = add_command(group, "list", "List the spares, their states and devices",
					run_list, given);
	command->add_option("NAME", given->name, "the mapped or served device")->required();
	command->add_flag("--json", given->json, "print JSON");
}

void add_prepare_command(CLI::App *group)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command =
		add_command(group, "prepare",
			    "Make a spare one that joins a set when it is named at the next start",
			    run_prepare, given);
	command->add_option("DEV", given->spare, "the device or image file")->required();
	command->add_option(
		       "--for", given->set,
		       "whose set: a mapped device, a served one (a name, or the path of a control "
		       "socket), or a spare of the set")
		->required();
	given->permission.add_options(*command);
	add_writing(command, given);
}

void add_add_command(CLI::App *group)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command = add_command(
		group, "add", "Add a spare to a device while it is in use", run_add, given);
	command->add_option("NAME", given->name, "the mapped or served device")->required();
	command->add_option("DEV", given->spare,
			    "the device; one that is a missing member of the set is taken back")
		->required();
	given->permission.add_options(*command);
	add_writing(command, given);
	command->footer(
		"It is prepared, then named in another table, with which the device is resumed; "
		"I/O waits "
		"for that. If that fails, it goes on as before, and the same command tries again.");
}

void add_remove_command(CLI::App *group)
{
	auto given = std::make_shared<Arguments>();
	CLI::App *command =
		add_command(group, "remove", "Move everything off a spare, and go on without it",
			    run_remove, given);
	command->add_option("NAME", given->name, "the mapped or served device")->required();
	command->add_option("MEMBER", given->spare,
			    "its number, as 'list' prints it, or its device")
		->required();
	add_writing(command, given);
	command->footer("Asks only where something can be lost: of a spare that is gone or "
			"missing. Interrupted, "
			"it goes on when the command is given again.");
}

} // namespace

void add_spare(CLI::App &program)
{
	CLI::App *group = program.add_subcommand(
		"spare", "List, add and remove the spares of a device while it is in use");
	group->require_subcommand(1);
	add_list_command(group);
	add_prepare_command(group);
	add_add_command(group);
	add_remove_command(group);
}

} // namespace dmremap
