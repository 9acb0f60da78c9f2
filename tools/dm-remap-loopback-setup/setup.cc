// SPDX-License-Identifier: GPL-2.0-or-later
// Setting up: image files, loop devices, the device with bad sectors, dm-remap over it. Each is recorded
// before it is made; what was made is removed again when a later step fails.
#include <fmt/format.h>
#include <unistd.h>

#include <sstream>

#include "core/format/uuid.h"
#include "tools/dm-remap-loopback-setup/mapped_device.h"
#include "tools/dm-remap-loopback-setup/plan.h"
#include "tools/dm-remap-loopback-setup/script.h"
#include "tools/dm-remap-loopback-setup/signals.h"
#include "tools/common/system_failure.h"
#include "tools/dmremap/offline_set.h"

namespace dmremap::loopback {
namespace {

// How often another program may be faster in taking a free loop device.
constexpr int kLoopTries = 100;

void refuse_recorded(const Record &record)
{
	if (record.exists())
		throw Failure(ExitCode::busy,
			      record.complete()
				      ? "there is a set-up already: --add-bad-sectors changes it, "
					"--cleanup removes it"
				      : "an earlier set-up did not come to its end; --cleanup removes "
					"what it made");
}

void refuse_existing_devices()
{
	for (const char *name : {kLinearName, kRemapName})
		if (MappedDevice(name).info())
			throw Failure(ExitCode::busy,
				      fmt::format("a mapped device {} exists already and was not made "
						  "by this program; it stays as it is",
						  name));
}

class SetUp {
public:
	SetUp(const Plan &plan, Record &record, bool verbose)
		: plan_(plan), record_(record), verbose_(verbose), mark_(new_mark())
	{
	}

	void make()
	{
		record_.begin();
		main_loop_ = attach(plan_.main);
		spare_loop_ = attach(plan_.spare);
		map(kLinearName, plan_.linear_table(main_loop_));
		map(kRemapName, plan_.remap_table(spare_loop_));
		record_.set_complete();
	}

	const std::string &main_loop() const { return main_loop_; }
	const std::string &spare_loop() const { return spare_loop_; }

private:
	static std::string new_mark()
	{
		remap::Uuid uuid;
		if (getentropy(&uuid, sizeof(uuid)) != 0)
			fail("no random numbers", errno);
		return text_of(uuid);
	}

	void say(const std::string &line) const
	{
		if (verbose_)
			fmt::print("{}\n", line);
	}

	std::string attach(const ImageFile &image)
	{
		signals_.check();
		const Descriptor file =
			image.open(plan_.sparse, [&](const FileIdentity &identity) {
				record_.add({Made::Kind::file, image.path, identity, ""});
			});
		if (!image.exists)
			say(image.path + " made");
		const FileIdentity identity = identity_of(file.get(), image.path);
		for (int tries = 0; tries < kLoopTries; ++tries) {
			signals_.check();
			const unsigned number = free_loop();
			record_.add({Made::Kind::loop, loop_path(number), identity, ""});
			if (attach_loop(number, file.get(), image.path, plan_.sector_bytes)) {
				say(fmt::format("{} attached to {}", image.path,
						loop_path(number)));
				return loop_path(number);
			}
			record_.drop_last();
		}
		throw Failure(ExitCode::busy, "other programs take every free loop device");
	}

	void map(const char *name, const Table &table)
	{
		signals_.check();
		const std::string uuid = fmt::format("REMAPTEST-{}-{}", mark_, name);
		record_.add({Made::Kind::mapped, name, {}, uuid});
		MappedDevice(name).create(uuid, table);
		say(fmt::format("{} created, {} segments", name, table.size()));
	}

	const Plan &plan_;
	Record &record_;
	bool verbose_;
	std::string mark_;
	std::string main_loop_, spare_loop_;
	SignalsHeld signals_;
};

void make_or_undo(SetUp &work, Record &record)
{
	try {
		work.make();
	} catch (...) {
		try {
			remove_made(record, false);
		} catch (const Failure &failure) {
			fmt::print(stderr,
				   "dm-remap-loopback-setup: what was made could not be removed: {}; "
				   "--cleanup tries again\n",
				   failure.what());
		}
		throw;
	}
}

void print_dry_run(const Plan &plan)
{
	const auto free = likely_free_loops(2);
	const std::string main_loop = loop_path(free[0]);
	const std::string spare_loop = loop_path(free[1]);
	std::istringstream lines(plan.text(main_loop, spare_loop));
	for (std::string line; std::getline(lines, line);)
		fmt::print("# {}\n", line);
	fmt::print("# {}\n{}", kLinearName, to_text(plan.linear_table(main_loop)));
	fmt::print("# {}\n{}", kRemapName, to_text(plan.remap_table(spare_loop)));
	fmt::print("# nothing was changed (--dry-run)\n");
}

void dry_run(const Options &options)
{
	refuse_recorded(Record::peek(options.folder));
	// On a machine that cannot have them, or for a user who cannot see them, there are none.
	if (device_mapper_answers())
		refuse_existing_devices();
	const Plan plan = Plan::make(options);
	if (!options.script.empty())
		write_script(options.script, set_up_script(plan));
	print_dry_run(plan);
}

}  // namespace

void set_up(const Options &options)
{
	if (options.dry_run)
		return dry_run(options);
	if (geteuid() != 0)
		throw Failure(ExitCode::no_permission,
			      "loop and mapped devices can be made by root only; --dry-run shows "
			      "what would be made");
	Record record(options.folder);
	refuse_recorded(record);
	const Plan plan = Plan::make(options);
	for (const char *target : {"linear", "error", "dm-remap"})
		require_target(target);
	refuse_existing_devices();
	if (!options.script.empty())
		write_script(options.script, set_up_script(plan));
	SetUp work(plan, record, options.verbose);
	make_or_undo(work, record);
	fmt::print("{}       {} -> {}\n", plan.text(work.main_loop(), work.spare_loop()),
		   MappedDevice(kLinearName).path(), MappedDevice(kRemapName).path());
}

}  // namespace dmremap::loopback
