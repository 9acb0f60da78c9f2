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

remap::u32 copies_of(const OfflineJournal &journal)
{
	return journal.spares().slots() * remap::kCopies;
}

std::string name_of_copy(const OfflineJournal &journal, remap::u32 copy)
{
	const remap::Spares &spares = journal.spares();
	return name_of(kCopyNames[copy % remap::kCopies], spares.device(remap::member_of(copy)),
		       spares.slots());
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
	if (try_load())
		return set_->journal().sound() ? Verdict::sound : Verdict::mendable;
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
	for (remap::u32 copy = 0; loaded && copy < copies_of(journal); ++copy)
		text += copy_text(journal, copy);
	if (loaded) {
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
	for (remap::u32 copy = 0; journal.loaded() && copy < copies_of(journal); ++copy)
		report["copies"].push_back(
			{{"copy", name_of_copy(journal, copy)},
			 {"damaged", is_damage(journal.copy_state(copy))},
			 {"state", text_of(journal.copy_state(copy))},
			 {"log_blocks", journal.findings().copy[copy].log_blocks},
			 {"checkpoint_blocks", journal.findings().copy[copy].checkpoint_blocks}});
	if (journal.loaded()) {
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
