// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/bad_sectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tools/common/failure.h"

namespace dmremap::loopback {
namespace {

// More wrong lines than these are counted, not shown.
constexpr size_t kShownErrors = 10;

std::string trimmed(const std::string &text)
{
	const size_t first = text.find_first_not_of(" \t\r");
	return first == std::string::npos
		       ? ""
		       : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool to_number(const std::string &text, uint64_t *number)
{
	const char *end = text.data() + text.size();
	const auto [rest, error] = std::from_chars(text.data(), end, *number);
	return error == std::errc() && rest == end && !text.empty();
}

// "100" or "100-199". Returns what is wrong with it; empty: nothing.
std::string parse_entry(const std::string &text, uint64_t total, Range *range)
{
	const size_t dash = text.find('-');
	uint64_t first = 0;
	uint64_t last = 0;
	if (!to_number(trimmed(text.substr(0, dash)), &first))
		return "expected a sector number or a range first-last";
	last = first;
	if (dash != std::string::npos && !to_number(trimmed(text.substr(dash + 1)), &last))
		return "expected a sector number or a range first-last";
	if (last < first)
		return "the range ends before it begins";
	if (last >= total)
		return fmt::format("beyond the end of main, whose sectors are 0 to {}", total - 1);
	*range = {first, last - first + 1};
	return "";
}

}  // namespace

BadSectors::BadSectors(std::vector<Range> ranges) : ranges_(std::move(ranges))
{
	std::sort(ranges_.begin(), ranges_.end(),
		  [](const Range &a, const Range &b) { return a.first < b.first; });
	size_t kept = 0;
	for (const Range &range : ranges_) {
		if (range.count == 0)
			continue;
		if (kept && range.first <= ranges_[kept - 1].end()) {
			Range &before = ranges_[kept - 1];
			before.count = std::max(before.end(), range.end()) - before.first;
		} else {
			ranges_[kept++] = range;
		}
	}
	ranges_.resize(kept);
}

uint64_t BadSectors::count() const
{
	uint64_t sum = 0;
	for (const Range &range : ranges_)
		sum += range.count;
	return sum;
}

BadSectors BadSectors::united_with(const BadSectors &other) const
{
	std::vector<Range> both = ranges_;
	both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
	return BadSectors(std::move(both));
}

BadSectors read_bad_sectors(std::istream &in, const std::string &name, uint64_t total)
{
	std::vector<Range> ranges;
	std::string errors;
	size_t wrong = 0;
	std::string line;
	for (uint64_t number = 1; std::getline(in, line); ++number) {
		const std::string entry = trimmed(line.substr(0, line.find('#')));
		Range range;
		const std::string error = entry.empty() ? "" : parse_entry(entry, total, &range);
		if (!error.empty() && wrong++ < kShownErrors)
			errors += fmt::format("{}{}:{}: '{}': {}", errors.empty() ? "" : "\n", name,
					      number, trimmed(line), error);
		else if (range.count)
			ranges.push_back(range);
	}
	if (wrong > kShownErrors)
		errors += fmt::format("\n{}: {} lines are wrong in all", name, wrong);
	if (wrong)
		throw Failure(ExitCode::wrong_arguments, errors);
	if (ranges.empty())
		throw Failure(ExitCode::wrong_arguments,
			      name + " names no sector; --no-bad-sectors makes a clean device");
	return BadSectors(std::move(ranges));
}

BadSectors read_bad_sectors_file(const std::string &path, uint64_t total)
{
	std::ifstream in(path);
	if (!in || std::filesystem::is_directory(path))
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("{}: {}", path, in ? "is a directory" : strerror(errno)));
	return read_bad_sectors(in, path, total);
}

}  // namespace dmremap::loopback
