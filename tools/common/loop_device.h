// SPDX-License-Identifier: GPL-2.0-or-later
// Loop devices, by their own ioctls. A number is the one in /dev/loopNUMBER.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dmremap {

// Which file it is, whatever it is called.
struct FileIdentity {
	uint64_t device = 0;
	uint64_t inode = 0;
	friend bool operator==(const FileIdentity &, const FileIdentity &) = default;
};

FileIdentity identity_of(int fd, const std::string &path);

std::string loop_path(unsigned number);
// "/dev/loop3" -> 3; throws Failure.
unsigned loop_number(const std::string &path);

// The number the kernel would give out next, made if need be.
unsigned free_loop();
// Those that look free, lowest first, without asking the kernel to make any: for a dry run.
std::vector<unsigned> likely_free_loops(size_t count);

// `flags`: LO_FLAGS_*. false: somebody else has taken it meanwhile. Throws Failure.
bool attach_loop(unsigned number, int file, const std::string &path, uint32_t sector_bytes,
		 uint32_t flags = 0);
// One that somebody has open is detached when he closes it.
void detach_loop(unsigned number);
// The file behind it; empty: none, or no such device.
std::optional<FileIdentity> behind_loop(unsigned number);

}  // namespace dmremap
