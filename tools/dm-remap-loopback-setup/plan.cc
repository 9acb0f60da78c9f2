// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/plan.h"

#include <fmt/format.h>
#include <libdevmapper.h>

#include <filesystem>

#include "core/engine/devices.h"
#include "tools/dm-remap-loopback-setup/choice.h"
#include "tools/dm-remap-loopback-setup/linear_table.h"
#include "tools/dmremap/offline_set.h"

namespace dmremap::loopback {
namespace {

// The core's own rules on sizes.
void check_sizes(const Plan &plan)
{
	const auto facts = [&plan](const ImageFile &image, remap::u64 identity) {
		return remap::DeviceFacts{image.bytes / kTableSectorBytes, identity,
					  plan.sector_bytes, false};
	};
	char buffer[120];
	remap::Text found(buffer, sizeof(buffer));
	const remap::DeviceFacts main = facts(plan.main, 0);
	const char *sentence =
		remap::check_devices(main, facts(plan.spare, 1), main.sectors, found);
	if (sentence)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("{}{}{}", sentence, found.length() ? ": " : "", buffer));
}

std::string image_line(const char *what, const ImageFile &image, bool sparse,
		       const std::string &loop)
{
	return fmt::format("{:<6} {}, {}, {} -> {}\n", what, image.path, size_text(image.bytes),
			   image.exists ? "as it is"
			   : sparse     ? "new, sparse"
					: "new, allocated",
			   loop);
}

}  // namespace

Chosen chosen_sectors(const Options &options, uint64_t total, const BadSectors &bad)
{
	if (!options.bad_file.empty())
		return {read_bad_sectors_file(options.bad_file, total), "from " + options.bad_file};
	if (!options.count && !options.percent)
		return {};
	const uint64_t count = options.count ? *options.count : options.percent->of(total);
	if (count == 0)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("--bad-sectors-percent: that part of {} sectors, rounded "
					  "down, is none",
					  total));
	const uint64_t seed = options.seed ? *options.seed : new_seed();
	return {choose_sectors(count, total, bad, seed),
		fmt::format("at random, seed {} (--seed {} chooses the same)", seed, seed)};
}

Plan Plan::make(const Options &options)
{
	Plan plan;
	plan.sector_bytes = *options.sector_bytes;
	plan.sparse = options.sparse;
	plan.main = ImageFile::look(options.main, options.main_bytes, "--main-size");
	plan.spare = ImageFile::look(options.spare, options.spare_bytes, "--spare-size");
	if (plan.main.path == plan.spare.path ||
	    (plan.main.exists && plan.spare.exists &&
	     std::filesystem::equivalent(plan.main.path, plan.spare.path)))
		throw Failure(ExitCode::wrong_arguments,
			      "main and spare are the same file, " + plan.main.path);
	check_sizes(plan);
	if (plan.spare.exists)
		plan.set = set_on(plan.spare.path);
	plan.bad = chosen_sectors(options, plan.sectors(), {});
	plan.linear_table("/dev/loop0"); // there may be too many segments
	return plan;
}

Table Plan::linear_table(const std::string &device) const
{
	return LinearTable{device, sector_bytes, sectors(), bad.sectors}.table();
}

Table Plan::remap_table(const std::string &spare_device) const
{
	const std::string features = set.empty() ? "" : " 2 set " + set;
	return {{0, main.bytes / kTableSectorBytes, "dm-remap",
		 fmt::format("{}/{} {}{}", dm_dir(), kLinearName, spare_device, features)}};
}

std::string Plan::text(const std::string &main_loop, const std::string &spare_loop) const
{
	const uint64_t count = bad.sectors.count();
	std::string lines = image_line("main", main, sparse, main_loop) +
			    image_line("spare", spare, sparse, spare_loop);
	lines += fmt::format("bad    {} of {} sectors of {} bytes", count, sectors(), sector_bytes);
	if (count)
		lines += fmt::format(", in {} error segments, {}", bad.sectors.ranges().size(),
				     bad.how);
	return lines + '\n';
}

}  // namespace dmremap::loopback
