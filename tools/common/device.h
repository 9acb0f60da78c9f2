// SPDX-License-Identifier: GPL-2.0-or-later
// Device: a mapped device of the target dm-remap, through libdevmapper, or one that `dmremap serve`
// serves, through its control socket.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/common/served.h"

namespace dmremap {

// A target of a mapped device as device-mapper tells it.
struct TargetLine {
	uint64_t start = 0, length = 0;
	std::string target;
	std::string words; // behind the target's name

	std::string text() const;
};

class Device {
public:
	// `name` as in `dmsetup ls`, or its path below /dev/mapper; or the name that a device is served
	// under, or the path of its control socket. Throws Failure when there is no such device or it
	// is not one of ours.
	explicit Device(const std::string &name);

	// Creates a device whose table is one target over the whole of `main`. `features` are the
	// words behind the spare in the table line, their number first; empty: none.
	static void create(const std::string &name, const std::string &main,
			   const std::string &spare, const std::string &features);
	static void remove(const std::string &name);

	const std::string &name() const { return name_; }
	// Whether `dmremap serve` or nbdkit serves it, and no mapped device.
	bool served() const { return served_ != nullptr; }
	// How many events there were (spare filling up, sectors lost, the mode). The other one waits
	// until they are not `seen` any more.
	uint32_t events() const;
	uint32_t wait_event(uint32_t seen) const;
	// Of the first target.
	TargetLine status() const;
	TargetLine table() const;
	// Loads a table in which these words stand behind the target's name, and resumes with it. The other
	// targets of the table stay as they are. REQUIRES: not served(). Throws Failure; the table before
	// is in force again then, or the sentence says that it is not.
	void reload(const std::string &words) const;
	// Goes on with the spares that the set uses, and with the one at this path unless it is empty.
	// REQUIRES: served(). Throws Failure; all is as before then.
	void reload_served(const std::string &spare = "") const;
	// Of the target in the kernel, "1.0.0"; empty: not told.
	std::string version() const;
	// Sends a message and returns the reply. Throws Failure with the target's own sentence.
	std::string message(const std::string &words) const;
	// The reply to a message of key=value lines.
	std::map<std::string, std::string> values(const std::string &words) const;

private:
	TargetLine line(bool table) const;
	// `what`: how a Failure begins.
	void load(const std::vector<TargetLine> &table, bool read_only, const std::string &what) const;
	void resume(const std::string &what) const;
	std::string reply_to(const std::string &words) const;
	TargetLine served_line(const std::string &request) const;

	std::string name_;
	std::shared_ptr<Served> served_; // nullptr: a mapped one
};

}  // namespace dmremap
