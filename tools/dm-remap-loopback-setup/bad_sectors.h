// SPDX-License-Identifier: GPL-2.0-or-later
// BadSectors: which sectors of main are bad, as ranges in order. Neighbours are one range, so a range
// is what becomes one error segment.
//
// Sectors here are those of the set-up: --sector-size bytes each, numbered from 0.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace dmremap::loopback {

struct Range {
	uint64_t first = 0;
	uint64_t count = 0;

	uint64_t end() const { return first + count; }
	friend bool operator==(const Range &, const Range &) = default;
};

class BadSectors {
public:
	BadSectors() = default;
	// In any order; they may overlap.
	explicit BadSectors(std::vector<Range> ranges);

	const std::vector<Range> &ranges() const { return ranges_; }
	bool empty() const { return ranges_.empty(); }
	uint64_t count() const;
	BadSectors united_with(const BadSectors &other) const;
	friend bool operator==(const BadSectors &, const BadSectors &) = default;

private:
	std::vector<Range> ranges_;
};

// Reads a list: one number or range (first-last) a line, '#' begins a comment. Throws Failure that
// names each line that is wrong, with its content; `name` is the file's. `total` is how many sectors
// there are.
BadSectors read_bad_sectors(std::istream &in, const std::string &name, uint64_t total);
BadSectors read_bad_sectors_file(const std::string &path, uint64_t total);

}  // namespace dmremap::loopback
