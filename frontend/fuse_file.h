// SPDX-License-Identifier: GPL-2.0-or-later
// The volume as a file, through FUSE: a directory with that one file in it. With a loop device over
// it, it is a block device.
//
// Requests are taken in the reactor's thread and answered when they end, in any order. Each has memory
// of its own, in which the kernel's message lies so that the data in it begin at a page: writes are
// sent on, and reads answered, from there. What has no memory free waits in the kernel. Reads, writes,
// fsync and fallocate go past libfuse, which allocates memory for whatever it is given.
//
// A file is written at any byte, a volume by blocks. Such a write reads the blocks at its ends first,
// alone among all writes: another one might change the rest of a block meanwhile.
//
// A hole that is punched must read as zeros, whatever the disk makes of a discard: so it is a write of
// zeros, which may give up the space.
#pragma once

#include <memory>
#include <string>

#include "frontend/write_gate.h"
#include "host/volume.h"

struct fuse_session;

namespace remap::frontend {

class FuseFile;

struct FuseRequest final : host::IoRequest {
	enum class Kind { read, write, zeroes, flush };
	// What is under way; an unaligned write reads the blocks at its ends first.
	enum class Phase { whole, head, tail };

	void ended() override;

	FuseFile *file = nullptr;
	FuseRequest *next = nullptr; // free, or a write that waits
	u8 *message = nullptr;	     // as the kernel sends it
	u8 *payload = nullptr;	     // at a page
	u64 unique = 0;		     // the kernel's name of it
	Kind kind = Kind::read;
	Phase phase = Phase::whole;
	u64 offset = 0; // bytes, as is
	u64 bytes = 0;
	u64 left = 0; // of zeros, not submitted
};

class FuseFile final : private host::Source {
public:
	// The largest read or write.
	static constexpr u32 kMaxBytes = 1048576;

	// Mounts a directory at `where`, with the file `name` in it. Throws OpenFailure.
	FuseFile(host::Volume &volume, const std::string &where, const std::string &name);
	// Unmounts it.
	~FuseFile();
	FuseFile(const FuseFile &) = delete;
	FuseFile &operator=(const FuseFile &) = delete;

	// Any thread: who has opened the file and not closed it.
	u32 users() const { return users_.load_relaxed(); }

	// ---- the reactor's thread ----
	// Takes requests from now on.
	void start();
	// Takes no further ones.
	void finish();
	// None is taken any more, and none at work.
	bool over() const { return finishing_ && !at_work_; }
	void each_turn() { wanted = free_ && !finishing_; }

	// ---- for the calls of libfuse ----
	const std::string &name() const { return name_; }
	u64 bytes() const { return volume_.sectors() * kSectorBytes; }
	void count_users(int by);

private:
	friend struct FuseRequest;

	void mount(const std::string &where);
	void take_memory();
	void readable() override { take(); }
	void take();
	bool take_transfer();
	void read(u64 offset, u64 bytes);
	void write(u64 offset, u64 bytes, bool stable);
	void flush();
	void allocate(u64 offset, u64 length, u32 mode);
	void zero(u64 offset, u64 bytes, bool frees);
	FuseRequest &begin(FuseRequest::Kind kind, u64 offset, u64 bytes);
	bool aligned(const FuseRequest &request) const;
	void begin_write(FuseRequest &request);
	void start_write(FuseRequest &request);
	void go_on(FuseRequest &request);
	void read_end(FuseRequest &request, FuseRequest::Phase phase);
	void join_ends(FuseRequest &request);
	void submit_zeroes(FuseRequest &request);
	void ended(FuseRequest &request);
	void write_ended();
	void answer(FuseRequest &request);
	void reply(const FuseRequest &request, int error, u8 *data = nullptr, u64 bytes = 0);
	u64 down(u64 bytes) const { return bytes / block_ * block_; }
	u64 up(u64 bytes) const { return down(bytes + block_ - 1); }

	host::Volume &volume_;
	const std::string name_;
	const u32 block_;
	fuse_session *session_ = nullptr;
	Atomic<u32> users_;
	bool finishing_ = false;
	u32 at_work_ = 0;
	std::unique_ptr<FuseRequest[]> requests_;
	u8 *memory_ = nullptr;
	FuseRequest *free_ = nullptr;
	FuseRequest *current_ = nullptr; // whose message is being read
	u8 *ends_ = nullptr;		 // of the unaligned write: the block at each end
	WriteGate<FuseRequest> gate_;
};

}  // namespace remap::frontend
