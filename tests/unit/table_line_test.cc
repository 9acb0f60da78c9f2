// SPDX-License-Identifier: GPL-2.0-or-later
// What people type: messages, table lines, and which devices can form a set.
#include "core/engine/table_line.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "core/engine/command.h"
#include "core/engine/devices.h"

namespace remap::test {
namespace {

// Words as dm hands them over.
class Words {
public:
	explicit Words(const std::string &line)
	{
		std::istringstream stream(line);
		for (std::string word; stream >> word;)
			words_.push_back(word);
		for (std::string &word : words_)
			argv_.push_back(word.data());
	}
	u32 count() const { return static_cast<u32>(argv_.size()); }
	char **argv() { return argv_.data(); }

private:
	std::vector<std::string> words_;
	std::vector<char *> argv_;
};

Error parse(const std::string &line, Command *command)
{
	Words words(line);
	char why[200];
	Text text(why, sizeof(why));
	const Error error = CommandParser::parse(words.count(), words.argv(), command, text);
	EXPECT_EQ(error == Error::ok, !*why) << line << ": " << why;
	return error;
}

TEST(Command, FlagsAndOptionalNumbers)
{
	Command command;
	EXPECT_EQ(parse("remove_remap 5", &command), Error::ok);
	EXPECT_EQ(command.numbers, 1u);
	EXPECT_FALSE(command.flag);
	EXPECT_TRUE(command.mutates);
	command = Command{};
	EXPECT_EQ(parse("Remove_Remap 5 6 Stale-OK", &command), Error::ok);
	EXPECT_EQ(command.numbers, 2u);
	EXPECT_EQ(command.number[1], 6u);
	EXPECT_TRUE(command.flag);
	EXPECT_STREQ(command.word, "remove_remap");
	command = Command{};
	EXPECT_EQ(parse("list 7", &command), Error::ok);
	EXPECT_FALSE(command.mutates);
	EXPECT_EQ(parse("clear_all nocopy", &command), Error::wrong_argument);
	EXPECT_EQ(parse("add_remap 1 2 3 stale-ok", &command), Error::wrong_argument);
	EXPECT_EQ(parse("add_remap nocopy 1 2 3", &command), Error::wrong_argument);
	EXPECT_EQ(parse("", &command), Error::unknown_message);
	EXPECT_EQ(parse("scan", &command), Error::wrong_argument);
	EXPECT_EQ(parse("scan now", &command), Error::wrong_argument);
	EXPECT_EQ(parse("Scan STOP", &command), Error::ok);
	EXPECT_EQ(command.choice, ScanWord::stop);
}

std::string fault_of(const std::string &line)
{
	Words words(line);
	TableLine parsed;
	const LineFault fault = TableLineParser(words.count(), words.argv()).parse(&parsed);
	return fault ? std::string(fault.sentence) + " <" + fault.found + ">" : "";
}

TEST(TableLine, DevicesAlone)
{
	Words words("/dev/a /dev/b");
	TableLine line;
	EXPECT_FALSE(TableLineParser(words.count(), words.argv()).parse(&line));
	EXPECT_STREQ(line.main, "/dev/a");
	EXPECT_EQ(line.spares, 1u);
	EXPECT_STREQ(line.spare[0], "/dev/b");
	EXPECT_EQ(fault_of("/dev/a /dev/b 0"), "");
}

TEST(TableLine, EachFaultHasItsSentence)
{
	const std::string few = "too few arguments; a table line is: <main> <spare> "
				"[<#features> <feature>...] ";
	const std::string count = "<#features> does not match the number of words behind it ";
	EXPECT_EQ(fault_of(""), few + "<>");
	EXPECT_EQ(fault_of("a"), few + "<a>");
	EXPECT_EQ(fault_of("a b c"),
		  "<#features> is not a number; it counts the words behind it <c>");
	EXPECT_EQ(fault_of("a b -1"),
		  "<#features> is not a number; it counts the words behind it <-1>");
	EXPECT_EQ(fault_of("a b 1"), count + "<1>");
	EXPECT_EQ(fault_of("a b 0 heal"), count + "<0>");
	EXPECT_EQ(fault_of("a b 18446744073709551615 heal"), count + "<18446744073709551615>");
	EXPECT_EQ(fault_of("a b 1 frob"), "unknown feature; the kernel log names it <frob>");
	EXPECT_EQ(fault_of("a b 2 heal Heal"), "feature 'heal' is given twice <Heal>");
	const std::string uuid = "0a1b2c3d-0000-4000-8000-0123456789AB";
	EXPECT_EQ(fault_of("a b 4 set " + uuid + " set " + uuid),
		  "feature 'set' is given twice <set>");
	EXPECT_EQ(fault_of("a b 1 set"), "feature 'set' is malformed; it is: set <uuid> <>");
	for (const std::string &word :
	     {std::string("x"), uuid + "0", uuid.substr(1), uuid.substr(0, 35) + "g",
	      std::string("0a1b2c3d00004000-8000-0123456789ab"),
	      std::string("00000000-0000-0000-0000-000000000000")})
		EXPECT_EQ(fault_of("a b 2 set " + word),
			  "feature 'set' is malformed; it is: set <uuid> <" + word + ">");
	EXPECT_EQ(fault_of("a b 2 main_id " + std::string(64, 'x')), "");
	EXPECT_EQ(fault_of("a b 2 main_id " + std::string(65, 'x')),
		  "feature 'main_id' is malformed; it is: main_id <up to 64 characters> <" +
			  std::string(65, 'x') + ">");
	EXPECT_EQ(fault_of("a b 2 format FORMAT"), "feature 'format' is given twice <FORMAT>");
	EXPECT_EQ(fault_of("a b 4 retries 1 retries 2"), "feature 'retries' is given twice "
							 "<retries>");
	EXPECT_EQ(fault_of("a b 1 retries"),
		  "feature 'retries' is malformed; it is: retries <0 to 100> <>");
	for (const char *number : {"x", "101", "-1", "18446744073709551616"})
		EXPECT_EQ(fault_of(std::string("a b 2 retries ") + number),
			  std::string("feature 'retries' is malformed; it is: retries "
				      "<0 to 100> <") +
				  number + ">");
	EXPECT_EQ(fault_of("a b 2 on_write_error retry"),
		  "feature 'on_write_error' is malformed; it is: on_write_error remap|fail "
		  "<retry>");
	for (const char *ratio :
	     {"5", "5/", "/5", "5/6/7", "a/b", "5/-6", "5/0", "4294967296/1", "1/4294967296"})
		EXPECT_EQ(fault_of(std::string("a b 2 budget ") + ratio),
			  std::string("feature 'budget' is malformed; it is: budget "
				      "<remaps>/<seconds, at least 1> <") +
				  ratio + ">");
}

TEST(TableLine, WhatTheSetMustBe)
{
	Words words("a b 5 main_id WDC-1234 format SET 0a1b2c3d-0000-4000-8000-0123456789AB");
	TableLine line;
	EXPECT_FALSE(TableLineParser(words.count(), words.argv()).parse(&line));
	EXPECT_STREQ(line.set, "0a1b2c3d-0000-4000-8000-0123456789AB");
	EXPECT_STREQ(line.main_id, "WDC-1234");
	EXPECT_TRUE(line.format);
}

Policy policy_of(const std::string &line)
{
	Words words(line);
	TableLine parsed;
	EXPECT_FALSE(TableLineParser(words.count(), words.argv()).parse(&parsed)) << line;
	return parsed.policy;
}

std::string words_of(const Policy &policy)
{
	char words[128];
	Text text(words, sizeof(words));
	const u32 count = policy.words(&text);
	return std::to_string(count) + words;
}

TEST(TableLine, WhatItSaysAboutErrorsComesBackAsItWas)
{
	EXPECT_EQ(words_of(policy_of("a b")), "0");
	EXPECT_EQ(words_of(policy_of("a b 8 on_write_error remap on_read_error retry retries 3 "
				     "budget 2048/3600")),
		  "0")
		<< "the defaults";
	const std::string all =
		"9 on_write_error fail on_read_error fail retries 0 budget 0/4294967295 heal";
	EXPECT_EQ(words_of(policy_of("a b " + all)), all);
	const Policy policy = policy_of("a b 3 BUDGET 7/5 Heal");
	EXPECT_EQ(policy.budget_remaps, 7u);
	EXPECT_EQ(policy.budget_seconds, 5u);
	EXPECT_TRUE(policy.heal && policy.remap_writes && policy.retry_reads);
	EXPECT_EQ(policy_of("a b 2 retries 100").retries, 100u);
}

TEST(TableLine, SparesThatAreMissing)
{
	Words words("a - 5 spare c allow_degraded spare -");
	TableLine line;
	EXPECT_FALSE(TableLineParser(words.count(), words.argv()).parse(&line));
	ASSERT_EQ(line.spares, 1u);
	EXPECT_STREQ(line.spare[0], "c");
	EXPECT_TRUE(line.policy.allow_degraded);
	EXPECT_EQ(words_of(policy_of("a b 1 allow_degraded")), "1 allow_degraded");
	EXPECT_EQ(fault_of("a -"), "no spare is there; at least one must be <->");
	EXPECT_EQ(fault_of("a - 2 spare -"), "no spare is there; at least one must be <->");
	EXPECT_EQ(fault_of("a - 8 spare - spare - spare - spare c"),
		  "too many spares; a set has at most 4, the one beside main among them <c>");
}

TEST(TableLine, SeveralSparesInTheirOrder)
{
	Words words("a b 7 spare c heal Spare d spare e");
	TableLine line;
	EXPECT_FALSE(TableLineParser(words.count(), words.argv()).parse(&line));
	ASSERT_EQ(line.spares, 4u);
	for (const auto &[i, name] : {std::pair{0, "b"}, {1, "c"}, {2, "d"}, {3, "e"}})
		EXPECT_STREQ(line.spare[i], name);
	EXPECT_EQ(fault_of("a b 8 spare c spare d spare e spare f"),
		  "too many spares; a set has at most 4, the one beside main among them <f>");
	EXPECT_EQ(fault_of("a b 1 spare"),
		  "feature 'spare' is malformed; it is: spare <device> <>");
}

const DeviceFacts kMainFacts = {.sectors = 100000, .identity = 1};
const DeviceFacts kSpare = {.sectors = 100000, .identity = 2};

std::string refused(DeviceFacts main, DeviceFacts spare, u64 length = 100000)
{
	char found[128];
	Text text(found, sizeof(found));
	const char *sentence = check_devices(main, spare, length, text);
	return sentence ? std::string(sentence) + (*found ? ": " : "") + found : "";
}

DeviceFacts with(DeviceFacts facts, void (*change)(DeviceFacts &))
{
	change(facts);
	return facts;
}

TEST(Devices, Rules)
{
	EXPECT_EQ(refused(kMainFacts, kSpare), "");
	EXPECT_EQ(refused(kMainFacts, kSpare, 1), "");
	EXPECT_EQ(refused(kMainFacts, kMainFacts), "main and spare are the same device");
	EXPECT_NE(refused(with(kMainFacts, [](DeviceFacts &d) { d.zoned = true; }), kSpare)
			  .find("main is a zoned device"),
		  std::string::npos);
	EXPECT_NE(refused(kMainFacts, with(kSpare, [](DeviceFacts &d) { d.zoned = true; }))
			  .find("spare is a zoned device"),
		  std::string::npos);
	EXPECT_EQ(refused(kMainFacts, kSpare, 100001), "the table's length reaches beyond main: length "
						  "is 100001, main has 100000 sectors");
	EXPECT_NE(refused(kMainFacts, kSpare, 0), "");
	EXPECT_EQ(refused(with(kMainFacts, [](DeviceFacts &d) { d.sectors = 0; }), kSpare, 0),
		  "main is too small or too large: main has 0 sectors");
	EXPECT_NE(refused(with(kMainFacts, [](DeviceFacts &d) { d.sectors = kMaxMainSectors + 1; }),
			  kSpare)
			  .find("too large"),
		  std::string::npos);
	EXPECT_EQ(refused(kMainFacts, with(kSpare, [](DeviceFacts &d) { d.sectors = 1000; })),
		  "the spare is smaller than its own metadata: spare has 1000 sectors, the "
		  "metadata alone takes 1136");
	EXPECT_NE(refused(kMainFacts, with(kSpare, [](DeviceFacts &d) { d.sectors = u64{1} << 43; }))
			  .find("larger than 2 PiB"),
		  std::string::npos);
}

std::string refused(const std::vector<DeviceFacts> &spares)
{
	char found[128];
	Text text(found, sizeof(found));
	const char *sentence = check_devices(kMainFacts, spares.data(), static_cast<u32>(spares.size()),
					     100000, text);
	return sentence ? std::string(sentence) + (*found ? ": " : "") + found : "";
}

TEST(Devices, EachOfSeveralSparesIsLookedAt)
{
	const DeviceFacts third = with(kSpare, [](DeviceFacts &d) { d.identity = 3; });
	EXPECT_EQ(refused({kSpare, third}), "");
	EXPECT_EQ(refused({kSpare, kMainFacts}), "main and spare are the same device");
	EXPECT_EQ(refused({third, kSpare, third}),
		  "two of the spares are the same device: spare 1 and spare 3");
	EXPECT_EQ(refused({kSpare, with(third, [](DeviceFacts &d) { d.zoned = true; })}),
		  "spare is a zoned device; only conventional ones can hold remaps");
	EXPECT_EQ(refused({kSpare, with(third, [](DeviceFacts &d) { d.logical_block = 4096; })}),
		  "the spare's logical block is larger than main's: a file system on main could no "
		  "longer be read: logical block of main 512, of spare 2 4096 bytes");
	EXPECT_EQ(refused({kSpare, with(third, [](DeviceFacts &d) { d.sectors = 1000; })}),
		  "the spare is smaller than its own metadata: spare 2 has 1000 sectors, the "
		  "metadata alone takes 1136");
}

TEST(Devices, BlockSizes)
{
	const auto large = [](DeviceFacts &d) { d.logical_block = 4096; };
	const DeviceFacts main = with(kMainFacts, large);
	const DeviceFacts spare = with(kSpare, large);
	EXPECT_EQ(refused(main, spare), "");
	EXPECT_EQ(refused(main, kSpare), "");
	EXPECT_NE(refused(kMainFacts, spare).find("the spare's logical block is larger than main's"),
		  std::string::npos);
	EXPECT_NE(refused(with(kMainFacts, [](DeviceFacts &d) { d.logical_block = 8192; }), kSpare)
			  .find("larger than 4096"),
		  std::string::npos);
}

}  // namespace
}  // namespace remap::test
