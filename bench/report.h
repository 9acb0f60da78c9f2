// SPDX-License-Identifier: GPL-2.0-or-later
// The table of results: what was measured, what must hold, whether it does.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace remap::bench {

struct Row {
	std::string what;
	std::string value;
	std::string peer;
	double ratio; // or the value itself where `must` is one
	double must;  // at most; 0: shown only
	double aim;
	const char *unit;
};

class Report {
public:
	void add(Row row) { rows_.push_back(std::move(row)); }

	// As Markdown. Returns whether every must holds.
	bool print(std::FILE *out) const
	{
		bool all = true;
		std::fprintf(
			out,
			"| what | measured | beside | ratio or figure | must | aim | verdict |\n"
			"|---|---|---|---|---|---|---|\n");
		for (const Row &row : rows_) {
			const bool holds = row.must == 0 || row.ratio <= row.must;
			const bool aimed = row.aim != 0 && row.ratio <= row.aim;
			const char *verdict = row.must == 0 ? "-"
					      : !holds	    ? "MISSED"
					      : aimed	    ? "holds, aim met"
							    : "holds";
			all = all && holds;
			std::fprintf(out, "| %s | %s | %s | %s | %s | %s | %s |\n",
				     row.what.c_str(), row.value.c_str(), row.peer.c_str(),
				     figure(row.ratio, row.unit).c_str(),
				     row.must ? figure(row.must, row.unit).c_str() : "-",
				     row.aim ? figure(row.aim, row.unit).c_str() : "-", verdict);
		}
		return all;
	}

private:
	static std::string figure(double value, const char *unit)
	{
		char text[64];
		std::snprintf(text, sizeof(text), value >= 1000 ? "%.0f %s" : "%.3g %s", value,
			      unit);
		return text;
	}

	std::vector<Row> rows_;
};

} // namespace remap::bench
