// SPDX-License-Identifier: GPL-2.0-or-later
// --cleanup: takes away what the record names and what still bears its mark.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/dm-remap-loopback-setup/actions.h"
#include "tools/dm-remap-loopback-setup/mapped_device.h"
#include "tools/common/system_failure.h"

namespace dmremap::loopback {
namespace {

enum class Presence { ours, gone, foreign };

Presence presence_of_file(const Made &thing)
{
	struct stat file;
	if (lstat(thing.name.c_str(), &file) != 0)
		return Presence::gone;
	return FileIdentity{file.st_dev, file.st_ino} == thing.identity ? Presence::ours
									 : Presence::foreign;
}

Presence presence_of_loop(const Made &thing)
{
	const auto behind = behind_loop(loop_number(thing.name));
	if (!behind)
		return Presence::gone;
	return *behind == thing.identity ? Presence::ours : Presence::foreign;
}

Presence presence_of_mapped(const Made &thing)
{
	const auto found = MappedDevice(thing.name).info();
	if (!found)
		return Presence::gone;
	return found->uuid == thing.uuid ? Presence::ours : Presence::foreign;
}

Presence presence_of(const Made &thing)
{
	switch (thing.kind) {
	case Made::Kind::file:
		return presence_of_file(thing);
	case Made::Kind::loop:
		return presence_of_loop(thing);
	case Made::Kind::mapped:
		return presence_of_mapped(thing);
	}
	return Presence::gone;
}

void remove_mapped(const std::string &name)
{
	try {
		MappedDevice(name).remove();
	} catch (const Failure &failure) {
		if (failure.code() == ExitCode::busy)
			throw Failure(ExitCode::busy,
				      fmt::format("{} is in use: unmount or close what is on it, then "
						  "run --cleanup again",
						  name));
		throw;
	}
}

void remove_thing(const Made &thing)
{
	switch (thing.kind) {
	case Made::Kind::file:
		if (unlink(thing.name.c_str()) != 0)
			fail(thing.name + " cannot be removed", errno);
		break;
	case Made::Kind::loop:
		detach_loop(loop_number(thing.name));
		break;
	case Made::Kind::mapped:
		remove_mapped(thing.name);
		break;
	}
}

const char *foreign_sentence(const Made &thing)
{
	switch (thing.kind) {
	case Made::Kind::file:
		return "is another file than the one that was made; it stays";
	case Made::Kind::loop:
		return "has another file behind it by now; it stays";
	case Made::Kind::mapped:
		return "is another device than the one that was made; it stays";
	}
	return "";
}

// Left suspended by a program that was killed: what waits in one of them would wait for ever. From
// the bottom, and before any is removed, since the one above may be in use and stay.
void resume_made(const Record &record)
{
	for (const Made &thing : record.made()) {
		if (thing.kind != Made::Kind::mapped || presence_of(thing) != Presence::ours)
			continue;
		const MappedDevice device(thing.name);
		if (!device.info()->suspended)
			continue;
		uint32_t cookie = 0;
		device.resume(&cookie);
		MappedDevice::finish_nodes(cookie);
	}
}

void print_plan(const Record &record)
{
	for (auto thing = record.made().rbegin(); thing != record.made().rend(); ++thing) {
		const Presence presence = presence_of(*thing);
		fmt::print("{} {}\n", thing->name,
			   presence == Presence::ours   ? "would be removed"
			   : presence == Presence::gone ? "is gone already"
							: foreign_sentence(*thing));
	}
	fmt::print("nothing was changed (--dry-run)\n");
}

// Devices of these names that nobody recorded are somebody's.
void mention_others()
{
	for (const char *name : {kRemapName, kLinearName})
		if (MappedDevice(name).info())
			fmt::print(stderr,
				   "dm-remap-loopback-setup: {} is there, but no record says that it "
				   "was made by this program; it stays\n",
				   name);
}

}  // namespace

void remove_made(Record &record, bool verbose)
{
	while (!record.made().empty()) {
		const Made thing = record.made().back();
		const Presence presence = presence_of(thing);
		if (presence == Presence::ours)
			remove_thing(thing);
		if (presence == Presence::foreign)
			fmt::print(stderr, "dm-remap-loopback-setup: {} {}\n", thing.name,
				   foreign_sentence(thing));
		else if (verbose)
			fmt::print("{} {}\n", thing.name,
				   presence == Presence::ours ? "removed" : "was gone already");
		record.drop_last();
	}
	record.remove();
}

void clean_up(const Options &options)
{
	if (options.dry_run) {
		print_plan(Record::peek(options.folder));
		return;
	}
	if (geteuid() != 0)
		throw Failure(ExitCode::no_permission, "--cleanup removes devices: run it as root");
	Record record(options.folder);
	if (!record.exists()) {
		fmt::print("there is nothing to clean up: {} is not there\n", record.path());
		if (device_mapper_answers())
			mention_others();
		return;
	}
	const size_t things = record.made().size();
	resume_made(record);
	remove_made(record, options.verbose);
	fmt::print("cleaned up: of {} things on record none is left\n", things);
}

}  // namespace dmremap::loopback
