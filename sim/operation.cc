// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/operation.h"

#include <sstream>

namespace remap::sim {

std::optional<Operation> Operation::parse(const std::string &line)
{
	std::istringstream words(line);
	std::string name;
	Operation operation;
	if (!(words >> name >> operation.at >> operation.length >> operation.place >>
	      operation.salt))
		return std::nullopt;
	for (usize i = 0; i < std::size(kActNames); ++i) {
		if (name != kActNames[i])
			continue;
		operation.act = static_cast<Act>(i);
		return operation;
	}
	return std::nullopt;
}

} // namespace remap::sim
