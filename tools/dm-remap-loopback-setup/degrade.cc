// SPDX-License-Identifier: GPL-2.0-or-later
// --add-bad-sectors: exchanges the table of the device below dm-remap while it is in use.
//
// New tables are loaded beside those in use, where a failure changes nothing. Then, from the top:
//
//	suspend dm-test-remap     freezes a file system on it: what was written is on the medium, and
//	                          no write is under way when sectors become bad
//	suspend dm-test-linear    returns when the last I/O has ended
//	resume dm-test-linear     with the new table
//	resume dm-test-remap      with its own table once more, since its limits follow from the
//	                          device below: error segments take no NOWAIT, for one
//
// Between the first and the last this program does nothing else, and its pages are locked: what it
// waited for could be waiting for it.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <chrono>
#include <optional>

#include "tools/dm-remap-loopback-setup/actions.h"
#include "tools/dm-remap-loopback-setup/linear_table.h"
#include "tools/dm-remap-loopback-setup/mapped_device.h"
#include "tools/dm-remap-loopback-setup/script.h"
#include "tools/dm-remap-loopback-setup/signals.h"
#include "tools/common/system_failure.h"

namespace dmremap::loopback {
namespace {

// A device that is suspended for as long as this lives, and runs afterwards, whatever happens.
class Suspension {
public:
	Suspension(const MappedDevice &device, uint32_t *cookie) : device_(device), cookie_(cookie)
	{
		device_.suspend();
	}
	Suspension(const Suspension &) = delete;
	Suspension &operator=(const Suspension &) = delete;
	~Suspension()
	{
		if (!suspended_)
			return;
		try {
			device_.resume(cookie_);
		} catch (const std::exception &failure) {
			fmt::print(stderr, "dm-remap-loopback-setup: {}\n", failure.what());
		}
	}
	void end()
	{
		device_.resume(cookie_);
		suspended_ = false;
	}

private:
	const MappedDevice &device_;
	uint32_t *cookie_;
	bool suspended_ = true;
};

// A device whose new table is loaded but not in use yet; unless it is taken, it is dropped.
class LoadedTable {
public:
	LoadedTable(const MappedDevice &device, const Table &table) : device_(device)
	{
		device_.load(table);
	}
	LoadedTable(const LoadedTable &) = delete;
	LoadedTable &operator=(const LoadedTable &) = delete;
	~LoadedTable()
	{
		try {
			if (!taken_)
				device_.drop_loaded();
		} catch (const std::exception &) {
			// It stays beside the table in use, where it harms nobody.
		}
	}
	void taken() { taken_ = true; }

private:
	const MappedDevice &device_;
	bool taken_ = false;
};

void require_quiet(const MappedDevice &device, const MappedDevice::Info &info)
{
	if (info.suspended || info.has_inactive_table)
		throw Failure(ExitCode::busy,
			      fmt::format("{} is {}: somebody else is changing it, or was "
					  "interrupted ('dmsetup {} {}' ends that)",
					  device.name(),
					  info.suspended ? "suspended" : "loaded with another table",
					  info.suspended ? "resume" : "clear", device.name()));
}

// The device over it, if it is what the set-up made: dm-remap with the device below as its main.
std::optional<Table> table_above(const MappedDevice &device)
{
	const auto info = device.info();
	if (!info)
		return std::nullopt;
	const Table table = device.table();
	if (table.size() != 1 || table[0].target != "dm-remap")
		return std::nullopt;
	require_quiet(device, *info);
	return table;
}

uint32_t logical_block_of(const MappedDevice &device)
{
	const Descriptor file(open(device.path().c_str(), O_RDONLY | O_CLOEXEC));
	int block = 0;
	if (!file || ioctl(file.get(), BLKSSZGET, &block) != 0)
		fail(device.path(), errno);
	return static_cast<uint32_t>(block);
}

LinearTable table_in_use(const MappedDevice &device, const Options &options)
{
	const auto info = device.info();
	if (!info)
		throw Failure(ExitCode::wrong_device,
			      fmt::format("there is no device {} yet: without --add-bad-sectors one "
					  "is made",
					  device.name()));
	require_quiet(device, *info);
	const uint32_t block = logical_block_of(device);
	if (options.sector_bytes.value_or(block) != block)
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("--sector-size {}: the sectors of {} have {} bytes",
					  *options.sector_bytes, device.name(), block));
	LinearTable found = LinearTable::parse(device.table(), device.name(), block);
	if (found.device.empty())
		throw Failure(ExitCode::wrong_arguments, "every sector is bad already");
	return found;
}

// Returns for how long I/O was held back, in milliseconds.
double exchange(const MappedDevice &linear, const Table &table, const MappedDevice &remap,
		const std::optional<Table> &above)
{
	using Clock = std::chrono::steady_clock;
	const SignalsHeld signals;
	uint32_t cookie = 0;
	std::optional<LoadedTable> loaded_above;
	LoadedTable loaded(linear, table);
	if (above)
		loaded_above.emplace(remap, *above);
	// Its own pages may be on the device that stands still.
	mlockall(MCL_CURRENT | MCL_FUTURE);
	const Clock::time_point begin = Clock::now();
	{
		std::optional<Suspension> outer;
		if (above)
			outer.emplace(remap, &cookie);
		Suspension inner(linear, &cookie);
		inner.end();
		loaded.taken();
		if (above) {
			outer->end();
			loaded_above->taken();
		}
	}
	const std::chrono::duration<double, std::milli> held = Clock::now() - begin;
	munlockall();
	MappedDevice::finish_nodes(cookie);
	return held.count();
}

}  // namespace

void add_bad_sectors(const Options &options)
{
	const MappedDevice linear(kLinearName);
	const MappedDevice remap(kRemapName);
	std::optional<Record> lock;
	if (!options.dry_run)
		lock.emplace(options.folder);
	LinearTable table = table_in_use(linear, options);
	const Chosen chosen = chosen_sectors(options, table.sectors, table.bad);
	const uint64_t before = table.bad.count();
	table.bad = table.bad.united_with(chosen.sectors);
	const uint64_t added = table.bad.count() - before;
	const Table lines = table.table();
	if (!options.script.empty())
		write_script(options.script, add_script(lines));
	const std::string summary =
		fmt::format("{} sectors become bad, {} were already; {} of {} sectors of {} bytes "
			    "are bad then, {}",
			    added, chosen.sectors.count() - added, before + added, table.sectors,
			    table.sector_bytes, chosen.how);
	if (options.dry_run) {
		fmt::print("# {}\n# {}\n{}# nothing was changed (--dry-run)\n", summary,
			   kLinearName, to_text(lines));
		return;
	}
	if (added == 0) {
		fmt::print("all of these sectors are bad already; nothing was changed\n");
		return;
	}
	const double held = exchange(linear, lines, remap, table_above(remap));
	fmt::print("{}\nI/O was held back for {:.1f} ms\n", summary, held);
	if (options.verbose)
		for (const Range &range : chosen.sectors.ranges())
			fmt::print("bad: {}-{}\n", range.first, range.end() - 1);
}

}  // namespace dmremap::loopback
