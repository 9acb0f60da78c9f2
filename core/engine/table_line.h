// SPDX-License-Identifier: GPL-2.0-or-later
// The table line: <main> <spare> [<#features> <feature>...]. <#features> counts words, as dm's
// other targets do. A spare that is missing is named `-`, as STATUSTYPE_TABLE does.
#pragma once

#include "core/base/text.h"
#include "core/base/word.h"
#include "core/engine/feature.h"
#include "core/engine/policy.h"
#include "core/format/superblock.h"
#include "core/platform/platform.h"

namespace remap {

struct TableLine {
	const char *main = nullptr;
	const char *spare[kMaxSpares] = {};
	u32 spares = 0;
	const char *set = nullptr;	 // a UUID, well formed
	const char *main_id = nullptr; // at most kMainIdBytes characters
	bool format = false;
	Policy policy;
};

// What is wrong with a line: a sentence that lives for ever, and the word that was found.
struct LineFault {
	const char *sentence = nullptr;
	const char *found = "";
	explicit operator bool() const { return sentence; }
};

class TableLineParser {
public:
	TableLineParser(u32 count, char **words) : count_(count), words_(words) {}

	LineFault parse(TableLine *line)
	{
		if (count_ < 2)
			return {"too few arguments; a table line is: <main> <spare> "
				"[<#features> <feature>...]",
				count_ ? words_[0] : ""};
		line->main = words_[0];
		add_spare(words_[1], line);
		const LineFault fault = count_ == 2 ? LineFault{} : features(line);
		if (!fault && !line->spares)
			return {"no spare is there; at least one must be", words_[1]};
		return fault;
	}

private:
	static void add_spare(const char *word, TableLine *line)
	{
		if (!same_word(word, "-"))
			line->spare[line->spares++] = word;
	}

	LineFault features(TableLine *line)
	{
		u64 number = 0;
		if (parse_number(words_[2], &number) != NumberFault::none)
			return {"<#features> is not a number; it counts the words behind it",
				words_[2]};
		if (number != count_ - 3)
			return {"<#features> does not match the number of words behind it",
				words_[2]};
		for (u32 at = 3; at < count_;) {
			const LineFault fault = feature(&at, line);
			if (fault)
				return fault;
		}
		return {};
	}

	LineFault feature(u32 *at, TableLine *line)
	{
		const char *word = words_[(*at)++];
		for (u32 i = 0; i < kFeatureCount; ++i) {
			const Feature &known = kFeatures[i];
			if (!same_word(word, known.name))
				continue;
			if (seen_[i] && !same_word(word, "spare"))
				return {known.twice, word};
			seen_[i] = true;
			if (known.value == FeatureValue::none) {
				line->format |= same_word(word, "format");
				line->policy.allow_degraded |= same_word(word, "allow_degraded");
				line->policy.heal |= same_word(word, "heal");
				return {};
			}
			if (*at == count_ || !well_formed(known, words_[*at]))
				return {known.malformed, *at < count_ ? words_[*at] : ""};
			const char *value = words_[(*at)++];
			if (known.value == FeatureValue::word && ++spares_ > kMaxSpares)
				return {"too many spares; a set has at most 4, the one beside main "
					"among them",
					value};
			if (known.value == FeatureValue::word)
				add_spare(value, line);
			if (known.value == FeatureValue::uuid)
				line->set = value;
			if (known.value == FeatureValue::id)
				line->main_id = value;
			note(known, value, &line->policy);
			return {};
		}
		return {"unknown feature; the kernel log names it", word};
	}

	// REQUIRES: well formed.
	static void note(const Feature &known, const char *value, Policy *policy)
	{
		u64 number = 0;
		if (same_word(known.name, "on_write_error"))
			policy->remap_writes = same_word(value, "remap");
		if (same_word(known.name, "on_read_error"))
			policy->retry_reads = same_word(value, "retry");
		if (known.value == FeatureValue::number) {
			(void)parse_number(value, &number);
			policy->scan_rate = static_cast<u32>(number);
		}
		if (known.value == FeatureValue::count) {
			(void)parse_number(value, &number);
			policy->retries = static_cast<u32>(number);
		}
		if (known.value == FeatureValue::ratio)
			(void)parse_ratio(value, &policy->budget_remaps, &policy->budget_seconds);
	}

	static bool well_formed(const Feature &known, const char *word)
	{
		u64 number;
		switch (known.value) {
		case FeatureValue::number:
			return parse_number(word, &number) == NumberFault::none &&
			       number <= 0xffffffff;
		case FeatureValue::count:
			return parse_number(word, &number) == NumberFault::none &&
			       number <= Policy::kMaxRetries;
		case FeatureValue::choice:
			return same_word(word, known.choices[0]) ||
			       same_word(word, known.choices[1]);
		case FeatureValue::ratio: {
			u32 remaps, seconds;
			return parse_ratio(word, &remaps, &seconds) && seconds;
		}
		case FeatureValue::word:
			return *word;
		case FeatureValue::uuid: {
			Uuid uuid;
			return Uuid::parse(word, &uuid) && !uuid.nil();
		}
		case FeatureValue::id:
			return *word && __builtin_strlen(word) <= kMainIdBytes;
		case FeatureValue::none:
			break;
		}
		return true;
	}

	// Digits, a slash, digits; false: not that, or a number beyond 32 bits.
	static bool parse_ratio(const char *word, u32 *left, u32 *right)
	{
		u64 number[2] = {};
		u32 digits[2] = {};
		u32 part = 0;
		for (; *word; ++word) {
			if (*word == '/' && part == 0) {
				part = 1;
				continue;
			}
			if (*word < '0' || *word > '9')
				return false;
			number[part] = number[part] * 10 + static_cast<u64>(*word - '0');
			if (number[part] > 0xffffffff)
				return false;
			++digits[part];
		}
		*left = static_cast<u32>(number[0]);
		*right = static_cast<u32>(number[1]);
		return digits[0] && digits[1];
	}

	u32 count_;
	char **words_;
	u32 spares_ = 1; // there or not
	bool seen_[kFeatureCount] = {};
};

}  // namespace remap
