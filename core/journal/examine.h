// SPDX-License-Identifier: GPL-2.0-or-later
// How a set's sites and copies are, for reports: what a power cut leaves is no damage, what lost its
// second is. Asked after a survey or a load; decides nothing.
#pragma once

#include "core/journal/journal.h"

namespace remap {

// X(name, whether it is damage, words)
#define REMAP_SITE_STATES(X)                                                                     \
	X(good, false, "good")                                                                   \
	X(before, false, "one step older, as an interruption leaves it")                         \
	X(behind, true, "older than it could be if it had been writable")                        \
	X(late, true, "hit by a write that came late: its slots do not fit")                      \
	X(blank, true, "wiped: nothing but zeros")                                               \
	X(broken, true, "a superblock of ours that is damaged")                                  \
	X(unreadable, true, "unreadable")                                                        \
	X(other, true, "overwritten with something else")

#define REMAP_COPY_STATES(X)                                                                     \
	X(good, false, "good")                                                                   \
	X(cut_off, false, "lacks the last block, as an interruption leaves it")                  \
	X(damaged, true, "has damaged blocks")                                                   \
	X(unused, true, "out of use since it could not be written")

enum class SiteState : u8 {
#define X(name, damage, words) name,
	REMAP_SITE_STATES(X)
#undef X
};

enum class CopyState : u8 {
#define X(name, damage, words) name,
	REMAP_COPY_STATES(X)
#undef X
};

constexpr const char *text_of(SiteState state)
{
#define X(name, damage, words) words,
	constexpr const char *kWords[] = {REMAP_SITE_STATES(X)};
#undef X
	return kWords[static_cast<u8>(state)];
}
constexpr bool is_damage(SiteState state)
{
#define X(name, damage, words) damage,
	constexpr bool kDamage[] = {REMAP_SITE_STATES(X)};
#undef X
	return kDamage[static_cast<u8>(state)];
}
constexpr const char *text_of(CopyState state)
{
#define X(name, damage, words) words,
	constexpr const char *kWords[] = {REMAP_COPY_STATES(X)};
#undef X
	return kWords[static_cast<u8>(state)];
}
constexpr bool is_damage(CopyState state)
{
#define X(name, damage, words) damage,
	constexpr bool kDamage[] = {REMAP_COPY_STATES(X)};
#undef X
	return kDamage[static_cast<u8>(state)];
}

template <Platform P> SiteState Journal<P>::site_state(u32 number) const
{
	constexpr u32 both = (1u << Site::kSlots) - 1;
	const Site &site = sites_[number];
	const Superblock *newest = winner();
	if (site.valid() && !counts(site))
		return SiteState::late;
	if (site.valid() && newest) {
		const u64 behind = newest->generation - site.superblock.generation;
		return !newer(*newest, site.superblock) ? SiteState::good
		       : behind <= 1			? SiteState::before
							: SiteState::behind;
	}
	if (site.ours)
		return SiteState::broken;
	if (site.readable != both)
		return SiteState::unreadable;
	return site.blank == both ? SiteState::blank : SiteState::other;
}

template <Platform P> CopyState Journal<P>::copy_state(u32 copy) const
{
	if (!(now_.copies >> copy & 1))
		return CopyState::unused;
	const CopyFindings &found = findings_.copy[copy];
	if (!found.blocks())
		return CopyState::good;
	return found.only_torn_end(chain_end_) && now_.state == SetState::opened ? CopyState::cut_off
									    : CopyState::damaged;
}

// REQUIRES: loaded().
template <Platform P> bool Journal<P>::sound() const
{
	for (u32 number = 0; number < sites(); ++number)
		if (is_damage(site_state(number)))
			return false;
	bool sound = true;
	for_each_copy(all_copies(), [&](u32 copy) { sound &= !is_damage(copy_state(copy)); });
	return sound;
}

}  // namespace remap
