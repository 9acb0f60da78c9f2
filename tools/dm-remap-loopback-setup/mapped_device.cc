// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/mapped_device.h"

#include <fmt/format.h>

#include "tools/dm-remap-loopback-setup/table_reader.h"
#include "tools/common/dm_task.h"
#include "tools/common/system_failure.h"

namespace dmremap::loopback {
namespace {

void add_lines(const Task &task, const Table &table)
{
	for (const TableLine &line : table)
		if (!dm_task_add_target(task.get(), line.start, line.length, line.target.c_str(),
					line.arguments.c_str()))
			throw std::bad_alloc();
}

}  // namespace

bool device_mapper_answers()
{
	try {
		run(new_task(DM_DEVICE_INFO, "no-such-device"), "");
		return true;
	} catch (const Failure &) {
		return false;
	}
}

void require_target(const std::string &target)
{
	const Task task = new_task(DM_DEVICE_GET_TARGET_VERSION, target);
	if (dm_task_run(task.get()))
		return;
	if (dm_task_get_errno(task.get()) == ENOMEM)
		fail(target, ENOMEM);
	throw Failure(ExitCode::wrong_device,
		      fmt::format("the kernel has no device-mapper target '{}': 'modprobe {}' "
				  "loads its module, 'make module install' installs it",
				  target, target));
}

std::string MappedDevice::path() const { return std::string(dm_dir()) + '/' + name_; }

std::optional<MappedDevice::Info> MappedDevice::info() const
{
	const Task task = new_task(DM_DEVICE_INFO, name_);
	run(task, name_);
	dm_info found = {};
	if (!dm_task_get_info(task.get(), &found) || !found.exists)
		return std::nullopt;
	const char *uuid = dm_task_get_uuid(task.get());
	return Info{uuid ? uuid : "", found.suspended != 0, found.inactive_table != 0,
		    found.open_count};
}

Table MappedDevice::table() const { return read_table(name_); }

void MappedDevice::create(const std::string &uuid, const Table &table) const
{
	const Task task = new_task(DM_DEVICE_CREATE, name_);
	if (!dm_task_set_uuid(task.get(), uuid.c_str()))
		throw std::bad_alloc();
	add_lines(task, table);
	run_with_node(task, fmt::format("{} cannot be created; the kernel log says why", name_));
}

void MappedDevice::load(const Table &table) const
{
	const Task task = new_task(DM_DEVICE_RELOAD, name_);
	add_lines(task, table);
	run(task, fmt::format("{} does not take its new table; the kernel log says why", name_));
}

void MappedDevice::drop_loaded() const
{
	run(new_task(DM_DEVICE_CLEAR, name_), name_);
}

void MappedDevice::suspend() const
{
	run(new_task(DM_DEVICE_SUSPEND, name_), fmt::format("{} cannot be suspended", name_));
}

void MappedDevice::resume(uint32_t *cookie) const
{
	const Task task = new_task(DM_DEVICE_RESUME, name_);
	if (!dm_task_set_cookie(task.get(), cookie, 0))
		throw Failure(ExitCode::wrong_device, name_ + ": udev does not answer");
	run(task, fmt::format("{} cannot be resumed ('dmsetup resume {}' tries again)", name_, name_));
}

void MappedDevice::finish_nodes(uint32_t cookie)
{
	dm_udev_wait(cookie);
	dm_task_update_nodes();
}

void MappedDevice::remove() const
{
	const Task task = new_task(DM_DEVICE_REMOVE, name_);
	// udev looks at what was just closed, and has it open for a moment.
	dm_task_retry_remove(task.get());
	run_with_node(task, fmt::format("{} cannot be removed", name_));
}

}  // namespace dmremap::loopback
