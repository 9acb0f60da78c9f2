// SPDX-License-Identifier: GPL-2.0-or-later
// The text form of a run: a line with the devices and the rates, then a line an operation.
#include "sim/setup.h"

#include <sstream>

namespace remap::sim {

namespace {

// Calls visit(name, reference) for each number of a setup.
template <class Visitor> void visit(Setup &setup, Visitor &&visit)
{
	visit("seed", setup.seed);
	visit("main", setup.shape.main.sectors);
	visit("spare", setup.shape.spare.sectors);
	visit("second", setup.shape.second.sectors);
	visit("physical", setup.shape.main.physical);
	visit("tear", setup.shape.main.tear);
	visit("block", setup.shape.block);
	visit("pauses", setup.shape.pause_share);
	visit("patience", setup.shape.patience);
	visit("max_extents", setup.max_extents);
	visit("format", setup.format);
	visit("alone", setup.alone);
	visit("retries", setup.policy.retries);
	visit("budget", setup.policy.budget_remaps);
	visit("budget_seconds", setup.policy.budget_seconds);
	visit("remap_writes", setup.policy.remap_writes);
	visit("retry_reads", setup.policy.retry_reads);
	for_each_rate(setup.rates, visit);
}

// Those that are not plain numbers. false: a bug that there is not.
bool read_special(const std::string &name, const std::string &value, Setup *setup)
{
	if (name == "bug") {
		setup->bug = bug_named(value);
		return setup->bug.has_value();
	}
	if (name == "cut") {
		Setup::Cut cut;
		char colon;
		std::istringstream(value) >> cut.event >> colon >> cut.survivors >> colon >>
			cut.again >> colon >> cut.again_survivors;
		setup->cut = cut;
	}
	return true;
}

} // namespace

std::optional<Bug> bug_named(const std::string &name)
{
	for (const BugName &one : kBugs)
		if (name == one.name)
			return one.bug;
	return std::nullopt;
}

const char *name_of(Bug bug) { return kBugs[static_cast<usize>(bug)].name; }

std::string to_text(const Setup &setup, const Script &script)
{
	std::ostringstream text;
	Setup copy = setup;
	visit(copy, [&](const char *name, auto &value) { text << name << '=' << value << ' '; });
	if (setup.bug)
		text << "bug=" << name_of(*setup.bug) << ' ';
	if (setup.cut)
		text << "cut=" << setup.cut->event << ':' << setup.cut->survivors << ':'
		     << setup.cut->again << ':' << setup.cut->again_survivors << ' ';
	text << '\n';
	for (const Operation &operation : script)
		text << operation.text() << '\n';
	return text.str();
}

std::optional<Trace> from_text(const std::string &text)
{
	std::istringstream lines(text);
	std::string line;
	if (!std::getline(lines, line))
		return std::nullopt;
	Trace trace;
	std::istringstream words(line);
	for (std::string word; words >> word;) {
		const usize equals = word.find('=');
		if (equals == std::string::npos)
			return std::nullopt;
		if (!read_special(word.substr(0, equals), word.substr(equals + 1), &trace.setup))
			return std::nullopt;
		visit(trace.setup, [&](const char *name, auto &value) {
			if (word.compare(0, equals, name) == 0)
				value = static_cast<std::remove_reference_t<decltype(value)>>(
					std::stoull(word.substr(equals + 1)));
		});
	}
	trace.setup.shape.spare.physical = trace.setup.shape.main.physical;
	trace.setup.shape.spare.tear = trace.setup.shape.main.tear;
	trace.setup.shape.second.physical = trace.setup.shape.main.physical;
	trace.setup.shape.second.tear = trace.setup.shape.main.tear;
	while (std::getline(lines, line)) {
		if (line.empty() || line[0] == '#')
			continue;
		const auto operation = Operation::parse(line);
		if (!operation)
			return std::nullopt;
		trace.script.push_back(*operation);
	}
	return trace;
}

} // namespace remap::sim
