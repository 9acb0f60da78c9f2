// SPDX-License-Identifier: GPL-2.0-or-later
// Trouble: what goes wrong with the devices, and what of it a set has to survive.
//
// The metadata has three zones. Damage that nothing shows (lost, misdirected and late writes, rot
// of a superblock) happens in one of them at a time, the victim; damage that shows, in one copy at
// a time; an error that the core is told of may put a zone out of use. As long as all together
// concern one zone, or all can be read and none is damaged, a load has to succeed and nothing may
// be missing. Beyond that it may refuse, and must not invent; and what the promises do not cover,
// such as damage that does not show in the only copy in use, does not happen here.
#pragma once

#include <vector>

#include "sim/zones.h"

namespace remap::sim {

// In thousandths of the I/Os concerned, unless said otherwise.
struct Rates {
	u32 user_write = 0;	// a write of a user's fails
	u32 data_write = 0;	// a write of data by the core fails
	u32 metadata_write = 0; // a write of metadata fails, in the victim
	u32 anywhere_write = 0; // the same in another zone
	u32 flush = 0;		// a flush fails
	u32 doomed = 0;		// data acknowledged and lost at the next flush, which fails
	u32 lost = 0;		// metadata acknowledged and never stored, in the victim
	u32 misdirected = 0;	// metadata stored elsewhere in the victim
	u32 memory = 0;		// an allocation fails
	u32 flaky = 0;		// a read of main finds a sector that needs some tries
	u32 cut_damage = 0;	// percent of the power failures that leave a block unreadable
};

// Calls visit(name, rate) for each.
template <class Visitor> void for_each_rate(Rates &rates, Visitor &&visit)
{
	visit("user_write", rates.user_write);
	visit("data_write", rates.data_write);
	visit("metadata_write", rates.metadata_write);
	visit("anywhere_write", rates.anywhere_write);
	visit("flush", rates.flush);
	visit("doomed", rates.doomed);
	visit("lost", rates.lost);
	visit("misdirected", rates.misdirected);
	visit("memory", rates.memory);
	visit("flaky", rates.flaky);
	visit("cut_damage", rates.cut_damage);
}

class Trouble {
public:
	struct Outcome {
		Fate fate = Fate::stored;
		Sector elsewhere = 0;
	};

	explicit Trouble(const Rates &rates) : rates_(rates) {}

	const Rates &rates() const { return rates_; }
	void set_zones(const Zones &zones) { zones_ = zones; }
	const Zones &zones() const { return zones_; }

	Outcome of_user_write(Random &random) { return of_data(random, rates_.user_write); }
	Outcome of_data_write(Random &random) { return of_data(random, rates_.data_write); }
	Outcome of_metadata_write(Random &random, Sector sector, u32 count);
	// How many reads of a sector are to fail from here on; mostly none.
	u32 failing_reads(Random &random);
	bool flush_fails(Random &random) { return hit(random, rates_.flush); }
	bool allocation_fails(Random &random) { return hit(random, rates_.memory); }

	// ---- what a load has to survive ----
	// The core was told that a zone, or a flush of all, failed.
	void told(Zone zone) { suspects_ |= bit(zone); }
	void told_all() { suspects_ |= kAll; }
	// Sectors of the victim are not what they should be, and nothing shows it.
	void hurt(Sector sector, u64 count);
	// A sector of a copy is unreadable or does not fit its checksum, which whoever looks will
	// see.
	struct Wound {
		Sector sector;
		Content original; // what it held
		Content rotten;	  // what it holds instead
	};
	void wound(const Wound &wound);
	bool may_hurt(Zone zone) const;
	bool may_wound(Zone zone) const;
	// What there is shows by what is behind it, so nothing may be added.
	void seal() { sealed_ = true; }
	bool may_tell(Zone zone) const { return zone == victim_ || !silent_; }
	// A refused write is about to arrive: whether it may.
	bool may_land(Zone zone);
	// It arrived on a site, which may not count now until it is mended.
	void landed(Zone zone) { landed_ |= bit(zone); }
	// Of these zones, those that may be unreadable at the next load.
	u32 may_be_dark(u32 zones) const { return silent_ ? zones & silent_ : zones; }
	bool must_load(u32 dark) const;
	// All was read, compared and made equal again: another zone may be next.
	void all_is_well(Zone next);
	const std::vector<Sector> &hurt_sectors() const { return hurt_; }
	const std::vector<Wound> &wounds() const { return wounds_; }
	void forget_wounds();
	Zone victim() const { return victim_; }
	u32 suspects() const { return suspects_; }
	bool any_silent(Zone zone) const { return silent_ & bit(zone); }

	// Whether anything went wrong since the last call of forget().
	bool any() const { return any_; }
	void note() { any_ = true; }
	void forget() { any_ = false; }
	// How often chance struck, or a loss came to light.
	void note_hit() { ++hits_; }
	u64 hits() const { return hits_; }
	// While false nothing goes wrong.
	bool armed = false;

	static constexpr u32 bit(Zone zone) { return 1u << static_cast<u32>(zone) >> 1; }
	static constexpr u32 kAll = 7; // head, middle, tail

private:
	bool hit(Random &random, u32 rate)
	{
		if (!armed || !rate || random.below(1000) >= rate)
			return false;
		any_ = true;
		++hits_;
		return true;
	}
	Outcome of_data(Random &random, u32 rate);
	Outcome silent(Random &random, Sector sector, u32 count);
	static Fate refusal(Random &random, bool late);

	Rates rates_;
	Zones zones_;
	Zone victim_ = Zone::head;
	u32 suspects_ = 0;
	u32 silent_ = 0;
	u32 landed_ = 0;
	u32 wounded_ = 0;
	std::vector<Sector> hurt_;
	std::vector<Wound> wounds_;
	bool sealed_ = false;
	bool hiccup_ = false;
	bool any_ = false;
	u64 hits_ = 0;
};

} // namespace remap::sim
