// SPDX-License-Identifier: GPL-2.0-or-later
// MappedDevice: a mapped device by its name, as libdevmapper reaches it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/dm-remap-loopback-setup/table.h"

namespace dmremap::loopback {

// Whether there is a device-mapper and this user may speak to it.
bool device_mapper_answers();

// Throws Failure unless the kernel has this target; loads its module if that is installed.
void require_target(const std::string &target);

class MappedDevice {
public:
	struct Info {
		std::string uuid;
		bool suspended = false;
		bool has_inactive_table = false;
		int open_count = 0;
	};

	explicit MappedDevice(std::string name) : name_(std::move(name)) {}

	const std::string &name() const { return name_; }
	std::string path() const;
	// Empty: there is no such device.
	std::optional<Info> info() const;
	Table table() const;

	// With the table loaded and running, or not at all.
	void create(const std::string &uuid, const Table &table) const;
	// Beside the table in use, which resume() then replaces.
	void load(const Table &table) const;
	void drop_loaded() const;
	// Freezes a file system on it, and returns when all I/O that was in flight has ended.
	void suspend() const;
	// `cookie` collects what udev has to do, for finish_nodes().
	void resume(uint32_t *cookie) const;
	static void finish_nodes(uint32_t cookie);
	void remove() const;

private:
	std::string name_;
};

}  // namespace dmremap::loopback
