// SPDX-License-Identifier: GPL-2.0-or-later
// TableWords: what stands behind the target's name in a table line, with its spares apart, so that
// they can be changed. The other features stay as they are.
#pragma once

#include <string>
#include <vector>

namespace dmremap {

class TableWords {
public:
	// REQUIRES: a line that the target printed.
	explicit TableWords(const std::string &line);

	const std::string &main() const { return main_; }
	// As they are named; kMissing for one that is not there.
	const std::vector<std::string> &spares() const { return spares_; }
	// The feature `main_id`; empty: there is none.
	std::string main_id() const;

	// It is not there any more, and need not be.
	void leave_out(const std::string &spare);
	// Takes the place of one that is missing, if one is, else comes behind the others.
	void add(const std::string &spare, bool was_missing);
	std::string text() const;

	static constexpr const char *kMissing = "-";

private:
	std::string main_;
	std::vector<std::string> spares_;
	std::vector<std::string> features_; // without the spares
};

} // namespace dmremap
