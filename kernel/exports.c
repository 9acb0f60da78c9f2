// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dm-remap-core.ko: what BUILD_MODE=MODULAR puts into a module of its own, and what dm-remap.ko
 * needs of it. BUILD.md says why the line between the two is where it is.
 *
 * It does nothing when it is loaded: dm-remap.ko, which cannot be loaded without it, makes and
 * drops what both need (main.c), in this mode as in the other.
 */
#include <linux/export.h>
#include <linux/module.h>

#include "core/remap_core.h"
#include "map.h"
#include "memory.h"
#include "set.h"

/* The C face of the core, as far as the target calls it. */
EXPORT_SYMBOL_GPL(remap_core_parse_table);
EXPORT_SYMBOL_GPL(remap_core_check_devices);
EXPORT_SYMBOL_GPL(remap_core_presuspend);
EXPORT_SYMBOL_GPL(remap_core_postsuspend);
EXPORT_SYMBOL_GPL(remap_core_resume);
EXPORT_SYMBOL_GPL(remap_core_message);
EXPORT_SYMBOL_GPL(remap_core_status);
EXPORT_SYMBOL_GPL(remap_core_uses);

/* Sets, the I/O path, memory. */
EXPORT_SYMBOL_GPL(remap_set_get);
EXPORT_SYMBOL_GPL(remap_set_start);
EXPORT_SYMBOL_GPL(remap_set_put);
EXPORT_SYMBOL_GPL(remap_scan_stop);
EXPORT_SYMBOL_GPL(remap_map);
EXPORT_SYMBOL_GPL(remap_end_io);
EXPORT_SYMBOL_GPL(remap_host_exit);
EXPORT_SYMBOL_GPL(remap_memory_init);
EXPORT_SYMBOL_GPL(remap_memory_exit);

MODULE_DESCRIPTION("the core of dm-remap: sets, their tables of remaps, and their I/O");
MODULE_AUTHOR("The dm-remap authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(REMAP_VERSION);
