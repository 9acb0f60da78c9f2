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
	const char *unavailable; // nullptr: this version has it
};

#define REMAP_FEATURE_IS(name, value, first, second, shape, unavailable)                         \
	{                                                                                        \
		name, FeatureValue::value, {first, second}, "feature '" name "' is given twice", \
			"feature '" name "' is malformed; it is: " name shape, unavailable       \
	}
#define REMAP_FEATURE(name, value, first, second, shape)                                         \
	REMAP_FEATURE_IS(name, value, first, second, shape,                                      \
			 "feature '" name "' is not available in this version")

inline constexpr Feature kFeatures[] = {
	REMAP_FEATURE_IS("spare", word, nullptr, nullptr, " <device>", nullptr),
	REMAP_FEATURE_IS("set", uuid, nullptr, nullptr, " <uuid>", nullptr),
	REMAP_FEATURE_IS("main_id", id, nullptr, nullptr, " <up to 64 characters>", nullptr),
	REMAP_FEATURE_IS("on_write_error", choice, "remap", "fail", " remap|fail", nullptr),
	REMAP_FEATURE_IS("on_read_error", choice, "retry", "fail", " retry|fail", nullptr),
	REMAP_FEATURE_IS("retries", count, nullptr, nullptr, " <0 to 100>", nullptr),
	REMAP_FEATURE_IS("budget", ratio, nullptr, nullptr, " <remaps>/<seconds, at least 1>",
			 nullptr),
	REMAP_FEATURE_IS("scan_rate", number, nullptr, nullptr, " <sectors per second, 0: off>",
			 nullptr),
	REMAP_FEATURE_IS("heal", none, nullptr, nullptr, "", nullptr),
	REMAP_FEATURE_IS("format", none, nullptr, nullptr, "", nullptr),
	REMAP_FEATURE("allow_degraded", none, nullptr, nullptr, ""),
};
#undef REMAP_FEATURE
#undef REMAP_FEATURE_IS

inline constexpr u32 kFeatureCount = sizeof(kFeatures) / sizeof(kFeatures[0]);

}  // namespace remap
