// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/table.h"

#include <fmt/format.h>

namespace dmremap::loopback {

std::string TableLine::text() const
{
	return fmt::format("{} {} {}{}{}", start, length, target, arguments.empty() ? "" : " ",
			   arguments);
}

std::string to_text(const Table &table)
{
	std::string text;
	for (const TableLine &line : table)
		text += line.text() + '\n';
	return text;
}

Failure too_many_segments(const std::string &what)
{
	return Failure(ExitCode::wrong_arguments,
		       fmt::format("{} would make a table of more than {} segments, which is the most "
				   "that device-mapper takes; fewer, or sectors that are neighbours, fit",
				   what, kMaxSegments));
}

}  // namespace dmremap::loopback
