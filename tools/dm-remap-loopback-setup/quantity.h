// SPDX-License-Identifier: GPL-2.0-or-later
// Quantities as people type them: sizes, percentages, counts. Each function throws Failure with the
// option's name in the sentence.
#pragma once

#include <cstdint>
#include <string>

namespace dmremap::loopback {

// "100M", "1G", "512K", "2T", "1048576", also "100MiB": bytes.
uint64_t parse_size(const std::string &option, const std::string &text);

// "104857600 bytes (100 MiB)".
std::string size_text(uint64_t bytes);

// Digits and nothing else, up to `most`.
uint64_t parse_count(const std::string &option, const std::string &text, uint64_t most);

// A percentage, exact to a millionth of a percent.
class Percent {
public:
	// More than 0, at most 100, with at most six digits behind the point.
	static Percent parse(const std::string &option, const std::string &text);

	// This part of `total`, rounded down: never more than was asked for.
	uint64_t of(uint64_t total) const;

private:
	uint64_t millionths_ = 0;
};

}  // namespace dmremap::loopback
