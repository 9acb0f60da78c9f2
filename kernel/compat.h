/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences between kernel versions, all of them. The other files are written for the newest
 * kernel; what an older one spells differently is given the newer name here.
 */
#ifndef REMAP_COMPAT_H
#define REMAP_COMPAT_H

#include <linux/blk_types.h>
#include <linux/device-mapper.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "dm-remap needs Linux 6.1 or newer"
#endif

/* 6.4 gave the status a better name. */
#ifndef BLK_STS_RESV_CONFLICT
#define BLK_STS_RESV_CONFLICT BLK_STS_NEXUS
#endif

/* 6.5 gave block devices modes of their own, instead of those of files. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define BLK_OPEN_WRITE FMODE_WRITE
#endif

static inline bool remap_table_writes(struct dm_table *table)
{
	return dm_table_get_mode(table) & BLK_OPEN_WRITE;
}

#endif
