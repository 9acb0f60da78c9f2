// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/main_identity.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/format/superblock.h"

namespace dmremap {
namespace {

namespace fs = std::filesystem;

constexpr const char *kAttributes[] = {"wwid", "device/wwid", "device/cid", "serial",
				       "device/serial"};
constexpr size_t kKept = 47; // and '~' and 16 digits make 64
static_assert(kKept + 17 == remap::kMainIdBytes);

// Empty when it is not there, or the device does not answer.
std::string content_of(const fs::path &attribute)
{
	std::ifstream file(attribute, std::ios::binary);
	std::ostringstream content;
	content << file.rdbuf();
	return content.str();
}

uint64_t hash_of(const std::string &text)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (const char c : text)
		hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
	return hash;
}

std::string fitted(const std::string &identity)
{
	if (identity.size() <= remap::kMainIdBytes)
		return identity;
	return fmt::format("{}~{:016x}", identity.substr(0, kKept), hash_of(identity));
}

bool means_something(const std::string &word)
{
	// "naa.", "eui.", "t10.": what kind of value follows, not a value.
	const size_t dot = word.find('.');
	for (const char c : dot == std::string::npos ? word : word.substr(dot + 1))
		if ((c >= '1' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
			return true;
	return false;
}

// What a table line gives back as it was: device-mapper takes blanks and backslashes apart.
bool goes_through_a_table(char c) { return c > ' ' && c < 127 && c != '\\'; }

// Not yet fitted.
std::string words_of(const std::string &raw)
{
	std::string word;
	bool gap = false;
	for (const char c : raw) {
		if (!goes_through_a_table(c)) {
			gap = true;
			continue;
		}
		if (gap && !word.empty())
			word += '_';
		gap = false;
		word += c;
	}
	return means_something(word) ? word : "";
}

}  // namespace

std::string cleaned_identity(const std::string &raw) { return fitted(words_of(raw)); }

std::string main_identity(dev_t device, const std::string &sysfs)
{
	std::error_code error;
	const fs::path link = fs::path(sysfs) / "dev/block" /
			      fmt::format("{}:{}", major(device), minor(device));
	fs::path disk = fs::canonical(link, error);
	if (error)
		return "";
	std::string place;
	if (fs::exists(disk / "partition", error)) {
		uint64_t start = 0;
		if (!(std::istringstream(content_of(disk / "start")) >> start))
			return "";
		place = fmt::format("@{}", start);
		disk = disk.parent_path();
	}
	for (const char *attribute : kAttributes) {
		const std::string word = words_of(content_of(disk / attribute));
		if (!word.empty())
			return fitted(word + place);
	}
	return "";
}

std::string main_identity(const std::string &path)
{
	struct stat found;
	if (stat(path.c_str(), &found) || !S_ISBLK(found.st_mode))
		return "";
	return main_identity(found.st_rdev);
}

}  // namespace dmremap
