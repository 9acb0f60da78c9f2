// SPDX-License-Identifier: GPL-2.0-or-later
// Attachment: a served device as a file and, over it, as a loop device.
//
// Whatever asks the kernel about the file or the loop device is answered by this process: so attach()
// and detach() run in a thread of their own, while the reactor runs.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "frontend/fuse_file.h"

namespace dmremap {

enum class DeviceKind {
	none,
	file,
	loop,
};

class Attachment final : private remap::host::Task {
public:
	// Takes away what a server that was killed left behind, and mounts the file. Throws Failure.
	Attachment(remap::host::Volume &volume, const std::string &name, DeviceKind kind);
	~Attachment();

	// ---- the reactor's thread ----
	// In a thread of its own: makes the device and tells its path, or why there is none.
	void attach(std::function<void(const std::string &path)> attached,
		    std::function<void(const std::string &why)> failed);
	// Takes it away again, then ends the file. What was written to a mounted file system before is
	// written out first.
	void detach();
	void each_turn() { file_.each_turn(); }
	bool over() const { return file_.over(); }

	// Any thread: whether somebody else uses the file or, mounted or exclusively, the loop device.
	bool in_use();
	// How many have the file open, the loop device among them.
	remap::u32 users() const { return file_.users(); }

private:
	static constexpr int kNone = -1;

	// Where the file is mounted; taken away after it.
	struct Directory {
		std::string path;
		~Directory();
	};

	std::string attach_loop();
	void detach_loop();
	bool loop_is_taken() const;
	// Nothing refers to the device any more.
	void run() override;

	remap::host::Volume &volume_;
	const Directory directory_;
	const std::string path_; // of the file
	const DeviceKind kind_;
	remap::frontend::FuseFile file_;
	std::atomic<int> loop_{kNone}; // its number
	bool detaching_ = false;
	std::thread thread_;
};

}  // namespace dmremap
