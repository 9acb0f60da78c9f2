// SPDX-License-Identifier: GPL-2.0-or-later
// Workload: what a seed stands for, devices, troubles and operations.
#pragma once

#include "sim/setup.h"

namespace remap::sim {

// What a run has more of than others, so that what needs several things at once is met.
enum class Mood : u8 {
	plain,
	crowded, // many extents, so that a checkpoint has several blocks
	stormy,	 // flushes, many of which fail, and checkpoints
	siege,	 // both
	tardy,	 // writes of metadata that fail and arrive after a restart
};

class Workload {
public:
	explicit Workload(u64 seed, std::optional<Mood> mood = std::nullopt);

	// Where random seeds would meet a bug late.
	static std::optional<Mood> mood_for(std::optional<Bug> bug);

	const Setup &setup() const { return setup_; }
	const Script &script() const { return script_; }

private:
	void choose_devices();
	void choose_rates();
	void choose_policy();
	void choose_operations();
	Operation operation();
	Operation change_of_members();
	void choose_zones(Operation *darken);
	Act act();
	Mood some_mood();
	bool is_crowded() const { return mood_ == Mood::crowded || mood_ == Mood::siege; }
	bool is_stormy() const { return mood_ == Mood::stormy || mood_ == Mood::siege; }
	Sector somewhere(Sector limit);
	u64 some_length();

	Random random_;
	Random members_{0};
	Setup setup_;
	Script script_;
	Sector hot_[6] = {};
	Mood mood_ = Mood::plain;
};

} // namespace remap::sim
