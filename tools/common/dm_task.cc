// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/dm_task.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tools/common/failure.h"

namespace dmremap {
namespace {

// libdevmapper prints on its own; what it has to say is in our sentences.
void be_quiet(int, const char *, int, int, const char *, ...) {}

[[noreturn]] void fail(const std::string &what, int error)
{
	throw Failure(exit_code_of(error), fmt::format("{}: {}", what, strerror(error)));
}

// REQUIRES: errno was 0 before. To create a device libdevmapper makes further tasks, whose errors
// the one it was asked for does not have.
int error_of(const Task &task)
{
	const int error = errno;
	const int told = dm_task_get_errno(task.get());
	return told ? told : error;
}

}  // namespace

Task new_task(int type, const std::string &name)
{
	dm_log_with_errno_init(be_quiet);
	if (geteuid() != 0)
		throw Failure(ExitCode::no_permission,
			      name + ": mapped devices can be reached by root only");
	errno = 0;
	Task task(dm_task_create(type));
	if (!task && errno == ENOMEM)
		fail("device-mapper does not answer", ENOMEM);
	if (!task)
		throw Failure(ExitCode::wrong_device,
			      "device-mapper does not answer: is dm_mod loaded?");
	if (!dm_task_set_name(task.get(), name.c_str()))
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("'{}' cannot be the name of a mapped device", name));
	return task;
}

void run(const Task &task, const std::string &what)
{
	errno = 0;
	if (!dm_task_run(task.get()))
		fail(what, error_of(task));
}

void run_with_node(const Task &task, const std::string &what)
{
	uint32_t cookie = 0;
	if (!dm_task_set_cookie(task.get(), &cookie, 0))
		throw Failure(ExitCode::wrong_device, what + ": udev does not answer");
	errno = 0;
	const bool done = dm_task_run(task.get());
	const int error = error_of(task);
	dm_udev_wait(cookie);
	if (!done)
		fail(what, error);
	dm_task_update_nodes();
}

}  // namespace dmremap
