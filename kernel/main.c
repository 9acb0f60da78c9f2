// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dm-remap.ko: a device-mapper target that redirects bad sectors of a device to a spare one.
 *
 * The module is a C shim around a core in C++ (core/): the shim owns every kernel header and
 * decides nothing, the core decides and includes none. This file registers the target.
 */
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "core/remap_core.h"
#include "log.h"
#include "memory.h"
#include "set.h"
#include "target.h"

static int __init remap_init(void)
{
	unsigned int *version = remap_target_type.version;
	int result;

	if (sscanf(REMAP_VERSION, "%u.%u.%u", &version[0], &version[1], &version[2]) != 3)
		return -EINVAL;
	result = remap_memory_init();
	if (result)
		return result;
	result = dm_register_target(&remap_target_type);
	if (result)
		goto err_memory;
	return 0;

err_memory:
	remap_memory_exit();
	return result;
}

/* rcu_barrier(): no callback of ours may be left when the code and the caches go. */
static void __exit remap_exit(void)
{
	dm_unregister_target(&remap_target_type);
	remap_host_exit();
	rcu_barrier();
	remap_memory_exit();
}

module_init(remap_init);
module_exit(remap_exit);

MODULE_DESCRIPTION("device-mapper target that redirects bad sectors to a spare device");
MODULE_AUTHOR("The dm-remap authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(REMAP_VERSION);
/* What dm asks for when a table names the target: "dm-" and its name. */
MODULE_ALIAS("dm-dm-remap");
