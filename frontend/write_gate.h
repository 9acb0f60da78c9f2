// SPDX-License-Identifier: GPL-2.0-or-later
// WriteGate: an unaligned write reads the blocks at its ends, changes a part of them and writes them back,
// so it is alone among all writes. Those that have to wait go on in the order in which they came, also
// one that could go on at once but came behind one that waits: so nobody waits for ever.
#pragma once

#include "core/base/types.h"

namespace remap::frontend {

// A Write has a member `Write *next` for the gate while it waits.
template <class Write> class WriteGate {
public:
	// true: it begins. false: it waits, and next() will return it.
	bool enter(Write &write, bool aligned)
	{
		if (!first_ && may_begin(aligned)) {
			begin(aligned);
			return true;
		}
		write.next = nullptr;
		(last_ ? last_->next : first_) = &write;
		last_ = &write;
		return false;
	}
	// One that had begun has ended; call next() until it returns nullptr.
	void leave()
	{
		--under_way_;
		alone_ = false;
	}
	// One that waited and begins now. `is_aligned(write)` says what enter() was told.
	template <class IsAligned> Write *next(IsAligned &&is_aligned)
	{
		Write *const write = first_;
		if (!write)
			return nullptr;
		const bool aligned = is_aligned(*write);
		if (!may_begin(aligned))
			return nullptr;
		first_ = write->next;
		if (!first_)
			last_ = nullptr;
		begin(aligned);
		return write;
	}

private:
	bool may_begin(bool aligned) const { return !alone_ && (aligned || !under_way_); }
	void begin(bool aligned)
	{
		++under_way_;
		alone_ = !aligned;
	}

	u32 under_way_ = 0;
	bool alone_ = false; // an unaligned one is under way
	Write *first_ = nullptr;
	Write *last_ = nullptr;
};

}  // namespace remap::frontend
