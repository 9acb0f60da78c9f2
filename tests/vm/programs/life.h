// SPDX-License-Identifier: GPL-2.0-or-later
// What the programs of a life that ends by a cut agree upon: main in slots of 4096 sectors. Of each
// slot the first sectors come and go as one remap. In the upper half a slot also begins with a stamp;
// in the lower half is a file system, with files whose content is stamps.
#pragma once

#include "book.h"
#include "control.h"

#include <linux/fs.h>

constexpr uint64_t kSlotSectors = 4096;
// A remap is one step of the engine, which is there as a whole or not at all.
constexpr uint64_t kLongestRemap = 2048;
constexpr uint64_t kStampSectors = 64;
constexpr uint64_t kFiles = 20;

// How long the file of a generation is.
constexpr uint64_t file_sectors(uint64_t generation) { return generation * 7919 % 600 + 1; }

inline std::string file_name(const std::string &directory, uint64_t number)
{
	return directory + "/file" + std::to_string(number);
}

class Device {
public:
	explicit Device(const char *name) : name_(name), path_(std::string("/dev/mapper/") + name)
	{
		fd_ = open_device(path_.c_str(), O_RDWR | O_DIRECT);
		uint64_t bytes;
		if (ioctl(fd_, BLKGETSIZE64, &bytes))
			die(path_.c_str());
		slots_ = bytes / kSectorBytes / kSlotSectors;
	}

	int fd() const { return fd_; }
	const char *path() const { return path_.c_str(); }
	const std::string &name() const { return name_; }
	uint64_t slots() const { return slots_; }
	uint64_t first_stamped() const { return slots_ / 2; }

private:
	std::string name_;
	std::string path_;
	int fd_;
	uint64_t slots_;
};
