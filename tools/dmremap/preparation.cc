// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/preparation.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "tools/dmremap/main_identity.h"
#include "tools/dmremap/table_words.h"

namespace dmremap {
namespace {

namespace fs = std::filesystem;

remap::u64 number_of(const std::map<std::string, std::string> &status, const char *key)
{
	const auto found = status.find(key);
	if (found == status.end() || found->second.empty() ||
	    found->second.find_first_not_of("0123456789") != std::string::npos)
		throw Failure(
			ExitCode::wrong_device,
			fmt::format(
				"the device does not tell its {}; 'dmremap status' shows what it "
				"does",
				key));
	return std::stoull(found->second);
}

// Of what main is to the set, also where main itself cannot be looked at: the spare is another
// device.
remap::DeviceFacts main_facts(const SetToJoin &to, const DeviceFile &spare)
{
	remap::DeviceFacts facts{to.set.main_sectors, spare.facts().identity + 1,
				 to.set.block_bytes};
	std::error_code none;
	if (!to.main.empty() && fs::exists(to.main, none))
		facts.identity = open_device(to.main, Access::look)->facts().identity;
	return facts;
}

void require_not_main(const std::string &path, const SetToJoin &to)
{
	const std::string identity = main_identity(path);
	if (!identity.empty() && identity == to.set.main_id)
		throw Failure(ExitCode::wrong_device,
			      fmt::format("{} is the main device of set {}: {}", path,
					  text_of(to.set.set), identity));
}

bool is_prepared(const std::string &path, const SetToJoin &to)
{
	const auto found = introduction_of(path);
	return found && found->prepared() && found->newest.set == to.set.set &&
	       found->newest.max_extents == to.set.max_extents && found->sites == remap::kSites;
}

remap::Terms terms_of(const SetToJoin &to, const Permission &permission)
{
	remap::Terms terms;
	terms.max_extents = to.set.max_extents;
	permission.put_into(&terms);
	return terms;
}

} // namespace

std::string path_of(const std::string &named)
{
	const bool numbers = named.find(':') != std::string::npos &&
			     named.find_first_not_of("0123456789:") == std::string::npos;
	if (!numbers)
		return named;
	std::error_code error;
	std::string name = fs::canonical("/sys/dev/block/" + named, error).filename();
	std::replace(name.begin(), name.end(), '!', '/');
	return error ? "/dev/block/" + named : "/dev/" + name;
}

SetToJoin set_to_join(const Device &device)
{
	const auto status = device.values("status");
	const TableWords table(device.table().words);
	SetToJoin to;
	const auto set = status.find("set");
	if (set == status.end() || !remap::Uuid::parse(set->second.c_str(), &to.set.set) ||
	    to.set.set.nil())
		throw Failure(ExitCode::wrong_device,
			      device.name() +
				      " has no set yet; it has one as soon as it was resumed");
	to.set.main_sectors = number_of(status, "main_sectors");
	to.set.block_bytes =
		static_cast<remap::u32>(number_of(status, "block_sectors") * remap::kSectorBytes);
	to.set.max_extents = number_of(status, "max_extents");
	const std::string id = table.main_id();
	id.copy(to.set.main_id, remap::kMainIdBytes);
	to.main = path_of(table.main());
	return to;
}

SetToJoin set_to_join(const std::string &named)
{
	std::error_code none;
	if (!Served::exists(named) && fs::exists(named, none)) {
		const auto found = introduction_of(named);
		if (found && !found->prepared())
			return {found->newest, ""};
		if (found)
			throw Failure(ExitCode::wrong_device,
				      fmt::format("{} is itself prepared only, for set {}; name a "
						  "spare that is "
						  "one, or the device",
						  named, text_of(found->newest.set)));
	}
	return set_to_join(Device(named));
}

bool prepare_spare(const std::string &path, const SetToJoin &to, const Permission &permission,
		   const Consent &consent)
{
	if (is_prepared(path, to)) {
		fmt::print("{} is prepared for set {} already\n", path, text_of(to.set.set));
		return !consent.dry_run;
	}
	require_not_main(path, to);
	const auto spare = open_device(path, Access::read_write);
	const remap::DeviceFacts main = main_facts(to, *spare);
	OfflineSet set(main, *spare, terms_of(to, permission), true);
	require_free(set, main, {spare.get()}, permission);
	fmt::print("{} becomes one that joins set {}{}\n{}\n", path, text_of(to.set.set),
		   permission.overwrite || !permission.wipe_set.empty()
			   ? "; WHAT IS THERE IS DESTROYED"
			   : "",
		   cost_text(set.journal().spares()));
	if (!consent.granted())
		return false;
	if (!set.prepare(to.set))
		set.refuse();
	return true;
}

} // namespace dmremap
