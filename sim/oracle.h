// SPDX-License-Identifier: GPL-2.0-or-later
// Oracle: what a read of each sector of the mapped device may return.
//
// Of each sector it knows the versions that were written, when each was acknowledged, when it was
// superseded by a newer one, and whether a power failure can still bring it back. It follows from
// the block layer's contract alone and knows nothing of the core: what was flushed, written with
// FUA or redirected stays; what was not may be there or not, each version of it; nothing else may
// ever be read. Which errors are allowed is the host's to say, since only the disks know.
#pragma once

#include <string>
#include <vector>

#include "sim/user_io.h"

namespace remap::sim {

// Which promise a violation breaks, as the closing line counts them.
enum class Promise : u8 { kept, lost, stale, leaked };

class Oracle {
public:
	// What is read where nobody has written yet.
	static Content original(Sector sector) { return (Content{1} << 40) + sector; }

	Oracle(Sector sectors, const Contents &contents) : contents_(contents), slot_(sectors) {}

	Moment now() const { return now_; }

	// ---- what users do ----
	void issued(UserIo &io);
	// A part of a write was sent to a device, or to somebody who does it for that; and a device has
	// ended it, one way or the other. Writes of which one is sent while another is on a device have no
	// order; of all others the one that was issued later is the newer one, whenever it ends.
	void sent(const UserIo &io, u32 first, u32 count);
	void landed(const UserIo &io, u32 first, u32 count);
	// Checks what was read.
	void ended(const UserIo &io);
	Moment flush_issued() { return ++now_; }
	void flush_ended(const UserFlush &flush);

	// ---- what befalls the devices ----
	// A flush failed, whoever asked for it: what was not stable may be gone.
	void flush_failed();
	// Nor is it a promise any more: the power failed, or the users were told of the flush.
	void power_cut();
	// Reads that had not ended when the power failed never will, and writes are not under way any more.
	void forget_users();

	// ---- what is read, and by whom ----
	// Whether a read that was issued at `since` may return this.
	bool may_read(Sector sector, Content content, Moment since) const;
	// Now, when nothing is in flight: it may, and from here on it is the only truth.
	bool observe(Sector sector, Content content);
	// The content is gone by order or by the medium: until a write, reads have to fail.
	void forget(Sector sector);
	// Whether any content may still be read.
	bool known(Sector sector) const;
	// Without a copy back: what main holds is the truth again.
	void replace(Sector sector, Content content);
	// The same while it is in doubt: this may be read as well, until it is told to be over.
	void admit(Sector sector, Content content);
	void admit_no_more(Sector sector);

	// The first promise that was broken; empty while all hold.
	const std::string &violation() const { return violation_; }
	Promise broken() const { return broken_; }
	void violate(Promise promise, std::string what);
	std::string describe(Sector sector) const;

private:
	struct Version {
		Content content = 0;
		u64 io = 0;	      // which write it came from, by the moment of its issue
		Moment done = 0;      // when it was acknowledged; 0: it was not
		Moment sent = kNever;
		Moment landed = kNever;
		Moment over = kNever; // when a newer one was
		Moment gone = kNever; // since when no power failure can bring it back
		bool ended = false;   // acknowledged or failed
		bool exposed = false; // a failed flush may have brought it back already
		bool tainted = false; // under way when a flush failed, so perhaps lost in part
		bool is_gone() const { return gone != kNever; }
		bool on_device(Moment when) const { return sent <= when && when <= landed; }
		bool precedes(const Version &other) const;
	};
	using Truth = std::vector<Version>;

	// What is there when the story begins.
	static Version before(Content content)
	{
		Version one;
		one.content = content;
		one.done = 1;
		one.ended = true;
		return one;
	}
	Truth &truth(Sector sector);
	Version *version(const UserIo &io, u32 index);
	const Truth *touched(Sector sector) const
	{
		return slot_[sector] ? &truths_[slot_[sector] - 1] : nullptr;
	}
	void end_write(Sector sector, u64 io, bool ok, bool durable);
	void settle(Truth &truth, Moment until);
	void prune(Truth &truth);
	void check_read(const UserIo &io, u32 index);

	const Contents &contents_;
	std::vector<u32> slot_; // of truths_, from 1 on; 0: never touched
	std::vector<Truth> truths_;
	Moment now_ = 1;
	u32 readers_ = 0;
	std::string violation_;
	Promise broken_ = Promise::kept;
};

} // namespace remap::sim
