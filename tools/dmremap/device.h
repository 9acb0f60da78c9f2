// SPDX-License-Identifier: GPL-2.0-or-later
// Device: a mapped device of the target dm-remap, through libdevmapper.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dmremap {

class Device {
public:
	// `name` as in `dmsetup ls`, or its path below /dev/mapper. Throws Failure when there is no
	// such device or it is not one of ours.
	explicit Device(const std::string &name);

	// Creates a device whose table is one target over the whole of `main`. `features` are the
	// words behind the spare in the table line, their number first; empty: none.
	static void create(const std::string &name, const std::string &main,
			   const std::string &spare, const std::string &features);
	static void remove(const std::string &name);

	const std::string &name() const { return name_; }
	// The words of the status line behind the target's name.
	std::vector<std::string> status_words() const;
	// Sends a message and returns the reply. Throws Failure with the target's own sentence.
	std::string message(const std::string &words) const;
	// The reply to a message of key=value lines.
	std::map<std::string, std::string> values(const std::string &words) const;

private:
	std::string name_;
};

}  // namespace dmremap
