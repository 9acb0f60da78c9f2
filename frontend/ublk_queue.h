// SPDX-License-Identifier: GPL-2.0-or-later
// Queue: the tags of a ublk device. Each is with the driver until something is asked of it, then with
// the volume until it has ended; the answer gives it back to the driver.
//
// The driver takes these commands from one thread alone, the reactor's, and copies data while that thread
// is in the kernel: into the tag's memory before it asks, out of it when it is answered. All memory is
// taken at the beginning.
#pragma once

#include <memory>

#include "core/base/atomic.h"
#include "frontend/ublk_request.h"
#include "host/volume.h"

namespace remap::frontend::ublk {

class Queue;

struct Tag final : host::IoRequest, host::Completion {
	// The driver asks for something, or gives the tag up.
	void done(int result) override;
	void ended() override;

	Queue *queue = nullptr;
	u8 *memory = nullptr;
	u32 bytes = 0; // what the driver is told when it goes well
	u16 number = 0;
};

class Queue {
public:
	static constexpr u16 kDepth = 64;

	// `descriptor` is the device's character device, which stays open longer than this lives. Throws
	// OpenFailure.
	Queue(host::Volume &volume, int descriptor);
	~Queue();
	Queue(const Queue &) = delete;
	Queue &operator=(const Queue &) = delete;

	// ---- the reactor's thread ----
	// Gives all tags to the driver.
	void start();
	// None is with the driver or at work.
	bool over() const { return !tags_out_; }

	// ---- any thread ----
	// The driver has given tags up: it is being stopped, or will not start.
	bool given_up() const { return given_up_.load_relaxed(); }

private:
	friend struct Tag;

	void begin(Tag &tag);
	void returned();
	void answer(Tag &tag, int result) { give(tag, kCommitAndFetch, result); }
	void give(Tag &tag, u32 command, int result);

	host::Volume &volume_;
	const int descriptor_;
	const usize descriptions_bytes_;
	const ublksrv_io_desc *descriptions_ = nullptr; // written by the driver
	u8 *memory_ = nullptr;
	u32 tags_out_ = 0; // with the driver or at work
	Atomic<bool> given_up_;
	std::unique_ptr<Tag[]> tags_;
};

}  // namespace remap::frontend::ublk
