// SPDX-License-Identifier: GPL-2.0-or-later
// Messages: from words to an action and a reply, or to an errno and a sentence.
#pragma once

#include "core/engine/command.h"
#include "core/engine/engine.h"

namespace remap {

template <Platform P>
int Engine<P>::message(u32 count, char **words, char *reply, usize room)
{
	// A reply that turned out too long would be asked for again by libdm, and the change made
	// twice: so there is room for it before anything is done.
	constexpr usize kRoomToAct = 256;
	if (!room)
		return -errno_of(Error::wrong_argument);
	reply[0] = '\0';
	Refusal why;
	Command command;
	Text unparsed = why.plain();
	const Error parsed = CommandParser::parse(count, words, &command, unparsed);
	if (parsed != Error::ok)
		return fail(why, parsed);
	if (command.mutates && room < kRoomToAct) {
		__builtin_memset(reply, ' ', room - 1);
		reply[room - 1] = '\0';
		return 1;
	}
	why.about(command.word);
	Text text(reply, room);
	const Status done = run(command, text, why);
	if (done.ok())
		return text.length() || !text.fits() ? 1 : 0;
	reply[0] = '\0';
	return fail(why, done.error());
}

template <Platform P> Status Engine<P>::run(const Command &command, Text &reply, Refusal &why)
{
	switch (command.verb) {
	case Verb::help:
		help(reply);
		return {};
	case Verb::status:
		report_status(reply);
		return {};
	case Verb::stats:
		report_stats(reply);
		return {};
	case Verb::health:
		report_health(reply);
		return {};
	case Verb::clear_stats:
		counters_.clear();
		journal_.clear_counters();
		platform_.clear_counters();
		reply << "counters cleared";
		return {};
	case Verb::add_remap:
		return add_remap(command, reply, why);
	case Verb::relocate:
		return relocate(command, reply, why);
	case Verb::remove_remap:
		return remove_remap(command, reply, why);
	case Verb::clear_all:
		return clear_all(command, reply, why);
	case Verb::remove_spare:
		return remove_spare(command, reply, why);
	case Verb::list:
		return list(command, reply, why, false);
	case Verb::pending:
		return list(command, reply, why, true);
	case Verb::sync:
		return sync(reply);
	case Verb::scan:
		return scan(command, reply);
	}
	return Error::unknown_message;
}

// Everything that is acknowledged is durable at any time; this empties the journal as well.
template <Platform P> Status Engine<P>::sync(Text &reply)
{
	Step step(*this);
	TRY(step.begin_message());
	TRY(settle());
	const Status written = journal_.checkpoint();
	note_lost();
	TRY(written);
	reply << "synced, epoch " << journal_.epoch();
	return {};
}

template <Platform P> void Engine<P>::help(Text &reply)
{
	for (const MessageSpec &spec : kMessages)
		reply << spec.word << spec.usage << '\n';
}

template <Platform P>
Status Engine<P>::refuse_at(Refusal &why, Error error, Sector sector)
{
	why.begin() << text_of(error) << " (sector " << sector << ")";
	return error;
}

template <Platform P> int Engine<P>::fail(Refusal &why, Error error)
{
	if (!why.any())
		why.begin() << text_of(error);
	Step step(*this);
	// Who was killed before the lock was free asks for no reason.
	if (step.begin_look().ok())
		last_error_.set(why);
	counters_.refused.add_relaxed(1);
	platform_.log(LogLevel::warning, why.text());
	return -errno_of(error);
}

// REQUIRES: the lock.
template <Platform P> void Engine<P>::log_resize()
{
	u64 from;
	u64 to;
	if (!table_.resized(&from, &to))
		return;
	char line[96];
	Text text(line, sizeof(line));
	text << "Adaptive hash table resize: " << from << " -> " << to << " buckets";
	counters_.resizes.add_relaxed(1);
	platform_.log(LogLevel::info, line);
}

}  // namespace remap
