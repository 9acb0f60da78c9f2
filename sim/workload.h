// SPDX-License-Identifier: GPL-2.0-or-later
// Workload: what a seed stands for, devices, troubles and operations.
#pragma once

#include "sim/setup.h"

namespace remap::sim {

class Workload {
public:
	explicit Workload(u64 seed);

	const Setup &setup() const { return setup_; }
	const Script &script() const { return script_; }

private:
	void choose_devices();
	void choose_rates();
	void choose_operations();
	Operation operation();
	void choose_zones(Operation *darken);
	Act act();
	Sector somewhere(Sector limit);
	u64 some_length();

	Random random_;
	Setup setup_;
	Script script_;
	Sector hot_[6] = {};
	bool crowded_ = false; // many extents
};

} // namespace remap::sim
