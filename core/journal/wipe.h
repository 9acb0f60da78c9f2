// SPDX-License-Identifier: GPL-2.0-or-later
// A set that an operator gave up by name. Every trace of ours on the spares must bear that name, and each
// must have one: a disk that was mixed up shows another one, or none.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// Errors: wrong_set.
template <Platform P> Status Journal<P>::judge_wipe(Refusal &why)
{
	for (u32 i = 0; i < shape_.spares.count; ++i)
		TRY(judge_traces(why, kFirstSpare + i));
	TRY(lay_out(why));
	found_ = Found::blank;
	return {};
}

template <Platform P> Status Journal<P>::judge_traces(Refusal &why, DeviceIndex device)
{
	bool traces = false;
	for (u32 number = 0; number < kSites; ++number)
		for (u32 slot = 0; slot < Site::kSlots; ++slot) {
			const Site &site = site_on(device, number);
			if (!(site.ours >> slot & 1))
				continue;
			traces = true;
			if (site.names[slot] == terms_.wipe_set)
				continue;
			why.begin() << name_of(device) << " has traces of set " << site.names[slot]
				    << ", not of " << terms_.wipe_set << ", which may be wiped";
			return Error::wrong_set;
		}
	if (traces)
		return {};
	why.begin() << name_of(device) << " has no trace of set " << terms_.wipe_set;
	return Error::wrong_set;
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
