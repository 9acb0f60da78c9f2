// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/dump_text.h"

#include <fmt/format.h>

#include <istream>
#include <sstream>
#include <stdexcept>

#include "core/base/bits.h"
#include "core/base/word.h"

namespace dmremap {
namespace {

using remap::Extent;
using remap::State;
using remap::u32;
using remap::u64;

constexpr const char *kFirstLine = "dm-remap-dump 1";
constexpr size_t kMainIdBytes = 64;
constexpr const char *kHex = "0123456789abcdef";

// A word of the text: blanks, percent signs and what does not print are %xx.
std::string escaped(const std::string &text)
{
	std::string result;
	for (const char c : text) {
		const unsigned char byte = static_cast<unsigned char>(c);
		if (byte > ' ' && byte < 127 && byte != '%')
			result += c;
		else
			result += {'%', kHex[byte >> 4], kHex[byte & 15]};
	}
	return result;
}

int hex_digit(char c)
{
	const char *found = std::char_traits<char>::find(kHex, 16, c);
	return found ? static_cast<int>(found - kHex) : -1;
}

std::optional<std::string> unescaped(const std::string &word)
{
	std::string result;
	for (size_t i = 0; i < word.size(); ++i) {
		if (word[i] != '%') {
			result += word[i];
			continue;
		}
		if (i + 2 >= word.size() || hex_digit(word[i + 1]) < 0 || hex_digit(word[i + 2]) < 0)
			return {};
		result += static_cast<char>(hex_digit(word[i + 1]) << 4 | hex_digit(word[i + 2]));
		i += 2;
	}
	return result;
}

std::string line_of(const DumpExtent &entry, std::size_t members)
{
	const Extent &extent = entry.extent;
	const bool placed = extent.state != State::pending;
	return fmt::format("extent {} {} {} {} {} {}\n", extent.main,
			   placed ? fmt::to_string(extent.place) : "-",
			   extent.length, state_word(extent.state),
			   !placed	     ? "-"
			   : extent.boundary ? "added"
					     : "more",
			   entry.physical ? text_of(*entry.physical, members) : "-");
}

// Whether the members are numbered in their order and their places follow each other, as a set is made.
bool is_plain(const Dump &dump)
{
	Dump made = dump;
	for (u32 i = 0; i < dump.members.size(); ++i)
		made.members[i] = {i, dump.members[i].sectors, {}, false};
	const remap::Spares as_made = spares_of(made);
	bool plain = true;
	for (u32 i = 0; i < dump.members.size(); ++i) {
		const DumpMember &member = dump.members[i];
		plain = plain && !member.gone && member.number == i &&
			member.first.value_or(as_made.first_place(i)) == as_made.first_place(i);
	}
	return plain;
}

// REQUIRES: a member that is not plain says where its places begin.
std::string line_of(const DumpMember &member, bool plain)
{
	if (plain)
		return fmt::format("spare_sectors {}\n", member.sectors);
	return fmt::format("spare_sectors {} {} {} {}\n", member.sectors, member.number,
			   *member.first, member.gone ? "gone" : "in_use");
}

class Reader {
public:
	explicit Reader(std::istream &in) : in_(in) {}

	Dump read()
	{
		if (!next() || line_ != kFirstLine)
			fail(fmt::format("a dump begins with '{}'", kFirstLine));
		header();
		while (words_[0] == "extent") {
			dump_.extents.push_back(extent());
			next_line();
		}
		if (words_.size() != 2 || words_[0] != "extents")
			fail("'extents COUNT' or a line 'extent ...' is expected");
		const u64 count = number(1, "COUNT");
		if (count != dump_.extents.size())
			fail(fmt::format("there are {} lines 'extent' before it",
					 dump_.extents.size()));
		next_line();
		bad_places();
		if (line_ != "end")
			fail("'end' is expected");
		if (next())
			fail("nothing may follow 'end'");
		return std::move(dump_);
	}

private:
	// Skips comments and empty lines. false: there is none left.
	bool next()
	{
		while (std::getline(in_, line_)) {
			++number_;
			if (!line_.empty() && line_[0] != '#')
				return true;
		}
		line_.clear();
		return false;
	}

	void next_line()
	{
		if (!next())
			throw std::invalid_argument(fmt::format(
				"the dump breaks off behind line {}: its last line is 'end'",
				number_));
		std::istringstream stream(line_);
		words_.clear();
		for (std::string word; stream >> word;)
			words_.push_back(word);
		if (words_.empty())
			fail("a line of blanks has no meaning");
	}

	void header()
	{
		if (!remap::Uuid::parse(field("set").c_str(), &dump_.set) || dump_.set.nil())
			fail("the name of a set is a UUID");
		next_line();
		dump_.main_sectors = this_number("main_sectors", 1, remap::kMaxMainSectors);
		next_line();
		if (words_[0] == "main_id") {
			dump_.main_id = main_id();
			next_line();
		}
		dump_.block_bytes = static_cast<u32>(this_number("block_bytes", 512, 4096));
		if (!remap::is_power_of_two(dump_.block_bytes))
			fail("block_bytes is 512, 1024, 2048 or 4096");
		next_line();
		do {
			if (dump_.members.size() == remap::kMaxSpares)
				fail(fmt::format("a set has at most {} spares", remap::kMaxSpares));
			const DumpMember read = member();
			if (!dump_.members.empty() &&
			    dump_.members[0].first.has_value() != read.first.has_value())
				fail("either all lines spare_sectors say MEMBER FIRST in_use|gone, or "
				     "none");
			dump_.members.push_back(read);
			next_line();
		} while (words_[0] == "spare_sectors");
		dump_.max_extents = this_number("max_extents", 1, 0xffffffff);
		next_line();
	}

	// Numbered in their order, with places that follow each other, unless it says otherwise.
	DumpMember member()
	{
		const u32 least = dump_.members.empty() ? 0 : dump_.members.back().number + 1;
		DumpMember member{least, 0, {}, false};
		if (words_[0] == "spare_sectors" && words_.size() == 5) {
			member.number = static_cast<u32>(number(2, "MEMBER"));
			member.first = place(3);
			member.gone = words_[4] == "gone";
			if (!member.gone && words_[4] != "in_use")
				fail(fmt::format("'{}' is neither 'in_use' nor 'gone'", words_[4]));
			words_.resize(2);
		}
		if (member.number < least || member.number >= remap::kMaxSpares)
			fail(fmt::format("MEMBER must be from {} to {}", least, remap::kMaxSpares - 1));
		member.sectors = this_number("spare_sectors", 1, remap::kMaxSpareSectors);
		return member;
	}

	std::string main_id()
	{
		const auto id = words_.size() == 2 ? unescaped(words_[1]) : std::nullopt;
		if (!id || id->size() > kMainIdBytes || id->find('\0') != std::string::npos)
			fail("main_id has one word of at most 64 characters");
		return *id;
	}

	std::string field(const char *name)
	{
		next_line();
		if (words_.size() != 2 || words_[0] != name)
			fail(fmt::format("'{} ...' is expected", name));
		return words_[1];
	}

	// Of the line at hand.
	u64 this_number(const char *name, u64 least, u64 most)
	{
		if (words_.size() != 2 || words_[0] != name)
			fail(fmt::format("'{} ...' is expected", name));
		const u64 value = number(1, name);
		if (value < least || value > most)
			fail(fmt::format("{} must be from {} to {}", name, least, most));
		return value;
	}

	u64 number(size_t word, const char *name) { return number_in(words_[word], name); }

	u64 number_in(const std::string &word, const char *name)
	{
		u64 value = 0;
		const auto fault = remap::parse_number(word.c_str(), &value);
		if (fault != remap::NumberFault::none)
			fail(fmt::format("{} '{}' {}", name, word, text_of(fault)));
		return value;
	}

	void bad_places()
	{
		for (; words_[0] == "bad"; next_line()) {
			if (words_.size() != 3)
				fail("a line is: bad SPARE LENGTH");
			dump_.bad.push_back({place(1), number(2, "LENGTH")});
		}
		if (words_.size() == 2 && words_[0] == "bad_places") {
			if (number(1, "COUNT") != dump_.bad.size())
				fail(fmt::format("there are {} lines 'bad' before it",
						 dump_.bad.size()));
			next_line();
		} else if (!dump_.bad.empty()) {
			fail("'bad_places COUNT' or a line 'bad ...' is expected");
		}
	}

	DumpExtent extent()
	{
#ifdef DMREMAP_PLANTED_BUG // for fuzz/: it must notice
		if (words_.size() < 3)
#else
		if (words_.size() != 7)
#endif
			fail("a line is: extent MAIN SPARE LENGTH STATE added|more PHYSICAL");
		DumpExtent entry;
		Extent &extent = entry.extent;
		extent.state = state();
		extent.main = number(1, "MAIN");
		extent.length = number(3, "LENGTH");
		if (extent.state == State::pending) {
			if (words_[2] != "-" || words_[5] != "-" || words_[6] != "-")
				fail("a pending extent has no place: extent MAIN - LENGTH pending - -");
			return entry;
		}
		extent.place = place(2);
		if (words_[5] != "added" && words_[5] != "more")
			fail(fmt::format("'{}' is neither 'added' nor 'more'", words_[5]));
		extent.boundary = words_[5] == "added";
		if (words_[6] != "-")
			entry.physical = physical();
		return entry;
	}

	// SECTOR; of several spares MEMBER:SECTOR.
	Physical physical()
	{
		const std::string &word = words_[6];
		if (dump_.members.size() == 1)
			return {dump_.members[0].number, number_in(word, "PHYSICAL")};
		const size_t colon = word.find(':');
		if (colon == std::string::npos)
			fail(fmt::format("PHYSICAL '{}' is not MEMBER:SECTOR", word));
		const u64 member = number_in(word.substr(0, colon), "MEMBER");
		if (member > dump_.members.back().number)
			fail(fmt::format("MEMBER must be from 0 to {}", dump_.members.back().number));
		return {static_cast<u32>(member), number_in(word.substr(colon + 1), "PHYSICAL")};
	}

	u64 place(size_t word)
	{
		const u64 sector = number(word, "SPARE");
		if (sector >> remap::kPlaceBits)
			fail(fmt::format("SPARE {} is beyond any spare", sector));
		return sector;
	}

	State state()
	{
		for (const State known : {State::active, State::lost, State::pending})
			if (words_[4] == state_word(known))
				return known;
		fail(fmt::format("STATE '{}' is none of active, lost and pending", words_[4]));
	}

	[[noreturn]] void fail(const std::string &what)
	{
		const std::string shown = line_.size() > 60 ? line_.substr(0, 60) + "..." : line_;
		throw std::invalid_argument(
			fmt::format("line {}, '{}': {}", number_, escaped_line(shown), what));
	}

	static std::string escaped_line(std::string text)
	{
		for (char &c : text)
			if (c < ' ' || c > '~')
				c = '?';
		return text;
	}

	std::istream &in_;
	Dump dump_;
	std::string line_;
	std::vector<std::string> words_;
	u64 number_ = 0;
};

}  // namespace

const char *state_word(State state)
{
	switch (state) {
	case State::active:
		return "active";
	case State::lost:
		return "lost";
	case State::pending:
		return "pending";
	case State::none:
		break;
	}
	return "none";
}

Physical physical_of(const remap::Spares &spares, remap::Sector place)
{
	return {spares.member(place), spares.address(place, 1).sector};
}

std::string text_of(const Physical &physical, std::size_t members)
{
	return members == 1 ? fmt::to_string(physical.sector)
			    : fmt::format("{}:{}", physical.member, physical.sector);
}

remap::Spares spares_of(const Dump &dump)
{
	remap::SpareSizes sizes;
	for (const DumpMember &member : dump.members)
		sizes.add(member.sectors);
	return spares_of(dump, sizes);
}

remap::Spares spares_of(const Dump &dump, const remap::SpareSizes &sizes)
{
	remap::Spares spares;
	for (u32 i = 0; i < dump.members.size(); ++i)
		spares.put(dump.members[i].number, sizes[i], dump.max_extents,
			   dump.members[i].first.value_or(spares.data_sectors()), remap::kFirstSpare + i);
	return spares;
}

std::string to_text(const Dump &dump)
{
	char set[40];
	remap::Text name(set, sizeof(set));
	name << dump.set;
	std::string text = fmt::format(
		"# Read back by 'dmremap restore'. Sectors of 512 bytes; SPARE counts in the data "
		"area.\n{}\nset {}\nmain_sectors {}\n",
		kFirstLine, set, dump.main_sectors);
	if (!dump.main_id.empty())
		text += fmt::format("main_id {}\n", escaped(dump.main_id));
	text += fmt::format("block_bytes {}\n", dump.block_bytes);
	const bool plain = is_plain(dump);
	for (const DumpMember &member : dump.members)
		text += line_of(member, plain);
	text += fmt::format("max_extents {}\n", dump.max_extents);
	text += "#      MAIN SPARE LENGTH STATE added|more PHYSICAL\n";
	for (const DumpExtent &entry : dump.extents)
		text += line_of(entry, dump.members.size());
	text += fmt::format("extents {}\n", dump.extents.size());
	for (const DumpBad &bad : dump.bad)
		text += fmt::format("bad {} {}\n", bad.place, bad.length);
	if (!dump.bad.empty())
		text += fmt::format("bad_places {}\n", dump.bad.size());
	return text + "end\n";
}

Dump parse_dump(std::istream &in) { return Reader(in).read(); }

}  // namespace dmremap
