// SPDX-License-Identifier: GPL-2.0-or-later
// ServingSet: main, spares and the volume over them, for whatever serves it: `dmremap serve` and the
// plugin of nbdkit. What cannot be served is refused here, in the same words for both.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "frontend/control.h"
#include "host/volume.h"
#include "tools/dmremap/offline_set.h"

namespace dmremap {

// N or FIRST-LAST each. Throws Failure.
remap::host::Faults faults_of(const std::vector<std::string> &words);

// What is to be done about errors, from the words of a table line's features. Throws Failure, also when
// no table line can have so many spares.
remap::Policy policy_of(const std::vector<std::string> &spares, std::vector<std::string> words);

// The sentence for what the reactor threw.
Failure no_io_uring(const remap::host::RingFailure &error);

class ServingSet {
public:
	// Takes all devices. Throws Failure. `name` is what lines of the log begin with.
	ServingSet(remap::host::Reactor &reactor, const std::string &main,
		   const std::vector<std::string> &spares, const remap::host::Faults &faults,
		   const std::string &name);

	// Before the reactor runs; then comes Volume::begin(). Throws Failure.
	void open(remap::Terms terms, const remap::Policy &policy);

	// While it is in service, in a thread of its own: goes on with the spares that the set uses, and
	// with the one that has this path, unless it is empty; the others are free then.
	remap::frontend::Reply reload(const std::string &path) noexcept;

	remap::host::Volume &volume() { return volume_; }

private:
	void go_on_with(const std::string &path);
	void reload(const SpareFiles &wanted);
	SpareFiles used_spares(bool with_gone);
	void let_go();

	const remap::host::Faults faults_;
	const std::unique_ptr<DeviceFile> main_;
	std::mutex reloads_;
	std::vector<std::unique_ptr<DeviceFile>> spares_; // under reloads_
	remap::host::ServingHost host_;
	remap::host::Volume volume_;
	remap::Terms terms_;
};

}  // namespace dmremap
