// SPDX-License-Identifier: GPL-2.0-or-later
// The features of a table line, by name. dm wants static sentences, so each feature has its own.
#pragma once

#include "core/base/types.h"

namespace remap {

enum class FeatureValue : u8 { none, word, number, count, choice, ratio, uuid, id };

struct Feature {
	const char *name;
	FeatureValue value;
	const char *choices[2];
	const char *twice;
	const char *malformed;
};

#define REMAP_FEATURE(name, value, first, second, shape)                                         \
	{                                                                                        \
		name, FeatureValue::value, {first, second}, "feature '" name "' is given twice", \
			"feature '" name "' is malformed; it is: " name shape                    \
	}

inline constexpr Feature kFeatures[] = {
	REMAP_FEATURE("spare", word, nullptr, nullptr, " <device>"),
	REMAP_FEATURE("set", uuid, nullptr, nullptr, " <uuid>"),
	REMAP_FEATURE("main_id", id, nullptr, nullptr, " <up to 64 characters>"),
	REMAP_FEATURE("on_write_error", choice, "remap", "fail", " remap|fail"),
	REMAP_FEATURE("on_read_error", choice, "retry", "fail", " retry|fail"),
	REMAP_FEATURE("retries", count, nullptr, nullptr, " <0 to 100>"),
	REMAP_FEATURE("budget", ratio, nullptr, nullptr, " <remaps>/<seconds, at least 1>"),
	REMAP_FEATURE("scan_rate", number, nullptr, nullptr, " <sectors per second, 0: off>"),
	REMAP_FEATURE("heal", none, nullptr, nullptr, ""),
	REMAP_FEATURE("format", none, nullptr, nullptr, ""),
	REMAP_FEATURE("allow_degraded", none, nullptr, nullptr, ""),
};
#undef REMAP_FEATURE

inline constexpr u32 kFeatureCount = sizeof(kFeatures) / sizeof(kFeatures[0]);

}  // namespace remap
