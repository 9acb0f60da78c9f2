// SPDX-License-Identifier: GPL-2.0-or-later
// Attachment: a served device as a file and, over it, as a loop device.
#pragma once

#include <atomic>
#include <string>

#include "frontend/fuse_file.h"
#include "tools/dmremap/served_device.h"

namespace dmremap {

enum class DeviceKind {
	none,
	file,
	loop,
};

class Attachment final : public ServedDevice {
public:
	// Takes away what a server that was killed left behind, and mounts the file. Throws Failure.
	Attachment(remap::host::Volume &volume, const std::string &name, DeviceKind kind);
	~Attachment() override { join(); }

	void each_turn() override { file_.each_turn(); }
	bool over() const override { return file_.over(); }
	// The file, or the loop device.
	bool in_use() override;
	// How many have the file open, the loop device among them.
	remap::u32 users() const override { return file_.users(); }

private:
	static constexpr int kNone = -1;

	// Where the file is mounted; taken away after it.
	struct Directory {
		std::string path;
		~Directory();
	};

	std::string make() override;
	void take_away() override;
	// Nothing refers to the device any more.
	void finish() override { file_.finish(); }
	bool loop_is_taken() const;

	const Directory directory_;
	const std::string path_; // of the file
	const DeviceKind kind_;
	remap::frontend::FuseFile file_;
	std::atomic<int> loop_{kNone}; // its number
};

}  // namespace dmremap
