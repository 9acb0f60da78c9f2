// SPDX-License-Identifier: GPL-2.0-or-later
// A request to device-mapper, through libdevmapper.
#pragma once

#include <libdevmapper.h>

#include <memory>
#include <string>

namespace dmremap {

struct TaskDeleter {
	void operator()(dm_task *task) const { dm_task_destroy(task); }
};
using Task = std::unique_ptr<dm_task, TaskDeleter>;

// Throws Failure: not root, no device-mapper, a name that cannot be one.
Task new_task(int type, const std::string &name);

// Throws Failure with what the kernel answered, behind `what`.
void run(const Task &task, const std::string &what);

// The same for a request that makes, changes or removes a node below /dev/mapper; returns when that
// is done.
void run_with_node(const Task &task, const std::string &what);

}  // namespace dmremap
