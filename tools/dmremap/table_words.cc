// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/table_words.h"

#include <algorithm>
#include <sstream>

#include "core/engine/feature.h"

namespace dmremap {
namespace {

bool has_value(const std::string &feature)
{
	for (const remap::Feature &known : remap::kFeatures)
		if (feature == known.name)
			return known.value != remap::FeatureValue::none;
	return false;
}

} // namespace

TableWords::TableWords(const std::string &line)
{
	std::istringstream stream(line);
	std::string spare, count, feature, value;
	stream >> main_ >> spare >> count;
	spares_.push_back(spare);
	while (stream >> feature) {
		const bool valued = has_value(feature) && stream >> value;
		if (feature == "spare") {
			spares_.push_back(value);
			continue;
		}
		features_.push_back(feature);
		if (valued)
			features_.push_back(value);
	}
}

std::string TableWords::main_id() const
{
	const auto found = std::find(features_.begin(), features_.end(), "main_id");
	return found == features_.end() || found + 1 == features_.end() ? "" : found[1];
}

void TableWords::leave_out(const std::string &spare)
{
	static const std::string kAllowed = "allow_degraded";
	std::replace(spares_.begin(), spares_.end(), spare, std::string(kMissing));
	if (std::find(features_.begin(), features_.end(), kAllowed) == features_.end())
		features_.push_back(kAllowed);
}

void TableWords::add(const std::string &spare, bool was_missing)
{
	const auto missing = std::find(spares_.begin(), spares_.end(), kMissing);
	if (was_missing && missing != spares_.end())
		*missing = spare;
	else
		spares_.push_back(spare);
}

std::string TableWords::text() const
{
	std::string words;
	for (std::size_t i = 1; i < spares_.size(); ++i)
		words += " spare " + spares_[i];
	for (const std::string &word : features_)
		words += " " + word;
	const auto count = std::count(words.begin(), words.end(), ' ');
	return main_ + " " + spares_.front() + (count ? " " + std::to_string(count) + words : "");
}

} // namespace dmremap
