/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module's slab caches; see memory.c. Context: sleep. */
#ifndef REMAP_MEMORY_H
#define REMAP_MEMORY_H

int remap_memory_init(void);
void remap_memory_exit(void);

#endif
