// SPDX-License-Identifier: GPL-2.0-or-later
// Spares: the members of a set, and where on them a place is.
//
// A *place* is a sector of spare as the table, the journal and every command count it: the data areas of
// the members form one run, in the order in which the set was made, so the first place of a member is the
// one behind the last of the member before. An *address* is a sector of a device. Places that follow each
// other are on the device beside each other except at a *border*: a member's middle site, or its end.
//
// Members are numbered as the superblock does; the table line may name their devices in another order.
#pragma once

#include "core/format/layout.h"
#include "core/format/superblock.h"
#include "core/platform/platform.h"

namespace remap {

static_assert(kMaxSpares == kMaxMembers);

// The sizes of the spares in sectors, in some order.
struct SpareSizes {
	constexpr SpareSizes() = default;
	constexpr SpareSizes(Sector only) : count(1), sectors{only} {}

	// REQUIRES: count < kMaxSpares.
	constexpr void add(Sector size) { sectors[count++] = size; }
	constexpr Sector operator[](u32 i) const { return sectors[i]; }
	constexpr Sector total() const
	{
		Sector sum = 0;
		for (u32 i = 0; i < count; ++i)
			sum += sectors[i];
		return sum;
	}

	u32 count = 0;
	Sector sectors[kMaxSpares] = {};
};

// A spare in a sentence; where there is only one, nobody counts. REQUIRES: a spare.
constexpr const char *spare_name(DeviceIndex device, u32 count)
{
	constexpr const char *kNames[kMaxSpares] = {"spare 1", "spare 2", "spare 3", "spare 4"};
	return count == 1 ? "the spare" : kNames[device - kFirstSpare];
}

// For the `sectors` sectors from a place on.
struct Address {
	DeviceIndex device = kFirstSpare;
	Sector sector = 0;
	u64 sectors = 0; // that follow each other on the device
};

class Spares {
public:
	constexpr Spares() = default;

	// Each member has its own size, and the metadata of all of the set.
	static constexpr Spares of(const SpareSizes &sizes, u64 max_extents)
	{
		Spares spares;
		spares.members_ = sizes.count;
		for (u32 m = 0; m < sizes.count; ++m) {
			spares.layouts_[m] = Layout::of(sizes[m], max_extents);
			spares.devices_[m] = kFirstSpare + m;
			spares.ends_[m] = spares.data_sectors() + spares.layouts_[m].data_sectors();
			spares.total_ = spares.ends_[m];
		}
		return spares;
	}
	static constexpr Spares of(const SpareSizes &sizes)
	{
		const u64 wanted = sizes.total() / kBlockSectors;
		return of(sizes, max_of(kMinExtents, min_of(wanted, kMaxExtents)));
	}

	// Where the table line has the member.
	constexpr void found_at(u32 member, DeviceIndex device) { devices_[member] = device; }

	// Whether all members have room for data. The first that has none: too_small().
	constexpr bool valid() const { return members_ && too_small() == members_; }
	constexpr u32 too_small() const
	{
		u32 m = 0;
		while (m < members_ && layouts_[m].valid())
			++m;
		return m;
	}

	constexpr u32 members() const { return members_; }
	constexpr const Layout &layout(u32 member) const { return layouts_[member]; }
	constexpr DeviceIndex device(u32 member) const { return devices_[member]; }

	// ---- the same on every member ----
	constexpr u64 max_extents() const { return layouts_[0].max_extents(); }
	constexpr u64 entries() const { return layouts_[0].entries(); }
	constexpr u64 journal_blocks() const { return layouts_[0].journal_blocks(); }
	constexpr u64 area_blocks() const { return layouts_[0].area_blocks(); }

	// ---- of all together ----
	constexpr Sector data_sectors() const { return total_; }
	constexpr Sector reserved_sectors() const
	{
		Sector sum = 0;
		for (u32 m = 0; m < members_; ++m)
			sum += layouts_[m].reserved_sectors();
		return sum;
	}

	// The member that a place is on. REQUIRES: place < data_sectors().
	constexpr u32 member(Sector place) const
	{
		u32 m = 0;
		while (place >= ends_[m])
			++m;
		return m;
	}
	// Of a member, the first place.
	constexpr Sector first_place(u32 member) const { return member ? ends_[member - 1] : 0; }

	// REQUIRES: place < data_sectors(). `want`: how many places are asked for, at least 1.
	constexpr Address address(Sector place, u64 want) const
	{
		const u32 m = member(place);
		const Layout &layout = layouts_[m];
		const Sector data = place - first_place(m);
		const u64 left = min_of<u64>(want, ends_[m] - place);
		return {devices_[m], layout.physical(data), layout.contiguous(data, left)};
	}
	constexpr u64 contiguous(Sector place, u64 want) const { return address(place, want).sectors; }

	// The devices that a range of places is on, a bit for each.
	constexpr u32 devices_of(Sector place, u64 length) const
	{
		u32 devices = 0;
		for (u64 done = 0; done < length;) {
			const u32 m = member(place + done);
			devices |= 1u << devices_[m];
			done = ends_[m] - place;
		}
		return devices;
	}

	// Whether another set's places mean the same on the same devices.
	constexpr bool same_as(const Spares &other) const
	{
		bool same = members_ == other.members_ && max_extents() == other.max_extents();
		for (u32 m = 0; same && m < members_; ++m)
			same = ends_[m] == other.ends_[m] && devices_[m] == other.devices_[m];
		return same;
	}

private:
	u32 members_ = 0;
	DeviceIndex devices_[kMaxSpares] = {kFirstSpare};
	Sector ends_[kMaxSpares] = {}; // the place behind each member's last
	Sector total_ = 0;
	Layout layouts_[kMaxSpares];
};

}  // namespace remap
