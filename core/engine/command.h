// SPDX-License-Identifier: GPL-2.0-or-later
// Command: a message, parsed. This table is what `help` prints and what the documentation is
// checked against.
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/types.h"
#include "core/base/word.h"

namespace remap {

enum class Verb : u8 {
	help,
	status,
	stats,
	health,
	clear_stats,
	add_remap,
	relocate,
	remove_remap,
	clear_all,
	remove_spare,
	list,
	pending,
	scan,
	sync,
};

enum class ScanWord : u8 { start, stop, status };

struct MessageSpec {
	Verb verb;
	const char *word;
	const char *usage;     // its arguments, as help shows them
	const char *number[3]; // names of the numeric arguments
	u8 required;
	u8 optional;
	const char *flag;      // a last word that may follow, or nullptr
	bool mutates;
	const char *choice[3] = {}; // in place of numbers: one of these words
};

inline constexpr MessageSpec kMessages[] = {
	{Verb::help, "help", "", {}, 0, 0, nullptr, false},
	{Verb::status, "status", "", {}, 0, 0, nullptr, false},
	{Verb::stats, "stats", "", {}, 0, 0, nullptr, false},
	{Verb::health, "health", "", {}, 0, 0, nullptr, false},
	{Verb::clear_stats, "clear_stats", "", {}, 0, 0, nullptr, true},
	{Verb::add_remap, "add_remap", " MAIN SPARE LEN [nocopy]", {"MAIN", "SPARE", "LEN"}, 3, 0,
	 "nocopy", true},
	{Verb::relocate, "relocate", " MAIN LEN", {"MAIN", "LEN"}, 2, 0, nullptr, true},
	{Verb::remove_remap, "remove_remap", " MAIN [LEN] [stale-ok]", {"MAIN", "LEN"}, 1, 1,
	 "stale-ok", true},
	{Verb::clear_all, "clear_all", " [stale-ok]", {}, 0, 0, "stale-ok", true},
	{Verb::remove_spare, "remove_spare", " MEMBER", {"MEMBER"}, 1, 0, nullptr, true},
	{Verb::list, "list", " [FROM [COUNT]]", {"FROM", "COUNT"}, 0, 2, nullptr, false},
	{Verb::pending, "pending", " [FROM [COUNT]]", {"FROM", "COUNT"}, 0, 2, nullptr, false},
	{Verb::scan, "scan", " start|stop|status", {}, 1, 0, nullptr, true, {"start", "stop", "status"}},
	{Verb::sync, "sync", "", {}, 0, 0, nullptr, true},
};

struct Command {
	Verb verb = Verb::help;
	const char *word = "";
	bool mutates = false;
	u64 number[3] = {};
	u32 numbers = 0; // how many were given
	bool flag = false;
	ScanWord choice = ScanWord::status;
};

// Fills `why` with a sentence when the words are no message. Errors: unknown_message, wrong_argument.
class CommandParser {
public:
	static Error parse(u32 count, char **words, Command *command, Text &why)
	{
		const MessageSpec *spec = count ? find(words[0]) : nullptr;
		if (!spec) {
			why << "unknown message ";
			why.quoted(count ? words[0] : "") << "; 'help' lists the messages";
			return Error::unknown_message;
		}
		command->verb = spec->verb;
		command->word = spec->word;
		command->mutates = spec->mutates;
		u32 given = count - 1;
		if (given && spec->flag && same_word(words[given], spec->flag)) {
			command->flag = true;
			--given;
		}
		if (given < spec->required || given > u32{spec->required} + spec->optional) {
			why << spec->word << ": found " << count - 1
			    << " arguments; the message is: " << spec->word << spec->usage;
			return Error::wrong_argument;
		}
		if (spec->choice[0])
			return choice(*spec, words[1], command, why);
		command->numbers = given;
		return numbers(*spec, words + 1, command, why);
	}

private:
	static const MessageSpec *find(const char *word)
	{
		for (const MessageSpec &spec : kMessages)
			if (same_word(word, spec.word))
				return &spec;
		return nullptr;
	}

	static Error choice(const MessageSpec &spec, const char *word, Command *command, Text &why)
	{
		for (u32 i = 0; i < 3; ++i)
			if (same_word(word, spec.choice[i])) {
				command->choice = static_cast<ScanWord>(i);
				return Error::ok;
			}
		why << spec.word << ": ";
		why.quoted(word) << " is none of" << spec.usage;
		return Error::wrong_argument;
	}

	static Error numbers(const MessageSpec &spec, char **words, Command *command, Text &why)
	{
		for (u32 i = 0; i < command->numbers; ++i) {
			const NumberFault fault = parse_number(words[i], &command->number[i]);
			if (fault == NumberFault::none)
				continue;
			why << spec.word << ": " << spec.number[i] << ' ';
			why.quoted(words[i]) << ' ' << text_of(fault);
			return Error::wrong_argument;
		}
		return Error::ok;
	}
};

}  // namespace remap
