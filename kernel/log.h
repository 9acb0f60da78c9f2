/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every line of ours in the kernel log begins with: "device-mapper: remap: ". */
#ifndef REMAP_LOG_H
#define REMAP_LOG_H

#include <linux/device-mapper.h>

#define DM_MSG_PREFIX "remap"

#endif
