/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target type that main.c registers. */
#ifndef REMAP_TARGET_H
#define REMAP_TARGET_H

struct target_type;

extern struct target_type remap_target_type;

#endif
