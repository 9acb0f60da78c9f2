// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/quantity.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "tools/common/failure.h"

namespace dmremap::loopback {
namespace {

constexpr uint64_t kWhole = 100000000; // 100 % in millionths of a percent
constexpr size_t kPlaces = 6;
// More than any file can have.
constexpr uint64_t kMostBytes = uint64_t{1} << 62;

[[noreturn]] void refuse(const std::string &option, const std::string &text, const char *expected)
{
	throw Failure(ExitCode::wrong_arguments,
		      fmt::format("{} '{}': expected {}", option, text, expected));
}

// How far to shift for "", "K", "MiB" and the like; -1: no unit.
int shift_of(const std::string &unit)
{
	if (unit.empty())
		return 0;
	const char *known = "KMGT";
	const char *found = std::strchr(known, std::toupper(static_cast<unsigned char>(unit[0])));
	if (!found || (unit.size() > 1 && unit.substr(1) != "iB" && unit.substr(1) != "B"))
		return -1;
	return static_cast<int>(found - known + 1) * 10;
}

}  // namespace

uint64_t parse_size(const std::string &option, const std::string &text)
{
	const char *expected = "a size such as 512K, 100M, 1G or a number of bytes";
	uint64_t number = 0;
	const char *end = text.data() + text.size();
	const auto [rest, error] = std::from_chars(text.data(), end, number);
	if (error != std::errc())
		refuse(option, text, expected);
	const int shift = shift_of(std::string(rest, end));
	if (shift < 0)
		refuse(option, text, expected);
	if (number == 0 || number > kMostBytes >> shift)
		refuse(option, text, "a size of at least one sector that a file can have");
	return number << shift;
}

std::string size_text(uint64_t bytes)
{
	for (int unit = 3; unit >= 0; --unit)
		if (const uint64_t one = uint64_t{1024} << 10 * unit; bytes % one == 0 && bytes)
			return fmt::format("{} bytes ({} {}iB)", bytes, bytes / one, "KMGT"[unit]);
	return fmt::format("{} bytes", bytes);
}

uint64_t parse_count(const std::string &option, const std::string &text, uint64_t most)
{
	uint64_t number = 0;
	const char *end = text.data() + text.size();
	const auto [rest, error] = std::from_chars(text.data(), end, number);
	if (error != std::errc() || rest != end || number > most)
		refuse(option, text, fmt::format("a whole number up to {}", most).c_str());
	return number;
}

Percent Percent::parse(const std::string &option, const std::string &text)
{
	const char *expected = "a percentage above 0 and up to 100, with at most six decimals";
	const size_t point = text.find('.');
	const std::string whole = text.substr(0, point);
	std::string part = point == std::string::npos ? "0" : text.substr(point + 1);
	const auto digits = [](const std::string &t) {
		return !t.empty() && t.find_first_not_of("0123456789") == std::string::npos;
	};
	if (!digits(whole) || !digits(part) || whole.size() > 3 || part.size() > kPlaces)
		refuse(option, text, expected);
	part.resize(kPlaces, '0');
	Percent percent;
	percent.millionths_ = std::stoull(whole) * 1000000 + std::stoull(part);
	if (percent.millionths_ == 0 || percent.millionths_ > kWhole)
		refuse(option, text, expected);
	return percent;
}

uint64_t Percent::of(uint64_t total) const
{
	using Wide = unsigned __int128;
	return static_cast<uint64_t>(Wide{total} * millionths_ / kWhole);
}

}  // namespace dmremap::loopback
