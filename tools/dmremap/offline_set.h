// SPDX-License-Identifier: GPL-2.0-or-later
// OfflineSet: the core on spares that no mapped device uses. All that is known of the format and its
// rules is the core's; this opens what it needs and keeps the sentences.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/engine.h"
#include "host/posix_host.h"
#include "tools/common/failure.h"

namespace remap {

extern template class Engine<host::PosixHost>;
extern template class Journal<host::PosixHost>;

}  // namespace remap

namespace dmremap {

using remap::host::Access;
using remap::host::DeviceFile;

using OfflineEngine = remap::Engine<remap::host::PosixHost>;
using OfflineJournal = remap::Journal<remap::host::PosixHost>;

// Throws Failure where DeviceFile throws OpenFailure.
std::unique_ptr<DeviceFile> open_device(const std::string &path, Access access);

// The spares of a set, as they were named; from one to kMaxSpares, which the options see to.
using SpareFiles = std::vector<DeviceFile *>;

// Opens them all. Throws Failure, also when one is given twice.
class OpenedSpares {
public:
	OpenedSpares(const std::vector<std::string> &paths, Access access);
	const SpareFiles &files() const { return pointers_; }

private:
	std::vector<std::unique_ptr<DeviceFile>> files_;
	SpareFiles pointers_;
};

// Throws Failure when they cannot be main and spares of a set.
void require_devices(const remap::DeviceFacts &main, const SpareFiles &spares);

// What a cause of the core's means for the exit code.
ExitCode exit_code_of(remap::Error error);

class OfflineSet {
public:
	// `main` may be nullptr: the set says what main was. Nothing is written unless `writable`.
	// A main that is an image file has `file_block` bytes in a logical block; 0: what the set
	// says.
	OfflineSet(DeviceFile *main, const SpareFiles &spares, const remap::Terms &terms,
		   bool writable, remap::u32 file_block = 0);
	OfflineSet(DeviceFile *main, DeviceFile &spare, const remap::Terms &terms, bool writable,
		   remap::u32 file_block = 0)
		: OfflineSet(main, SpareFiles{&spare}, terms, writable, file_block)
	{
	}

	// Of a main that is not there: its size and its logical block.
	OfflineSet(const remap::DeviceFacts &main, DeviceFile &spare, const remap::Terms &terms,
		   bool writable);

	// Reads the sites; load() then the rest, and when writable mends and begins an epoch. false:
	// refused, see reason().
	bool survey();
	bool load();
	bool format();
	bool stage(const remap::Extent &extent);
	bool stage_bad(remap::Sector place, remap::u64 length);
	// Makes the spare, which was surveyed, one that joins this set.
	bool prepare(const remap::Superblock &set);
	// Marks the set as closed, after a load that could write.
	void close() { engine_.postsuspend(); }

	// Why the last call was refused, as a sentence that begins with the spares' paths.
	std::string reason() const;
	// The same without the paths.
	std::string sentence() const { return why_.any() ? why_.text() : remap::text_of(error_); }
	remap::Error error() const { return error_; }
	[[noreturn]] void refuse() const { throw Failure(exit_code_of(error_), reason()); }

	const OfflineEngine &engine() const { return engine_; }
	const OfflineJournal &journal() const { return engine_.journal(); }
	const remap::Superblock &superblock() const { return journal().superblock(); }
	const std::vector<std::string> &log() const { return host_.lines(); }

private:
	bool note(remap::Status status);

	const std::string paths_;
	remap::Geometry geometry_;
	remap::Terms terms_;
	remap::host::PosixHost host_;
	OfflineEngine engine_;
	remap::Refusal why_;
	remap::Error error_ = remap::Error::ok;
};

// A UUID as text, and back; the other way throws Failure with `option` in the sentence.
std::string text_of(const remap::Uuid &uuid);
remap::Uuid uuid_of(const std::string &option, const std::string &text);

// What a device says of itself, and how many of its sites say the same; it may be in use.
struct Introduction {
	remap::Superblock newest;
	remap::u32 sites = 0;

	// It joins `newest.set` with the next load that names it.
	bool prepared() const { return newest.member == remap::kNoMember; }
};
// Empty: nothing that counts, or it cannot be read. Throws Failure when it cannot be opened.
std::optional<Introduction> introduction_of(const std::string &path);

// The set on spares, which a table names, so that no other disk under the same path is taken for one.
// Empty: none, or not all of one, and the kernel judges what there is.
std::string set_on(const std::vector<std::string> &paths);
inline std::string set_on(const std::string &path) { return set_on(std::vector{path}); }
// Their paths, as a sentence names them.
std::string paths_of(const SpareFiles &spares);

// Calls each(Extent) for what the table holds, in the order of main, cut where places that follow each
// other are apart on the devices.
template <class Each> void for_each_extent(const OfflineEngine &engine, Each &&each)
{
	remap::Extent extent;
	for (remap::Sector at = 0; at < engine.main_sectors() && engine.table().next(at, &extent);
	     at = extent.main + extent.length) {
		if (extent.state != remap::State::pending)
			extent.length = engine.spares().contiguous(extent.place, extent.length);
		each(extent);
	}
}

// The same for each stretch of places that failed: each(first, length).
template <class Each> void for_each_bad_place(const OfflineEngine &engine, Each &&each)
{
	remap::Extent run;
	for (remap::Sector at = 0; at < engine.spares().data_sectors() && engine.bad().next(at, &run);
	     at = run.main + run.length)
		each(run.main, run.length);
}

}  // namespace dmremap
