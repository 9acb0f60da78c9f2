// SPDX-License-Identifier: GPL-2.0-or-later
// A set that an operator gave up by name. Every trace of ours on the spare must bear that name: a
// disk that was mixed up shows another one.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// Errors: wrong_set.
template <Platform P> Status Journal<P>::judge_wipe(Refusal &why)
{
	bool traces = false;
	for (const Site &site : sites_)
		for (u32 slot = 0; slot < Site::kSlots; ++slot) {
			if (!(site.ours >> slot & 1))
				continue;
			traces = true;
			if (site.names[slot] == terms_.wipe_set)
				continue;
			why.begin() << "the spare has traces of set " << site.names[slot]
				    << ", not of " << terms_.wipe_set << ", which may be wiped";
			return Error::wrong_set;
		}
	if (!traces) {
		why.begin() << "the spare has no trace of set " << terms_.wipe_set;
		return Error::wrong_set;
	}
	found_ = Found::blank;
	return {};
}

// A new set goes on from here, so that nothing that is left of the old one can be newer.
template <Platform P> u64 Journal<P>::wiped_epoch() const
{
	u64 epoch = 0;
	for (const Site &site : sites_)
		epoch = max_of(epoch, site.highest);
	return epoch;
}

}  // namespace remap
