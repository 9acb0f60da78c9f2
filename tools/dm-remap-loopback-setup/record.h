// SPDX-License-Identifier: GPL-2.0-or-later
// Record: what a set-up has made, so that exactly this can be removed, whatever happened since.
//
// Each thing is written down before it is made, with a mark by which it is known again: a file's inode,
// the inode behind a loop device, a mapped device's UUID. So a record can name more than there is, never
// less, and what has the same name but not the mark is somebody else's.
//
// The file is replaced as a whole, by rename.
#pragma once

#include <string>
#include <vector>

#include "tools/common/descriptor.h"
#include "tools/common/loop_device.h"

namespace dmremap::loopback {

struct Made {
	enum class Kind { file, loop, mapped };

	Kind kind = Kind::file;
	std::string name;      // path of a file or a loop device, name of a mapped device
	FileIdentity identity; // of a file, or of the one behind a loop device
	std::string uuid;      // of a mapped device
};

class Record {
public:
	// Nothing else uses the record in `folder` while this lives. Reads it, if it is there. Throws
	// Failure, also when another set-up is at work.
	explicit Record(const std::string &folder);

	// Reads without a lock; for those who only look.
	static Record peek(const std::string &folder);

	const std::string &path() const { return path_; }
	bool exists() const { return exists_; }
	// The set-up came to its end.
	bool complete() const { return complete_; }
	const std::vector<Made> &made() const { return made_; }

	// These are on the medium when they return.
	void begin();
	void add(const Made &thing);
	void drop_last();
	void set_complete();
	void remove();

private:
	Record() = default;
	void read();
	void write() const;

	std::string path_;
	Descriptor lock_;
	bool exists_ = false;
	bool complete_ = false;
	std::vector<Made> made_;
};

}  // namespace dmremap::loopback
