// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/examination.h"

#include <fmt/format.h>

namespace dmremap {
namespace {

constexpr const char *kSiteNames[] = {"head", "middle", "tail"};
constexpr const char *kCopyNames[] = {"head", "tail"};

const char *state_text(remap::SetState state)
{
	switch (state) {
	case remap::SetState::formatting:
		return "formatting";
	case remap::SetState::ready:
		return "never used";
	case remap::SetState::opened:
		return "not closed";
	case remap::SetState::clean:
		return "closed";
	}
	return "unknown";
}

// What is mapped to a member.
struct Share {
	remap::u64 extents = 0, sectors = 0;
};

Share share_of(const OfflineEngine &engine, remap::u32 member)
{
	Share share;
	for_each_extent(engine, [&](const remap::Extent &extent) {
		if (extent.state == remap::State::pending || engine.spares().member(extent.place) != member)
			return;
		++share.extents;
		share.sectors += extent.length;
	});
	return share;
}

std::string text_of(const Share &share)
{
	return fmt::format("{} extents with {} sectors", share.extents, share.sectors);
}

std::string member_state(const OfflineJournal &journal, remap::u32 m)
{
	const bool here = journal.spares().device(m) != remap::kNoDevice;
	if (journal.superblock().members[m].in_use())
		return here ? "in use" : "missing";
	if (journal.stale() >> m & 1)
		return "gone, here again, and out of date: what was on it is lost";
	return here ? "gone, and here again: the next start takes it back"
		    : "gone, and not here: what is on it gives errors";
}

// "head"; of several spares "head of spare 2".
std::string name_of(const char *part, remap::DeviceIndex device, remap::u32 spares)
{
	return spares == 1 ? part : fmt::format("{} of {}", part, remap::spare_name(device, spares));
}

std::string name_of_site(const OfflineJournal &journal, remap::u32 number)
{
	return name_of(kSiteNames[number % remap::kSites],
		       remap::kFirstSpare + number / remap::kSites,
		       journal.sites() / remap::kSites);
}

// The copies of members that are here, as far as they are members: each(number).
template <class Each> void for_each_copy_here(const OfflineJournal &journal, Each &&each)
{
	const remap::Spares &spares = journal.spares();
	remap::for_each_copy(
		remap::copies_of(remap::members_in_use(journal.superblock())), [&](remap::u32 copy) {
			if (spares.device(remap::member_of(copy)) != remap::kNoDevice)
				each(copy);
		});
}

// Each member, whether it is here or not: each(number).
template <class Each> void for_each_known(const OfflineJournal &journal, Each &&each)
{
	for (remap::u32 m = 0; m < journal.spares().slots(); ++m)
		if (journal.spares().exists(m))
			each(m);
}

bool all_in_use(const OfflineJournal &journal)
{
	bool all = true;
	for_each_known(journal, [&](remap::u32 m) { all &= member_state(journal, m) == "in use"; });
	return all;
}

std::string name_of_copy(const OfflineJournal &journal, remap::u32 copy)
{
	const remap::Spares &spares = journal.spares();
	return name_of(kCopyNames[copy % remap::kCopies], spares.device(remap::member_of(copy)),
		       journal.sites() / remap::kSites);
}

std::string site_text(const OfflineJournal &journal, remap::u32 number)
{
	const remap::Site &site = journal.site(number);
	std::string text = fmt::format("site {:<7} {}", name_of_site(journal, number),
				       text_of(journal.site_state(number)));
	if (site.valid())
		text += fmt::format(" (epoch {}, generation {})", site.superblock.epoch,
				    site.superblock.generation);
	return text + '\n';
}

std::string copy_text(const OfflineJournal &journal, remap::u32 copy)
{
	const remap::CopyFindings &found = journal.findings().copy[copy];
	std::string text = fmt::format("copy {:<7} {}", name_of_copy(journal, copy),
				       text_of(journal.copy_state(copy)));
	if (found.blocks())
		text += fmt::format(" ({} of the log, {} of the checkpoint)", found.log_blocks,
				    found.checkpoint_blocks);
	return text + '\n';
}

}  // namespace

const char *text_of(Verdict verdict)
{
	switch (verdict) {
	case Verdict::sound:
		return "nothing is damaged";
	case Verdict::degraded:
		return "a spare is gone, nothing else is damaged: named again it may come back; 'dmremap "
		       "spare remove' goes on without it";
	case Verdict::mendable:
		return "damaged, and nothing is lost: 'dmremap check --repair' or the next start "
		       "mends it";
	case Verdict::undecided:
		return "damaged, and something may be lost: 'dmremap repair' asks what to give up";
	case Verdict::hopeless:
		return "what is left on the spare does not suffice; 'dmremap restore' puts a dump "
		       "back";
	case Verdict::no_set:
		return "no set that could be looked at";
	}
	return "";
}

Examination::Examination(DeviceFile *main, const SpareFiles &spares, const remap::Terms &terms)
	: main_(main), spares_(spares), terms_(terms)
{
	verdict_ = judge();
}

bool Examination::try_load()
{
	set_ = std::make_unique<OfflineSet>(main_, spares_, terms_, false);
	return set_->survey() && set_->load();
}

// One decision after the other, so that no more is given up than is needed.
Verdict Examination::judge()
{
	terms_.allow_degraded = true;
	if (try_load())
		return judge_loaded();
	error_ = set_->error();
	refusal_ = set_->reason();
	if (error_ != remap::Error::damaged)
		return Verdict::no_set;
	for (const int decisions : {1, 2, 3}) {
		terms_.accept_sites = decisions & 1;
		terms_.accept_end = decisions & 2;
		if (try_load())
			return Verdict::undecided;
	}
	return Verdict::hopeless;
}

Verdict Examination::judge_loaded() const
{
	const OfflineJournal &journal = set_->journal();
	if (terms_.without || journal.stale())
		return Verdict::undecided;
	if (!journal.sound() || journal.joining())
		return Verdict::mendable;
	return all_in_use(journal) ? Verdict::sound : Verdict::degraded;
}

std::string Examination::text() const
{
	const OfflineJournal &journal = set_->journal();
	const bool loaded = journal.loaded();
	std::string text;
	if (const remap::Superblock *newest = journal.newest_superblock()) {
		text += fmt::format("set          {}\n", text_of(newest->set));
		text += fmt::format("state        {}, epoch {}\n", state_text(newest->state),
				    newest->epoch);
		text += fmt::format("main         {} sectors{}{}\n", newest->main_sectors,
				    newest->main_id[0] ? ", id " : "", newest->main_id);
	}
	for (remap::u32 number = 0; number < journal.sites(); ++number)
		text += site_text(journal, number);
	if (loaded) {
		for_each_copy_here(journal, [&](remap::u32 copy) { text += copy_text(journal, copy); });
		if (!all_in_use(journal))
			for_each_known(journal, [&](remap::u32 m) {
				text += fmt::format("member {:<5} {}; {}\n", m, member_state(journal, m),
						    text_of(share_of(set_->engine(), m)));
			});
		const auto &table = set_->engine().table();
		text += fmt::format("extents      {} of {}, {} sectors, {} of them lost; {} pending\n",
				    table.extents(), set_->engine().spares().max_extents(),
				    table.mapped_sectors(), table.lost_sectors(),
				    table.pending_sectors());
		text += fmt::format("log          blocks {} to {}\n",
				    set_->superblock().journal_start, journal.journal_end());
	}
	return text;
}

std::vector<std::string> Examination::losses() const
{
	std::vector<std::string> result;
	const OfflineJournal &journal = set_->journal();
	if (verdict_ != Verdict::undecided)
		return result;
	if (terms_.accept_sites)
		result.push_back(fmt::format(
			"fewer sites are left than a quorum: if the others knew of a later epoch "
			"than {}, whatever was added, removed or relocated since is forgotten",
			set_->superblock().epoch));
	if (terms_.accept_end)
		result.push_back(fmt::format(
			"the log is believed up to block {}: whatever was added, removed or relocated "
			"behind that is forgotten, and main's old content shows there",
			journal.journal_end()));
	for_each_known(journal, [&](remap::u32 m) {
		const std::string share = text_of(share_of(set_->engine(), m));
		if (terms_.without >> m & 1)
			result.push_back(fmt::format(
				"member {}, which is not here: {} lie on it; reads of them fail until "
				"they are written, and what it holds is never believed again, whatever "
				"was written to it since",
				m, share));
		if (journal.stale() >> m & 1)
			result.push_back(fmt::format(
				"what member {} holds is out of date: {} lie on it; reads of them fail "
				"until they are written",
				m, share));
	});
	if (journal.findings().given_up)
		result.push_back(fmt::format("{} records behind that can be read and are given up",
					     journal.findings().given_up));
	return result;
}

nlohmann::ordered_json Examination::json() const
{
	const OfflineJournal &journal = set_->journal();
	nlohmann::ordered_json report = {{"json_format_version", 1}};
	if (spares_.size() == 1)
		report["spare"] = spares_.front()->path();
	for (std::size_t i = 0; spares_.size() > 1 && i < spares_.size(); ++i)
		report["spares"].push_back(spares_[i]->path());
	if (const remap::Superblock *newest = journal.newest_superblock()) {
		report["set"] = text_of(newest->set);
		report["state"] = state_text(newest->state);
		report["epoch"] = newest->epoch;
		report["generation"] = newest->generation;
		report["main_sectors"] = newest->main_sectors;
		report["main_id"] = std::string(newest->main_id);
	}
	for (remap::u32 number = 0; number < journal.sites(); ++number)
		report["sites"].push_back(
			{{"site", name_of_site(journal, number)},
			 {"damaged", is_damage(journal.site_state(number))},
			 {"state", text_of(journal.site_state(number))}});
	if (journal.loaded()) {
		for_each_copy_here(journal, [&](remap::u32 copy) {
			report["copies"].push_back(
				{{"copy", name_of_copy(journal, copy)},
				 {"damaged", is_damage(journal.copy_state(copy))},
				 {"state", text_of(journal.copy_state(copy))},
				 {"log_blocks", journal.findings().copy[copy].log_blocks},
				 {"checkpoint_blocks", journal.findings().copy[copy].checkpoint_blocks}});
		});
		for_each_known(journal, [&](remap::u32 m) {
			report["members"].push_back(
				{{"member", m},
				 {"state", member_state(journal, m)},
				 {"sectors_mapped", share_of(set_->engine(), m).sectors}});
		});
		report["extents"] = set_->engine().table().extents();
		report["mapped_sectors"] = set_->engine().table().mapped_sectors();
		report["lost_sectors"] = set_->engine().table().lost_sectors();
		report["pending_sectors"] = set_->engine().table().pending_sectors();
		report["max_extents"] = set_->engine().spares().max_extents();
	}
	if (!refusal_.empty())
		report["refusal"] = refusal_;
	report["losses"] = losses();
	report["verdict"] = text_of(verdict_);
	return report;
}

}  // namespace dmremap
