// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "core/remap_core.h"
#include "tools/common/failure.h"
#include "tools/common/dm_task.h"

namespace dmremap {
namespace {

constexpr const char *kTarget = "dm-remap";

[[noreturn]] void fail(const std::string &what, int error)
{
	throw Failure(exit_code_of(error), fmt::format("{}: {}", what, strerror(error)));
}

uint64_t sectors_of(const std::string &path)
{
	const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path, errno);
	uint64_t bytes = 0;
	const int answered = ioctl(fd, BLKGETSIZE64, &bytes);
	close(fd);
	if (answered < 0)
		throw Failure(ExitCode::wrong_device, path + " is not a block device");
	return bytes / 512;
}

// REQUIRES: the task was run.
std::vector<TargetLine> targets_of(const Task &task)
{
	std::vector<TargetLine> targets;
	void *next = nullptr;
	do {
		TargetLine line;
		char *type = nullptr;
		char *words = nullptr;
		next = dm_get_next_target(task.get(), next, &line.start, &line.length, &type, &words);
		line.target = type ? type : "";
		line.words = words ? words : "";
		targets.push_back(line);
	} while (next);
	return targets;
}

}  // namespace

// What comes before the last slash is the folder of device nodes or of sockets.
Device::Device(const std::string &name)
    : name_(name.substr(name.rfind('/') + 1)),
      served_(Served::exists(name) ? std::make_shared<Served>(name) : nullptr)
{
	status();
}

void Device::create(const std::string &name, const std::string &main, const std::string &spare,
		    const std::string &features)
{
	const uint64_t length = sectors_of(main);
	sectors_of(spare);
	const Task task = new_task(DM_DEVICE_CREATE, name);
	const std::string line = main + ' ' + spare + (features.empty() ? "" : ' ' + features);
	dm_task_add_target(task.get(), 0, length, kTarget, line.c_str());
	run_with_node(task, fmt::format("{} cannot be created; the kernel log says why", name));
}

void Device::remove(const std::string &name)
{
	const Device device(name);
	if (device.served_) {
		device.served_->ask("stop");
		return;
	}
	run_with_node(new_task(DM_DEVICE_REMOVE, device.name()),
		      fmt::format("{} cannot be removed", device.name()));
}

std::string TargetLine::text() const
{
	return fmt::format("{} {} {} {}", start, length, target, words);
}

TargetLine Device::status() const { return line(false); }

TargetLine Device::table() const { return line(true); }

TargetLine Device::served_line(const std::string &request) const
{
	std::istringstream stream(served_->ask(request));
	TargetLine line;
	stream >> line.start >> line.length >> line.target;
	std::getline(stream >> std::ws, line.words);
	return line;
}

TargetLine Device::line(bool table) const
{
	if (served_)
		return served_line(table ? "table" : "status");
	const Task task = new_task(table ? DM_DEVICE_TABLE : DM_DEVICE_STATUS, name_);
	run(task, name_);
	// libdevmapper takes the want of a device for an answer.
	dm_info info = {};
	if (!dm_task_get_info(task.get(), &info) || !info.exists)
		throw Failure(ExitCode::wrong_device,
			      fmt::format("there is no mapped device {}", name_));
	const TargetLine line = targets_of(task).front();
	if (line.target != kTarget)
		throw Failure(ExitCode::wrong_device,
			      fmt::format("{} is not a {} device but {}", name_, kTarget,
					  line.target.empty() ? "empty" : line.target));
	return line;
}

void Device::load(const std::vector<TargetLine> &table, bool read_only, const std::string &what) const
{
	const Task load = new_task(DM_DEVICE_RELOAD, name_);
	for (const TargetLine &line : table)
		dm_task_add_target(load.get(), line.start, line.length, line.target.c_str(),
				   line.words.c_str());
	if (read_only)
		dm_task_set_ro(load.get());
	run(load, what);
}

void Device::resume(const std::string &what) const
{
	run_with_node(new_task(DM_DEVICE_RESUME, name_), what);
}

void Device::reload(const std::string &words) const
{
	const Task task = new_task(DM_DEVICE_TABLE, name_);
	run(task, name_);
	dm_info info = {};
	dm_task_get_info(task.get(), &info);
	if (info.suspended)
		throw Failure(ExitCode::busy,
			      name_ + " is suspended; resume it (dmsetup resume) and try again");
	const std::vector<TargetLine> before = targets_of(task);
	std::vector<TargetLine> after = before;
	after.front().words = words;
	const std::string refused = name_ + ": the new table was refused; the kernel log says why";
	load(after, info.read_only, refused);
	try {
		resume(refused);
	} catch (const Failure &failure) {
		try {
			load(before, info.read_only, name_);
			resume(name_);
		} catch (const Failure &again) {
			throw Failure(failure.code(),
				      fmt::format("{}; and the table before is refused too ({}), so {} "
						  "is left suspended: its I/O waits",
						  failure.what(), again.what(), name_));
		}
		throw;
	}
}

void Device::reload_served(const std::string &spare) const
{
	(void)served_->ask(spare.empty() ? "reload" : "reload " + spare);
}

uint32_t Device::events() const
{
	if (served_)
		return static_cast<uint32_t>(std::stoul(served_->ask("events")));
	const Task task = new_task(DM_DEVICE_INFO, name_);
	run(task, name_);
	dm_info info = {};
	dm_task_get_info(task.get(), &info);
	return info.event_nr;
}

uint32_t Device::wait_event(uint32_t seen) const
{
	if (served_)
		return static_cast<uint32_t>(std::stoul(served_->ask(fmt::format("events {}", seen))));
	const Task task = new_task(DM_DEVICE_WAITEVENT, name_);
	dm_task_set_event_nr(task.get(), seen);
	run(task, name_);
	return events();
}

std::string Device::version() const
{
	if (served_)
		return REMAP_VERSION;
	const Task task(dm_task_create(DM_DEVICE_LIST_VERSIONS));
	if (!task || !dm_task_run(task.get()))
		return "";
	const dm_versions *at = dm_task_get_versions(task.get());
	while (at) {
		if (strcmp(at->name, kTarget) == 0)
			return fmt::format("{}.{}.{}", at->version[0], at->version[1],
					   at->version[2]);
		if (!at->next)
			break;
		at = reinterpret_cast<const dm_versions *>(reinterpret_cast<const char *>(at) +
							   at->next);
	}
	return "";
}

std::string Device::message(const std::string &words) const
{
	if (served_)
		return served_->ask("message " + words);
	const Task task = new_task(DM_DEVICE_TARGET_MSG, name_);
	dm_task_set_sector(task.get(), 0);
	dm_task_set_message(task.get(), words.c_str());
	if (!dm_task_run(task.get())) {
		const int error = dm_task_get_errno(task.get());
		const auto status = values("status");
		const auto told = status.find("last_error");
		throw Failure(exit_code_of(error),
			      told == status.end() ? strerror(error) : told->second);
	}
	const char *reply = dm_task_get_message_response(task.get());
	return reply ? reply : "";
}

std::string Device::reply_to(const std::string &words) const
{
	if (served_)
		return served_->ask("message " + words);
	const Task task = new_task(DM_DEVICE_TARGET_MSG, name_);
	dm_task_set_sector(task.get(), 0);
	dm_task_set_message(task.get(), words.c_str());
	run(task, name_);
	const char *reply = dm_task_get_message_response(task.get());
	return reply ? reply : "";
}

std::map<std::string, std::string> Device::values(const std::string &words) const
{
	std::istringstream stream(reply_to(words));
	std::map<std::string, std::string> result;
	for (std::string line; std::getline(stream, line);) {
		const size_t equals = line.find('=');
		if (equals != std::string::npos)
			result[line.substr(0, equals)] = line.substr(equals + 1);
	}
	return result;
}

}  // namespace dmremap
