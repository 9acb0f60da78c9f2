// SPDX-License-Identifier: GPL-2.0-or-later
// Blank: nothing but zeros at both ends of a spare, at the middle site and at the beginning of
// every region that a format would write. What is not zero is somebody's.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// Errors: not_blank.
template <Platform P> Status Journal<P>::predecessor(Refusal &why, DeviceIndex device)
{
	static constexpr u8 kPredecessor[] = {'4', 'R', 'M', 'D'};
	constexpr u32 kPredecessorCopies = 5;
	constexpr u32 kPredecessorDistance = 256;
	for (u32 i = 0; i < kPredecessorCopies; ++i) {
		const Sector at = i * kPredecessorDistance;
		if (platform_.read(device, at, block_, kBlockSectors) != IoStatus::ok ||
		    __builtin_memcmp(block_, kPredecessor, sizeof(kPredecessor)))
			continue;
		why.begin() << name_of(device) << " holds metadata of dm-remap v4 (4RMD at sector " << at
			    << "), which never recorded remaps that could be trusted; wipe it";
		return Error::not_blank;
	}
	return {};
}

// Errors: not_blank, spare_io, interrupted.
template <Platform P> Status Journal<P>::foreign(Refusal &why, u32 member)
{
	const DeviceIndex device = spares_.device(member);
	TRY(predecessor(why, device));
	Sector where = 0;
	bool found = false;
	const Status read = find_foreign(member, &where, &found);
	if (read.error() == Error::no_memory)
		return read;
	if (!read.ok()) {
		why.begin() << name_of(device) << " cannot be read near sector " << where
			    << ", so it cannot be seen to be blank";
		return read;
	}
	if (found) {
		why.begin() << name_of(device) << " is not blank: there is data at sector " << where
			    << "; wipe it, or permit with 'format' to overwrite it";
		return Error::not_blank;
	}
	return {};
}

// Errors: spare_io, interrupted, no_memory.
template <Platform P> Status Journal<P>::find_foreign(u32 member, Sector *where, bool *found)
{
	load_buffer_ = static_cast<u8 *>(platform_.allocate(kChunkBytes));
	if (!load_buffer_)
		return Error::no_memory;
	const Status searched = search_regions(member, where, found);
	platform_.deallocate(load_buffer_, kChunkBytes);
	load_buffer_ = nullptr;
	return searched;
}

template <Platform P> Status Journal<P>::search_regions(u32 member, Sector *where, bool *found)
{
	const DeviceIndex device = spares_.device(member);
	const Layout &layout = spares_.layout(member);
	const Sector end = layout.tail_site() + kSiteSectors;
	const u64 at_ends = min_of<u64>(kBlankSectors, end);
	TRY(find_nonzero(device, 0, at_ends, where, found));
	if (!*found)
		TRY(find_nonzero(device, end - at_ends, at_ends, where, found));
	const Sector regions[] = {layout.middle_site(), layout.middle_site() + kBlockSectors,
				  layout.journal(0),	 layout.journal(1),
				  layout.area(0, 0),	 layout.area(0, 1),
				  layout.area(1, 0),	 layout.area(1, 1),
				  layout.data(),	 layout.middle_site() + kSiteSectors};
	for (u32 i = 0; !*found && i < sizeof(regions) / sizeof(regions[0]); ++i)
		TRY(find_nonzero(device, regions[i], kBlockSectors, where, found));
	return {};
}

// What an interrupted format left at a site is ours; what it did not reach may be somebody's.
template <Platform P> bool Journal<P>::in_valid_site(DeviceIndex device, Sector sector) const
{
	const Layout layout = layout_alone(device);
	for (u32 number = 0; number < kSites; ++number)
		if (site_on(device, number).valid() && sector >= layout.site(number) &&
		    sector < layout.site(number) + kSiteSectors)
			return true;
	return false;
}

// Errors: spare_io, interrupted.
template <Platform P>
Status Journal<P>::find_nonzero(DeviceIndex device, Sector from, u64 sectors, Sector *where,
				bool *found)
{
	for (u64 done = 0; done < sectors && !*found;) {
		const u32 count = static_cast<u32>(min_of<u64>(sectors - done, kChunkSectors));
		*where = from + done;
		if (platform_.stop_requested())
			return Error::interrupted;
		if (platform_.read(device, *where, load_buffer_, count) != IoStatus::ok)
			return Error::spare_io;
		for (u32 i = 0; i < count && !*found; ++i) {
			*where = from + done + i;
			*found = !is_zero(load_buffer_ + i * kSectorBytes, kSectorBytes) &&
				 !in_valid_site(device, *where);
		}
		done += count;
	}
	return {};
}

}  // namespace remap
