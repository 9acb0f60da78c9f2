/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core's I/O classes and the kernel's. Context: any. */
#ifndef REMAP_IO_H
#define REMAP_IO_H

#include <linux/blk_types.h>

#include "core/remap_core.h"

u8 remap_io_status(blk_status_t status);
blk_status_t remap_blk_status(u8 status);

#endif
