// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/serving_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <sstream>
#include <thread>

#include "core/engine/table_line.h"
#include "tools/dmremap/table_words.h"

namespace dmremap {
namespace {

// A server that was killed has its devices for a moment longer, until the kernel has ended its I/O.
std::unique_ptr<DeviceFile> open_when_free(const std::string &path)
{
	constexpr int kTries = 40;
	constexpr std::chrono::milliseconds kSoon(50);
	for (int i = 1;; ++i) {
		try {
			return open_device(path, Access::read_write);
		} catch (const Failure &failure) {
			if (failure.code() != ExitCode::busy || i == kTries)
				throw;
		}
		std::this_thread::sleep_for(kSoon);
	}
}

// Before they are taken: a device given twice is not in use by somebody else.
const std::string &looked_at(const std::string &main, const std::vector<std::string> &spares)
{
	const OpenedSpares looked(spares, Access::look);
	require_devices(open_device(main, Access::look)->facts(), looked.files());
	return main;
}

std::vector<std::unique_ptr<DeviceFile>> open_when_free(const std::vector<std::string> &paths)
{
	std::vector<std::unique_ptr<DeviceFile>> files;
	for (const std::string &path : paths)
		files.push_back(open_when_free(path));
	return files;
}

SpareFiles pointers_to(const std::vector<std::unique_ptr<DeviceFile>> &files)
{
	SpareFiles pointers;
	for (const auto &file : files)
		pointers.push_back(file.get());
	return pointers;
}

// A file has no logical block of its own: that of the set it belongs to, or a sector.
remap::Geometry geometry_of(const DeviceFile &main, const SpareFiles &spares, bool has_set)
{
	const bool unknown = !main.is_block_device() && has_set;
	remap::Geometry geometry{main.sectors(), {},
				 unknown ? 0 : main.logical_block() / remap::kSectorBytes,
				 remap::physical_sectors(main.physical_block(), main.alignment_offset())};
	for (const DeviceFile *spare : spares)
		geometry.spares.add(spare->sectors());
	return geometry;
}

// The rule is that of a table line.
void require_few(const SpareFiles &spares)
{
	std::vector<std::string> paths;
	for (const DeviceFile *spare : spares)
		paths.push_back(spare->path());
	(void)policy_of(paths, {});
}

}  // namespace

remap::host::Faults faults_of(const std::vector<std::string> &words)
{
	remap::host::Faults faults;
	for (const std::string &word : words) {
		remap::u64 first = 0, last = 0;
		char dash = 0;
		std::istringstream stream(word);
		const bool one = static_cast<bool>(stream >> first) && stream.eof();
		const bool range = !one && stream >> dash >> last && dash == '-' && stream.eof();
		if (!one && (!range || last < first))
			throw Failure(ExitCode::wrong_arguments,
				      fmt::format("--fail-sectors '{}' is neither a sector nor a "
						  "range FIRST-LAST",
						  word));
		faults.add(first, one ? 1 : last - first + 1);
	}
	return faults;
}

// The rules are those of a table line, so it becomes one.
remap::Policy policy_of(const std::vector<std::string> &spares, std::vector<std::string> words)
{
	for (std::size_t i = 1; i < spares.size(); ++i)
		words.insert(words.end(), {"spare", spares[i]});
	words.insert(words.begin(), {"main", spares.front(), std::to_string(words.size())});
	std::vector<char *> pointers;
	for (std::string &word : words)
		pointers.push_back(word.data());
	remap::TableLine line;
	remap::TableLineParser parser(static_cast<remap::u32>(pointers.size()), pointers.data());
	const remap::LineFault fault = parser.parse(&line);
	if (fault)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("{}: '{}'", fault.sentence, fault.found));
	return line.policy;
}

Failure no_io_uring(const remap::host::RingFailure &error)
{
	if (error.code().value() == ENOMEM)
		return {ExitCode::no_memory, "not enough memory for io_uring"};
	return {ExitCode::wrong_device,
		fmt::format("this kernel offers no io_uring: {}", error.code().message())};
}

ServingSet::ServingSet(remap::host::Reactor &reactor, const std::string &main,
		       const std::vector<std::string> &spares, const remap::host::Faults &faults,
		       const std::string &name)
    : faults_(faults), main_(open_when_free(looked_at(main, spares))),
      spares_(open_when_free(spares)), host_(reactor, *main_, pointers_to(spares_), faults_, name),
      volume_(reactor, host_)
{
	require_devices(main_->facts(), pointers_to(spares_));
	main_->go_direct();
	for (const auto &spare : spares_)
		spare->go_direct();
}

void ServingSet::open(remap::Terms terms, const remap::Policy &policy)
{
	terms.allow_degraded = policy.allow_degraded;
	terms_ = terms;
	volume_.set_policy(policy);
	remap::Refusal why;
	const SpareFiles spares = pointers_to(spares_);
	const remap::Status opened =
		volume_.open(geometry_of(*main_, spares, !terms.set.nil()), terms, why);
	if (!opened.ok())
		throw Failure(exit_code_of(opened.error()),
			      fmt::format("{}: {}", paths_of(spares),
					  why.any() ? why.text() : remap::text_of(opened.error())));
}

remap::frontend::Reply ServingSet::reload(const std::string &path) noexcept
{
	try {
		const std::lock_guard<std::mutex> one(reloads_);
		go_on_with(path);
		return {};
	} catch (const Failure &failure) {
		return {errno_of(failure.code()), failure.what()};
	} catch (const std::bad_alloc &) {
		return {ENOMEM, ""};
	}
}

void ServingSet::go_on_with(const std::string &path)
{
	const bool with_gone = path.empty();
	SpareFiles wanted = used_spares(with_gone);
	if (with_gone || path == TableWords::kMissing)
		return reload(wanted);
	// Before it is taken: a device given twice is not in use by somebody else.
	const auto looked = open_device(path, Access::look);
	wanted.push_back(looked.get());
	require_few(wanted);
	require_devices(main_->facts(), wanted);
	spares_.push_back(open_device(path, Access::read_write));
	wanted.back() = spares_.back().get();
	try {
		require_devices(main_->facts(), wanted);
		wanted.back()->go_direct();
		reload(wanted);
	} catch (...) {
		let_go();
		throw;
	}
}

void ServingSet::reload(const SpareFiles &wanted)
{
	remap::host::SpareList list;
	list.geometry = geometry_of(*main_, wanted, true);
	std::copy(wanted.begin(), wanted.end(), list.spare);
	remap::Refusal why;
	remap::Terms terms = terms_;
	terms.allow_degraded = true; // who asks knows who is gone
	const remap::Status done = volume_.reload(list, terms, why);
	if (done.error() == remap::Error::interrupted)
		throw Failure(ExitCode::busy, "its server is ending");
	if (!done.ok())
		throw Failure(exit_code_of(done.error()),
			      fmt::format("{}: {}", paths_of(wanted),
					  why.any() ? why.text() : remap::text_of(done.error())));
	let_go();
}

// Those in use; and those that are gone but named.
SpareFiles ServingSet::used_spares(bool with_gone)
{
	const remap::host::Volume::Visit visit(volume_);
	SpareFiles used;
	for (remap::DeviceIndex device = remap::kFirstSpare; device < host_.devices(); ++device)
		if (with_gone ? volume_.engine().uses(device) : volume_.in_use(device))
			used.push_back(&host_.file(device));
	return used;
}

// What the host does not name any more.
void ServingSet::let_go()
{
	const remap::host::Volume::Visit visit(volume_);
	const auto is_named = [this](const std::unique_ptr<DeviceFile> &file) {
		for (remap::DeviceIndex device = remap::kFirstSpare; device < host_.devices(); ++device)
			if (&host_.file(device) == file.get())
				return true;
		return false;
	};
	spares_.erase(std::remove_if(spares_.begin(), spares_.end(),
				     [&](const auto &file) { return !is_named(file); }),
		      spares_.end());
}

}  // namespace dmremap
