// SPDX-License-Identifier: GPL-2.0-or-later
// The words of a table line, of which `dmremap spare` changes the spares and nothing else.
#include "tools/dmremap/table_words.h"

#include <gtest/gtest.h>

namespace dmremap {
namespace {

std::string with(const std::string &line, bool was_missing)
{
	TableWords words(line);
	words.add("/dev/x", was_missing);
	return words.text();
}

TEST(TableWords, WhatIsReadIsPrinted)
{
	for (const char *line :
	     {"8:0 8:16", "8:0 8:16 2 set u", "8:0 - 4 spare 8:32 set u",
	      "8:0 8:16 9 spare 8:32 set u main_id i retries 7 heal", "8:0 8:16 3 spare - allow_degraded"})
		EXPECT_EQ(TableWords(line).text(), line);
}

TEST(TableWords, ASpareComesBehindTheOthers)
{
	EXPECT_EQ(with("8:0 8:16", false), "8:0 8:16 2 spare /dev/x");
	EXPECT_EQ(with("8:0 8:16 5 set u main_id i heal", false),
		  "8:0 8:16 7 spare /dev/x set u main_id i heal");
	EXPECT_EQ(with("8:0 8:16 4 spare 8:32 budget 1/2", false),
		  "8:0 8:16 6 spare 8:32 spare /dev/x budget 1/2");
	EXPECT_EQ(with("8:0 8:16 2 spare -", false), "8:0 8:16 4 spare - spare /dev/x");
}

TEST(TableWords, OneThatWasMissingTakesItsPlace)
{
	EXPECT_EQ(with("8:0 8:16 5 spare - set u allow_degraded", true),
		  "8:0 8:16 5 spare /dev/x set u allow_degraded");
	EXPECT_EQ(with("8:0 - 4 spare 8:32 set u", true), "8:0 /dev/x 4 spare 8:32 set u");
	EXPECT_EQ(with("8:0 8:16", true), "8:0 8:16 2 spare /dev/x");
}

// Words that look like others are values.
TEST(TableWords, ValuesAreNoFeatures)
{
	const TableWords words("8:0 8:16 6 main_id spare spare 8:32 set u");
	EXPECT_EQ(words.spares(), (std::vector<std::string>{"8:16", "8:32"}));
	EXPECT_EQ(words.main_id(), "spare");
	EXPECT_EQ(words.main(), "8:0");
	EXPECT_EQ(words.text(), "8:0 8:16 6 spare 8:32 main_id spare set u");
	EXPECT_EQ(TableWords("8:0 8:16 2 set u").main_id(), "");
	EXPECT_EQ(TableWords("8:0 8:16 3 heal spare 8:32").spares(), words.spares());
}

}  // namespace
}  // namespace dmremap
