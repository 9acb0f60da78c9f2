// SPDX-License-Identifier: GPL-2.0-or-later
// Words of a line as dm hands them over: separated by blanks, in memory that may be written.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace remap::fuzz {

class Words {
public:
	explicit Words(const std::string &line)
	{
		for (size_t at = 0; at < line.size();) {
			const size_t end = std::min(line.find(' ', at), line.size());
			if (end > at)
				words_.emplace_back(line.c_str() + at,
						    strnlen(line.c_str() + at, end - at));
			at = end + 1;
		}
		for (std::string &word : words_)
			pointers_.push_back(word.data());
	}
	Words(const Words &) = delete;
	Words &operator=(const Words &) = delete;

	unsigned count() const { return static_cast<unsigned>(pointers_.size()); }
	char **pointers() { return pointers_.data(); }

private:
	std::vector<std::string> words_;
	std::vector<char *> pointers_;
};

}  // namespace remap::fuzz
