// SPDX-License-Identifier: GPL-2.0-or-later
// DeviceFile: a block device or an image file, open.
//
// A block device is read and written past the page cache (O_DIRECT), since what device-mapper wrote
// does not show in a cache that was filled before.
#pragma once

#include <string>

#include "core/engine/devices.h"
#include "core/platform/io_status.h"

namespace remap::host {

enum class Access {
	look,	   // reads, beside whoever else uses it
	read,	   // reads, and nobody else uses it
	read_write // and nobody else uses it
};

class DeviceFile {
public:
	// Throws OpenFailure.
	DeviceFile(const std::string &path, Access access);
	DeviceFile(const DeviceFile &) = delete;
	DeviceFile &operator=(const DeviceFile &) = delete;
	~DeviceFile();

	const std::string &path() const { return path_; }
	// The same wherever the working directory is by now.
	const std::string &absolute_path() const { return absolute_path_; }
	int descriptor() const { return fd_; }
	bool is_block_device() const { return block_device_; }
	// Whole sectors.
	Sector sectors() const { return sectors_; }
	u32 logical_block() const { return logical_block_; }
	u32 physical_block() const { return physical_block_; }
	// Where its first physical block begins, in bytes.
	int alignment_offset() const { return alignment_offset_; }
	// Whether it lies on a file system without a device (tmpfs, ramfs): nothing of it has to be
	// waited for.
	bool is_in_memory() const { return in_memory_; }
	// A file is read and written past the page cache from now on, where it lies on a file system
	// that can do that in sectors.
	void go_direct();
	// For the rules of core/engine/devices.h.
	DeviceFacts facts() const;

	IoStatus read(Sector sector, void *buffer, u32 count);
	// `through`: stable when it returns.
	IoStatus write(Sector sector, const void *data, u32 count, bool through = false);
	IoStatus write_zeroes(Sector sector, u32 count);
	// What was written before is stable when it returns.
	IoStatus flush();

private:
	void open(Access access);
	void measure();
	void set_direct();
	template <class Call> IoStatus transfer(Sector sector, u8 *at, u32 count, Call &&call);

	std::string path_;
	std::string absolute_path_;
	int fd_ = -1;
	bool block_device_ = false;
	bool in_memory_ = false;
	Sector sectors_ = 0;
	u32 logical_block_ = kSectorBytes;
	u32 physical_block_ = kSectorBytes;
	int alignment_offset_ = 0;
	u64 identity_ = 0;
	// Where a buffer of the caller's is not aligned as the device wants it.
	u8 *bounce_ = nullptr;
};

}  // namespace remap::host
