// SPDX-License-Identifier: GPL-2.0-or-later
// Text, words and numbers, results and causes.
#include "core/base/text.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "core/base/result.h"
#include "core/base/word.h"
#include "core/platform/io_status.h"

namespace remap::test {
namespace {

TEST(Text, BuildsAndCuts)
{
	char buffer[32];
	Text text(buffer, sizeof(buffer));
	text << "a " << u64{18446744073709551615u} << ' ' << 0u;
	EXPECT_STREQ(buffer, "a 18446744073709551615 0");
	EXPECT_EQ(text.length(), 24u);
	EXPECT_EQ(text.room_left(), 7u);
	EXPECT_TRUE(text.fits());
	text << "12345678";
	EXPECT_FALSE(text.fits());
	EXPECT_STREQ(buffer, "a 18446744073709551615 01234567");
	text.cut(1);
	EXPECT_TRUE(text.fits());
	EXPECT_STREQ(buffer, "a");
}

TEST(Text, NeverWritesBehindItsRoom)
{
	for (usize room = 1; room < 40; ++room) {
		const std::unique_ptr<char[]> buffer(new char[room]);
		Text text(buffer.get(), room);
		text << "word " << u64{1234567890123} << ' ';
		text.quoted("\x01 quoted \xff") << "end";
		EXPECT_EQ(std::string(buffer.get()).size(), text.length());
		EXPECT_LT(text.length(), room);
		EXPECT_EQ(text.fits(), room > 34) << room;
	}
}

TEST(Text, QuotesWhatCameFromOutside)
{
	char buffer[80];
	Text(buffer, sizeof(buffer)).quoted("a\nb\x1b[31m\x80");
	EXPECT_STREQ(buffer, "'a?b?[31m?'");
	Text(buffer, sizeof(buffer)).quoted("12345678", 8);
	EXPECT_STREQ(buffer, "'12345678'");
	Text(buffer, sizeof(buffer)).quoted("123456789", 8);
	EXPECT_STREQ(buffer, "'12345678...'");
	Text(buffer, sizeof(buffer)).quoted("");
	EXPECT_STREQ(buffer, "''");
}

TEST(Word, SameButForCase)
{
	EXPECT_TRUE(same_word("Add_Remap", "aDD_rEMAP"));
	EXPECT_TRUE(same_word("", ""));
	EXPECT_FALSE(same_word("add", "add_remap"));
	EXPECT_FALSE(same_word("add_remap", "add"));
	EXPECT_FALSE(same_word("@", "`"));
	EXPECT_FALSE(same_word("[", "{"));
}

TEST(Word, Numbers)
{
	u64 value = 7;
	EXPECT_EQ(parse_number("0", &value), NumberFault::none);
	EXPECT_EQ(value, 0u);
	EXPECT_EQ(parse_number("18446744073709551615", &value), NumberFault::none);
	EXPECT_EQ(value, ~u64{0});
	EXPECT_EQ(parse_number("0000000000000000000000000000012", &value), NumberFault::none);
	EXPECT_EQ(value, 12u);
	for (const char *word : {"", "-", "+1", " 1", "1 ", "1x", "0x1", "1.5", "--1", "-1x"})
		EXPECT_EQ(parse_number(word, &value), NumberFault::not_a_number) << word;
	EXPECT_EQ(parse_number("-1", &value), NumberFault::negative);
	EXPECT_EQ(parse_number("-99999999999999999999999", &value), NumberFault::negative);
	for (const char *word : {"18446744073709551616", "18446744073709551620",
				 "99999999999999999999", "184467440737095516150"})
		EXPECT_EQ(parse_number(word, &value), NumberFault::overflow) << word;
	EXPECT_EQ(value, 12u);
}

Result<u32> half(u32 value)
{
	if (value % 2)
		return Error::wrong_argument;
	return value / 2;
}

Result<u32> quarter(u32 value) { return half(TRY(half(value))); }

Status check_even(u32 value)
{
	TRY(half(value));
	return {};
}

TEST(Result, CarriesTheErrorOut)
{
	EXPECT_EQ(quarter(8).value(), 2u);
	EXPECT_EQ(quarter(6).error(), Error::wrong_argument);
	EXPECT_TRUE(check_even(2).ok());
	EXPECT_FALSE(check_even(1).ok());
}

TEST(Error, EachHasItsOwnSentence)
{
	std::set<std::string> sentences;
	u32 count = 0;
#define X(name, number, text)                                                                    \
	EXPECT_EQ(errno_of(Error::name), number);                                                \
	sentences.insert(text_of(Error::name));                                                  \
	++count;
	REMAP_ERRORS(X)
#undef X
#define X(name, text)                                                                            \
	sentences.insert(text_of(IoStatus::name));                                               \
	++count;
	REMAP_IO_STATUSES(X)
#undef X
	EXPECT_EQ(sentences.size(), count);
}

}  // namespace
}  // namespace remap::test
