// SPDX-License-Identifier: GPL-2.0-or-later
// Spares: the members of a set, and where on them a place is.
//
// A *place* is a sector of spare as the table, the journal and every command count it: the data areas of
// the members form one run. Each member has a stretch of it for as long as it is one; what joins comes
// behind all others, and what left leaves a gap. An *address* is a sector of a device. Places that follow
// each other are on the device beside each other except at a *border*: a member's middle site, or its end.
//
// Members are numbered as the superblock does; the table line may name their devices in another order. A
// member may have no device: what is on it is missing.
#pragma once

#include "core/format/layout.h"
#include "core/format/superblock.h"
#include "core/platform/platform.h"
#include "core/table/extent.h"

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
		for (u32 m = 0; m < sizes.count; ++m) {
			const Place first = spares.data_sectors();
			spares.put(m, sizes[m], max_extents, first, kFirstSpare + m);
		}
		return spares;
	}
	static constexpr Spares of(const SpareSizes &sizes)
	{
		const u64 wanted = sizes.total() / kBlockSectors;
		return of(sizes, max_of(kMinExtents, min_of(wanted, kMaxExtents)));
	}

	// Makes it a member. `device`: where the table line has it, or kNoDevice.
	constexpr void put(u32 member, Sector sectors, u64 max_extents, Place first, DeviceIndex device)
	{
		layouts_[member] = Layout::of(sectors, max_extents);
		devices_[member] = device;
		firsts_[member] = first;
		exists_ |= 1u << member;
		max_extents_ = max_extents;
		slots_ = max_of(slots_, member + 1);
	}
	// What it held is nobody's any more.
	constexpr void drop(u32 member)
	{
		exists_ &= ~(1u << member);
		layouts_[member] = Layout();
		while (slots_ && !exists(slots_ - 1))
			--slots_;
	}

	// Whether all members have room for data, in stretches apart. The first that has none: too_small().
	constexpr bool valid() const
	{
		bool sound = slots_ && too_small() == slots_ && data_sectors() <= kMostPlaces;
		for (u32 a = 0; a < slots_; ++a)
			for (u32 b = 0; b < a; ++b)
				sound = sound && (!exists(a) || !exists(b) || firsts_[a] >= end(b) ||
						  firsts_[b] >= end(a));
		return sound;
	}
	constexpr u32 too_small() const
	{
		u32 m = 0;
		while (m < slots_ && (!exists(m) || layouts_[m].valid()))
			++m;
		return m;
	}

	// Numbers of members are below this; some may be nobody's.
	constexpr u32 slots() const { return slots_; }
	constexpr bool exists(u32 member) const { return exists_ >> member & 1; }
	constexpr const Layout &layout(u32 member) const { return layouts_[member]; }
	constexpr DeviceIndex device(u32 member) const { return devices_[member]; }

	// ---- the same on every member ----
	constexpr u64 max_extents() const { return max_extents_; }
	constexpr u64 entries() const { return any().entries(); }
	constexpr u64 journal_blocks() const { return any().journal_blocks(); }
	constexpr u64 area_blocks() const { return any().area_blocks(); }

	// ---- of all together ----
	// All places are below this.
	constexpr Sector data_sectors() const
	{
		Sector last = 0;
		for (u32 m = 0; m < slots_; ++m)
			last = exists(m) ? max_of(last, end(m)) : last;
		return last;
	}
	constexpr Sector reserved_sectors() const
	{
		Sector sum = 0;
		for (u32 m = 0; m < slots_; ++m)
			sum += layouts_[m].reserved_sectors();
		return sum;
	}

	// The member that a place is on; kNobody: it is in a gap.
	static constexpr u32 kNobody = kMaxSpares;
	constexpr u32 member(Place place) const
	{
		u32 m = 0;
		while (m < slots_ && !(exists(m) && place >= firsts_[m] && place < end(m)))
			++m;
		return m < slots_ ? m : kNobody;
	}
	// Of a member, the first place, and the one behind its last.
	constexpr Place first_place(u32 member) const { return firsts_[member]; }
	constexpr Place end(u32 member) const
	{
		return firsts_[member] + layouts_[member].data_sectors();
	}
	// Whether all of a range is on members.
	constexpr bool holds(Place place, u64 length) const
	{
		while (length) {
			const u32 m = member(place);
			if (m == kNobody)
				return false;
			const u64 here = min_of<u64>(length, end(m) - place);
			place += here;
			length -= here;
		}
		return true;
	}

	// `want`: how many places are asked for, at least 1. REQUIRES: holds(place, 1).
	constexpr Address address(Place place, u64 want) const
	{
		const u32 m = member(place);
		const Layout &layout = layouts_[m];
		const Sector data = place - firsts_[m];
		const u64 left = min_of<u64>(want, end(m) - place);
		return {devices_[m], layout.physical(data), layout.contiguous(data, left)};
	}
	constexpr u64 contiguous(Place place, u64 want) const { return address(place, want).sectors; }

	// The devices that a range of places is on, a bit for each. REQUIRES: holds(place, length), and
	// no device is missing.
	constexpr u32 devices_of(Place place, u64 length) const
	{
		u32 devices = 0;
		for (u64 done = 0; done < length;) {
			const u32 m = member(place + done);
			devices |= 1u << devices_[m];
			done = end(m) - place;
		}
		return devices;
	}

	// Whether another set's places mean the same on the same devices.
	constexpr bool same_as(const Spares &other) const
	{
		bool same = exists_ == other.exists_ && max_extents_ == other.max_extents_;
		for (u32 m = 0; same && m < slots_; ++m)
			same = !exists(m) || (firsts_[m] == other.firsts_[m] && end(m) == other.end(m) &&
					      devices_[m] == other.devices_[m]);
		return same;
	}

private:
	static constexpr Place kMostPlaces = Place{1} << kPlaceBits;

	constexpr const Layout &any() const
	{
		u32 m = 0;
		while (m + 1 < slots_ && !exists(m))
			++m;
		return layouts_[m];
	}

	u32 slots_ = 0;
	u32 exists_ = 0; // bits
	u64 max_extents_ = 0;
	DeviceIndex devices_[kMaxSpares] = {kNoDevice, kNoDevice, kNoDevice, kNoDevice};
	Place firsts_[kMaxSpares] = {};
	Layout layouts_[kMaxSpares];
};

}  // namespace remap
