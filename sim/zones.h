// SPDX-License-Identifier: GPL-2.0-or-later
// Zones: the stretches of a spare that can be lost one by one, and what that costs.
#pragma once

#include <array>

#include "core/format/layout.h"
#include "sim/disk.h"

namespace remap::sim {

enum class Zone : u8 { data, head, middle, tail };

class Zones {
public:
	Zones() = default;
	Zones(const Layout &layout, Sector spare_sectors)
	{
		const Sector head_end = layout.physical(0);
		const Sector tail = layout.physical(layout.data_sectors() - 1) + 1;
		of_[index(Zone::head)] = {0, head_end};
		of_[index(Zone::middle)] = {layout.middle_site(), kSiteSectors};
		of_[index(Zone::tail)] = {tail, spare_sectors - tail};
	}

	const Stretch &of(Zone zone) const { return of_[index(zone)]; }
	Zone at(Sector physical) const
	{
		for (const Zone zone : {Zone::head, Zone::middle, Zone::tail})
			if (of(zone).touches(physical, 1))
				return zone;
		return Zone::data;
	}
	// The first sector of each site.
	std::array<Sector, 3> sites() const
	{
		const Stretch &tail = of(Zone::tail);
		return {of(Zone::head).first, of(Zone::middle).first,
			tail.first + tail.count - kSiteSectors};
	}
	// That of the site that this is a part of, or the largest number there is.
	Sector site_at(Sector physical) const
	{
		for (const Sector site : sites())
			if (Stretch{site, kSiteSectors}.touches(physical, 1))
				return site;
		return ~Sector{0};
	}

private:
	static constexpr usize index(Zone zone) { return static_cast<usize>(zone); }

	Stretch of_[4];
};

} // namespace remap::sim
