// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap-status/status_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "tools/common/failure.h"

namespace dmremap {
namespace {

[[noreturn]] void malformed(const std::string &what)
{
	throw Failure(ExitCode::wrong_device, "not a status line of dm-remap: " + what);
}

bool number_of(const std::string &word, uint64_t *value)
{
	const char *end = word.data() + word.size();
	const auto [at, error] = std::from_chars(word.data(), end, *value);
	return !word.empty() && error == std::errc() && at == end;
}

// The words of a line, taken one after the other; each is asked for by the name it has in sentences.
class Words {
public:
	explicit Words(const std::string &line)
	{
		std::istringstream stream(line);
		for (std::string word; stream >> word;)
			words_.push_back(word);
	}

	std::string word(const char *name)
	{
		if (at_ == words_.size())
			malformed(fmt::format("it ends before field {}, {}", at_ + 1, name));
		return words_[at_++];
	}

	uint64_t number(const char *name)
	{
		const std::string text = word(name);
		uint64_t value = 0;
		if (!number_of(text, &value))
			malformed(fmt::format("field {}, {}, is '{}' and not a number", at_, name,
					      text));
		return value;
	}

	// Numbers with a slash between them.
	std::vector<uint64_t> numbers(const char *name, size_t count)
	{
		const std::string text = word(name);
		std::vector<uint64_t> values;
		std::istringstream stream(text);
		uint64_t value = 0;
		for (std::string part; std::getline(stream, part, '/') && number_of(part, &value);)
			values.push_back(value);
		const auto slashes = std::count(text.begin(), text.end(), '/');
		if (values.size() != count || static_cast<size_t>(slashes) + 1 != count)
			malformed(fmt::format("field {}, {}, is '{}' and not {} numbers with '/' "
					      "between them",
					      at_, name, text, count));
		return values;
	}

	uint32_t score(const char *name)
	{
		const uint64_t value = number(name);
		if (value > 100)
			malformed(fmt::format("field {}, {}, is {} and not 0 to 100", at_, name, value));
		return static_cast<uint32_t>(value);
	}

	std::string one_of(const char *name, const std::vector<std::string> &known)
	{
		const std::string text = word(name);
		if (std::find(known.begin(), known.end(), text) == known.end())
			malformed(fmt::format("field {}, {}, is '{}' and not {}", at_, name, text,
					      fmt::join(known, ", ")));
		return text;
	}

	// "my-remap:", as dmsetup prints in front when no name was given.
	std::string name()
	{
		if (words_.empty() || words_[0].size() < 2 || words_[0].back() != ':')
			return "";
		std::string name = words_[0].substr(0, words_[0].size() - 1);
		words_.erase(words_.begin());
		return name;
	}

private:
	std::vector<std::string> words_;
	size_t at_ = 0;
};

void parse_ours(Words &words, Report *report)
{
	report->mode = words.one_of("mode", {"ok", "degraded", "readonly", "fail"});
	report->state = report->mode == "ok" ? "operational" : report->mode;
	report->score = words.score("health");
	report->extents = words.number("extents");
	report->remapped_sectors = words.number("mapped sectors");
	const auto spare = words.numbers("spare", 2);
	report->spare_used = spare[0];
	report->spare_sectors = spare[1];
	const auto metadata = words.numbers("metadata", 2);
	report->metadata.used = metadata[0];
	report->metadata.total = metadata[1];
	report->pending = words.number("pending sectors");
	report->lost = words.number("lost sectors");
	report->errors = words.number("read errors");
	report->errors += words.number("write errors");
	const auto remaps = words.numbers("remaps", 3);
	report->remaps = remaps[0] + remaps[1] + remaps[2];
	words.number("buckets");
	report->metadata.epoch = words.number("epoch");
	for (uint64_t flags = words.number("number of flags"); flags > 0; --flags)
		report->metadata.flags.push_back(words.word("a flag"));
}

void parse_cache(Words &words)
{
	for (const char *name : {"cache hits", "cache misses", "fast path hits", "slow path hits"})
		words.number(name);
}

void parse_predecessor(Words &words, Report *report)
{
	report->version = words.word("version");
	report->main = words.word("main device");
	report->spare = words.word("spare device");
	report->reads = words.number("reads");
	report->writes = words.number("writes");
	report->remaps = words.number("remaps");
	report->errors = words.number("errors");
	report->extents = words.number("active remaps");
	report->timing.ios = words.number("completed I/O");
	report->timing.total_ns = words.number("total time");
	report->timing.average_ns = words.number("average latency");
	report->timing.bytes_per_second = words.number("throughput");
	report->block_bytes = words.number("sector size");
	report->spare_sectors = words.number("spare sectors");
	report->total_ios = words.number("all I/O");
	report->normal_ios = words.number("normal I/O");
	report->remapped_ios = words.number("remapped I/O");
	report->remapped_sectors = words.number("remapped sectors");
	parse_cache(words);
	report->health_scans = words.number("health scans");
	report->score = words.score("health score");
	report->hotspots = words.number("hotspots");
	report->cache_hit_percent = words.score("cache hit rate");
	report->state = words.one_of("state", {"operational", "maintenance"});
	report->mode = words.one_of("mode", {"real", "demo"});
}

}  // namespace

Report parse_status_line(const std::string &line)
{
	// What goes to a terminal must not steer it.
	for (const char c : line)
		if ((static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\r') || c == 127)
			malformed("there is a control character in it");
	Report report;
	report.raw = line;
	Words words(line);
	report.name = words.name();
	words.number("start");
	report.sectors = words.number("length");
	report.target = words.word("target");
	if (report.target == "dm-remap")
		parse_ours(words, &report);
	else if (report.predecessor())
		parse_predecessor(words, &report);
	else
		malformed(fmt::format("the target is '{}'", report.target));
	return report;
}

std::string only_line(const std::string &text, const std::string &source)
{
	std::string found;
	std::istringstream stream(text);
	for (std::string line; std::getline(stream, line);) {
		if (line.find_first_not_of(" \t\r") == std::string::npos)
			continue;
		if (!found.empty())
			throw Failure(ExitCode::wrong_device,
				      source + " has more than one line; give one status line, as "
					       "'dmsetup status NAME' prints it");
		found = line;
	}
	if (found.empty())
		throw Failure(ExitCode::wrong_device, source + " has no status line in it");
	return found;
}

}  // namespace dmremap
