// SPDX-License-Identifier: GPL-2.0-or-later
// Faults: sectors of main that are made to fail, for demonstrations and tests. Reads and writes that
// touch one of them end with a medium error, as if the disk had refused the whole command; discards do not.
#pragma once

#include <vector>

#include "core/base/bits.h"
#include "core/base/types.h"

namespace remap::host {

class Faults {
public:
	void add(Sector first, u64 length) { ranges_.push_back({first, length}); }
	bool any() const { return !ranges_.empty(); }
	bool touch(Sector sector, u64 length) const
	{
		for (const Range &range : ranges_)
			if (ranges_overlap(range.first, range.length, sector, length))
				return true;
		return false;
	}

private:
	struct Range {
		Sector first;
		u64 length;
	};
	std::vector<Range> ranges_;
};

}  // namespace remap::host
