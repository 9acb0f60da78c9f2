// SPDX-License-Identifier: GPL-2.0-or-later
// Examination: the spares of a set looked at without writing, and what can be said about them. `check` and
// `repair` begin with it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/dmremap/offline_set.h"

namespace dmremap {

enum class Verdict {
	sound,	   // nothing is damaged
	degraded,  // the same, but a spare is gone and not here
	mendable,  // damaged, and nothing is lost: any start mends it
	undecided, // refused; it can be loaded if an operator gives something up
	hopeless,  // refused, and what is on the spare does not suffice
	no_set,	   // blank, foreign, or not the set that was asked for
};

class Examination {
public:
	// `terms` are the caller's demands; decisions are tried here when they are needed. Nothing is
	// served, so a spare that is gone may be missing.
	Examination(DeviceFile *main, const SpareFiles &spares, const remap::Terms &terms);

	Verdict verdict() const { return verdict_; }
	// The terms under which the set loads: the caller's, and the decisions that it takes.
	const remap::Terms &terms() const { return terms_; }
	// The set as far as it was loaded.
	const OfflineSet &set() const { return *set_; }
	// Why it was refused before any decision; empty: it was not.
	const std::string &refusal() const { return refusal_; }
	remap::Error error() const { return error_; }

	// What is known of sites, copies and extents, a line each.
	std::string text() const;
	// What would be lost with the decisions, or with members that are given up or out of date;
	// sentences.
	std::vector<std::string> losses() const;
	nlohmann::ordered_json json() const;

private:
	bool try_load();
	Verdict judge();
	Verdict judge_loaded() const;

	DeviceFile *main_;
	const SpareFiles spares_;
	remap::Terms terms_;
	std::unique_ptr<OfflineSet> set_;
	std::string refusal_;
	remap::Error error_ = remap::Error::ok;
	Verdict verdict_ = Verdict::no_set;
};

const char *text_of(Verdict verdict);

}  // namespace dmremap
