// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/offline_set.h"

#include <fmt/format.h>

#include <cerrno>

#include "core/engine/devices.h"
#include "host/open_failure.h"

namespace dmremap {
namespace {

remap::Geometry geometry_of(const DeviceFile *main, const SpareFiles &spares, remap::u32 file_block)
{
	remap::Geometry geometry{0, {}, 0};
	for (const DeviceFile *spare : spares)
		geometry.spares.add(spare->sectors());
	if (!main)
		return geometry;
	geometry.main_sectors = main->sectors();
	geometry.block_sectors =
		(main->is_block_device() ? main->logical_block() : file_block) / remap::kSectorBytes;
	return geometry;
}

}  // namespace

std::unique_ptr<DeviceFile> open_device(const std::string &path, Access access)
{
	try {
		return std::make_unique<DeviceFile>(path, access);
	} catch (const remap::host::OpenFailure &failure) {
		const bool none = failure.error() == ENOENT || failure.error() == ENOTBLK ||
				  failure.error() == ENOTDIR;
		throw Failure(none ? ExitCode::wrong_device : exit_code_of(failure.error()),
			      failure.what());
	}
}

// Looked at before they are taken: one that is given twice is not in use by somebody else.
OpenedSpares::OpenedSpares(const std::vector<std::string> &paths, Access access)
{
	std::vector<remap::DeviceFacts> facts;
	for (const std::string &path : paths)
		facts.push_back(open_device(path, Access::look)->facts());
	char buffer[120];
	remap::Text found(buffer, sizeof(buffer));
	const char *sentence = remap::check_different(
		facts.data(), static_cast<remap::u32>(facts.size()), found);
	if (sentence)
		throw Failure(ExitCode::wrong_arguments, fmt::format("{}: {}", sentence, buffer));
	for (const std::string &path : paths) {
		files_.push_back(open_device(path, access));
		pointers_.push_back(files_.back().get());
	}
}

void require_devices(const remap::DeviceFacts &main, const SpareFiles &spares)
{
	char buffer[120];
	remap::Text found(buffer, sizeof(buffer));
	std::vector<remap::DeviceFacts> facts;
	for (const DeviceFile *spare : spares)
		facts.push_back(spare->facts());
	const char *sentence =
		remap::check_devices(main, facts.data(), static_cast<remap::u32>(facts.size()),
				     main.sectors, found);
	if (sentence)
		throw Failure(ExitCode::wrong_device,
			      fmt::format("{}{}{}", sentence, found.length() ? ": " : "", buffer));
}

ExitCode exit_code_of(remap::Error error)
{
	using remap::Error;
	switch (error) {
	case Error::ok:
		return ExitCode::ok;
	case Error::no_memory:
		return ExitCode::no_memory;
	case Error::not_blank:
	case Error::set_in_use:
		return ExitCode::busy;
	case Error::wrong_argument:
	case Error::out_of_range:
	case Error::misaligned:
	case Error::overlap:
	case Error::spare_in_use:
	case Error::table_full:
		return ExitCode::wrong_arguments;
	default:
		return ExitCode::wrong_device;
	}
}

OfflineSet::OfflineSet(DeviceFile *main, const SpareFiles &spares, const remap::Terms &terms,
		       bool writable, remap::u32 file_block)
	: paths_(paths_of(spares)), geometry_(geometry_of(main, spares, file_block)), terms_(terms),
	  host_(main, spares, writable), engine_(host_)
{
}

OfflineSet::OfflineSet(const remap::DeviceFacts &main, DeviceFile &spare, const remap::Terms &terms,
		       bool writable)
	: paths_(spare.path()),
	  geometry_{main.sectors, spare.sectors(), main.logical_block / remap::kSectorBytes}, terms_(terms),
	  host_(nullptr, spare, writable), engine_(host_)
{
}

bool OfflineSet::note(remap::Status status)
{
	error_ = status.error();
	return status.ok();
}

bool OfflineSet::survey() { return note(engine_.create(geometry_, terms_, why_)); }

bool OfflineSet::load() { return note(engine_.start(why_)); }
bool OfflineSet::format() { return note(engine_.format(why_)); }
bool OfflineSet::stage(const remap::Extent &extent) { return note(engine_.stage(extent, why_)); }
bool OfflineSet::stage_bad(remap::Sector place, remap::u64 length)
{
	return note(engine_.stage_bad(place, length, why_));
}

bool OfflineSet::prepare(const remap::Superblock &set) { return note(engine_.prepare(set, why_)); }

std::string OfflineSet::reason() const
{
	return fmt::format("{}: {}", paths_, sentence());
}

std::string text_of(const remap::Uuid &uuid)
{
	char buffer[40];
	remap::Text text(buffer, sizeof(buffer));
	text << uuid;
	return buffer;
}

remap::Uuid uuid_of(const std::string &option, const std::string &text)
{
	remap::Uuid uuid;
	if (!remap::Uuid::parse(text.c_str(), &uuid) || uuid.nil())
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("{} '{}' is not a UUID; it has 36 characters, as 'dmremap "
					  "probe' prints it",
					  option, text));
	return uuid;
}

std::string paths_of(const SpareFiles &spares)
{
	std::string text;
	for (const DeviceFile *spare : spares)
		text += (text.empty() ? "" : " ") + spare->path();
	return text;
}

std::optional<Introduction> introduction_of(const std::string &path)
{
	const auto spare = open_device(path, Access::look);
	OfflineSet set(nullptr, *spare, {}, false);
	(void)set.survey();
	const remap::Superblock *newest = set.journal().newest_superblock();
	if (!newest)
		return {};
	Introduction found{*newest};
	for (remap::u32 number = 0; number < remap::kSites; ++number) {
		const remap::Site &site = set.journal().site(number);
		found.sites += site.valid() && site.superblock.set == newest->set &&
			       site.superblock.member == newest->member;
	}
	return found;
}

// Judged as a start will, which can make a spare join; nothing is written.
std::string set_on(const std::vector<std::string> &paths)
{
	const OpenedSpares spares(paths, Access::look);
	remap::Terms terms;
	terms.allow_degraded = true;
	OfflineSet set(nullptr, spares.files(), terms, true);
	return set.survey() ? text_of(set.superblock().set) : "";
}

}  // namespace dmremap
