// SPDX-License-Identifier: GPL-2.0-or-later
// REMAP_CHECK(condition): an invariant that only a bug of ours can break.
//
// In user space a broken one ends the program. In the kernel it never panics: the host logs it
// and makes every set read-only (kernel/host.c), and the caller goes on as far as it safely can.
#pragma once

extern "C" void remap_host_broken(const char *condition, const char *file, int line);
// Whether that has ever happened. Any context.
extern "C" bool remap_host_is_broken(void);

#define REMAP_CHECK(condition)                                                                   \
	(__builtin_expect(!!(condition), 1)                                                      \
	     ? true                                                                              \
	     : (remap_host_broken(#condition, __FILE__, __LINE__), false))
