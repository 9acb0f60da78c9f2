// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/permission.h"

#include <fmt/format.h>

#include <set>

#ifdef DMREMAP_BLKID
#include "tools/dmremap/signature.h"
#endif

namespace dmremap {
namespace {

// The sets whose traces are there, as options that give them up.
std::string wipe_options(const OfflineJournal &journal)
{
	std::set<std::string> names;
	for (remap::u32 number = 0; number < journal.sites(); ++number)
		for (remap::u32 slot = 0; slot < remap::Site::kSlots; ++slot)
			if (journal.site(number).ours >> slot & 1)
				names.insert(text_of(journal.site(number).names[slot]));
	std::string options;
	for (const std::string &name : names)
		options += " --wipe-set " + name;
	return options;
}

[[noreturn]] void refuse_set(const OfflineSet &set, const SpareFiles &spares)
{
	throw Failure(ExitCode::busy,
		      fmt::format("{} holds set {}, epoch {}; to give up all that is remapped to it: "
				  "--wipe-set {}",
				  paths_of(spares), text_of(set.superblock().set),
				  set.superblock().epoch, text_of(set.superblock().set)));
}

// What others would find there; empty: nothing, or nobody to ask.
std::string foreign_signature(const DeviceFile &spare)
{
#ifdef DMREMAP_BLKID
	return signature_on(spare.path());
#else
	(void)spare;
	return "";
#endif
}

void require_no_signature(const SpareFiles &spares)
{
	for (const DeviceFile *spare : spares) {
		const std::string found = foreign_signature(*spare);
		if (!found.empty())
			throw Failure(ExitCode::busy,
				      fmt::format("{} holds a signature of another use ({}); "
						  "--overwrite destroys what is there",
						  spare->path(), found));
	}
}

[[noreturn]] void refuse_survey(const OfflineSet &set, const SpareFiles &spares)
{
	const std::string options = wipe_options(set.journal());
	if (!options.empty())
		throw Failure(ExitCode::busy,
			      fmt::format("{}; traces of a set are never overwritten unless it is "
					  "given up by name:{}",
					  set.reason(), options));
	if (set.error() != remap::Error::not_blank)
		set.refuse();
	require_no_signature(spares);
	throw Failure(ExitCode::busy,
		      fmt::format("{} (here the word is --overwrite)", set.reason()));
}

std::string size_text(remap::Sector sectors)
{
	const double mib = static_cast<double>(sectors) / 2048;
	return mib < 10240 ? fmt::format("{:.1f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

}  // namespace

void Permission::add_options(CLI::App &command)
{
	command.add_flag("--overwrite", overwrite,
			 "overwrite data, a file system or any other signature on the spare");
	command.add_option("--wipe-set", wipe_set,
			   "give up this set (a UUID), of which the spare has traces");
}

void Permission::put_into(remap::Terms *terms) const
{
	terms->format = overwrite;
	if (!wipe_set.empty())
		terms->wipe_set = uuid_of("--wipe-set", wipe_set);
}

void require_free(OfflineSet &set, const remap::DeviceFacts &main, const SpareFiles &spares,
		  const Permission &permission)
{
	require_devices(main, spares);
	if (!set.survey())
		refuse_survey(set, spares);
	if (set.journal().found() == remap::Found::set)
		refuse_set(set, spares);
	if (!permission.overwrite)
		require_no_signature(spares);
}

std::string cost_text(const remap::Spares &spares)
{
	const remap::Sector reserved = spares.reserved_sectors();
	const remap::Sector all = reserved + spares.data_sectors();
	return fmt::format("metadata takes {} of {} ({:.1f} %), {} are left for remaps; up to {} "
			   "extents",
			   size_text(reserved), size_text(all),
			   100.0 * static_cast<double>(reserved) / static_cast<double>(all),
			   size_text(spares.data_sectors()), spares.max_extents());
}

}  // namespace dmremap
