// SPDX-License-Identifier: GPL-2.0-or-later
// dm-remap-loopback-setup without devices: what is parsed, chosen and made into tables, and the record.
#include <gtest/gtest.h>
#include <linux/dm-ioctl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "tools/dm-remap-loopback-setup/bad_sectors.h"
#include "tools/dm-remap-loopback-setup/choice.h"
#include "tools/dm-remap-loopback-setup/image_file.h"
#include "tools/dm-remap-loopback-setup/linear_table.h"
#include "tools/dm-remap-loopback-setup/quantity.h"
#include "tools/dm-remap-loopback-setup/record.h"
#include "tools/dm-remap-loopback-setup/table_reader.h"
#include "tools/common/failure.h"

namespace dmremap::loopback {
namespace {

// What was refused, as a sentence; "accepted" when nothing was.
template <class Call> std::string refusal_of(Call &&call)
{
	try {
		call();
	} catch (const Failure &failure) {
		return failure.what();
	}
	return "accepted";
}

std::set<uint64_t> as_set(const BadSectors &bad)
{
	std::set<uint64_t> sectors;
	for (const Range &range : bad.ranges())
		for (uint64_t at = range.first; at < range.end(); ++at)
			sectors.insert(at);
	return sectors;
}

BadSectors read_text(const std::string &text, uint64_t total = 1000)
{
	std::istringstream in(text);
	return read_bad_sectors(in, "list", total);
}

TEST(Quantity, Sizes)
{
	EXPECT_EQ(parse_size("-M", "100M"), 104857600u);
	EXPECT_EQ(parse_size("-M", "512k"), 524288u);
	EXPECT_EQ(parse_size("-M", "1G"), 1073741824u);
	EXPECT_EQ(parse_size("-M", "2TiB"), 2199023255552u);
	EXPECT_EQ(parse_size("-M", "4096"), 4096u);
	for (const char *wrong : {"", "M", "1X", "1.5G", "-1", "1MM", "1Mib", "1M ", "0", "0x10",
				  "99999999999T", "18446744073709551616"})
		EXPECT_NE(refusal_of([wrong] { parse_size("-M", wrong); }).find("expected"),
			  std::string::npos)
			<< wrong;
	EXPECT_EQ(size_text(104857600), "104857600 bytes (100 MiB)");
	EXPECT_EQ(size_text(1000), "1000 bytes");
}

TEST(Quantity, PercentIsRoundedDown)
{
	EXPECT_EQ(Percent::parse("-p", "5").of(25600), 1280u);
	EXPECT_EQ(Percent::parse("-p", "5").of(39), 1u);
	EXPECT_EQ(Percent::parse("-p", "0.1").of(999), 0u);
	EXPECT_EQ(Percent::parse("-p", "0.1").of(1000), 1u);
	EXPECT_EQ(Percent::parse("-p", "33.333333").of(3000000), 999999u);
	EXPECT_EQ(Percent::parse("-p", "100").of(~uint64_t{0}), ~uint64_t{0});
	for (const char *wrong : {"", "0", "0.0", "-5", "101", "100.000001", "5%", "1e1", "1.",
				  ".5", "1.2.3", "0.1234567"})
		EXPECT_NE(refusal_of([wrong] { Percent::parse("-p", wrong); }).find("expected"),
			  std::string::npos)
			<< wrong;
}

TEST(BadSectors, NeighboursBecomeOneRange)
{
	const BadSectors bad({{7, 1}, {5, 1}, {6, 1}, {20, 10}, {25, 2}, {40, 1}, {41, 0}, {40, 1}});
	EXPECT_EQ(bad.ranges(), (std::vector<Range>{{5, 3}, {20, 10}, {40, 1}}));
	EXPECT_EQ(bad.count(), 14u);
	EXPECT_EQ(bad.united_with(BadSectors({{8, 12}})).ranges(),
		  (std::vector<Range>{{5, 25}, {40, 1}}));
}

TEST(BadSectors, ListsAreUnderstood)
{
	EXPECT_EQ(read_text("# comment\n\n 7 \n\t100-199 # a range\r\n8\n999").ranges(),
		  (std::vector<Range>{{7, 2}, {100, 100}, {999, 1}}));
	EXPECT_EQ(read_text("100 - 101\n0\n").ranges(), (std::vector<Range>{{0, 1}, {100, 2}}));
}

TEST(BadSectors, EveryWrongLineIsNamedWithItsContent)
{
	EXPECT_EQ(refusal_of([] { read_text("1\n 12x # no\n3\n9-4\n1000\n"); }),
		  "list:2: '12x # no': expected a sector number or a range first-last\n"
		  "list:4: '9-4': the range ends before it begins\n"
		  "list:5: '1000': beyond the end of main, whose sectors are 0 to 999");
	for (const char *wrong : {"-5", "5-", "1-2-3", "0x10", "1,2", "1 2", "1.5",
				  "18446744073709551616", "18446744073709551615", "0-18446744073709551615"})
		EXPECT_EQ(refusal_of([wrong] { read_text(wrong); }).rfind("list:1: '", 0), 0u)
			<< wrong;
	EXPECT_NE(refusal_of([] { read_text("# nothing\n"); }).find("names no sector"),
		  std::string::npos);
	std::string many;
	for (int line = 0; line < 50; ++line)
		many += "bad\n";
	EXPECT_NE(refusal_of([&many] { read_text(many); }).find("50 lines are wrong in all"),
		  std::string::npos);
	EXPECT_NE(refusal_of([] { read_bad_sectors_file("/nowhere", 10); }).find("No such file"),
		  std::string::npos);
	EXPECT_NE(refusal_of([] { read_bad_sectors_file("/", 10); }).find("is a directory"),
		  std::string::npos);
}

TEST(Choice, IsExactRepeatableAndApartFromWhatIsBad)
{
	std::mt19937_64 random(1);
	for (int round = 0; round < 2000; ++round) {
		const uint64_t total = 1 + random() % 200;
		std::vector<Range> ranges;
		for (uint64_t at = random() % 20; at < total; at += 1 + random() % 20)
			ranges.push_back({at, std::min<uint64_t>(1 + random() % 5, total - at)});
		const BadSectors bad(random() % 3 ? ranges : std::vector<Range>());
		const uint64_t good = total - bad.count();
		const uint64_t count = random() % (good + 1);
		const BadSectors chosen = choose_sectors(count, total, bad, round);
		ASSERT_EQ(chosen.count(), count);
		ASSERT_EQ(chosen.united_with(bad).count(), count + bad.count());
		ASSERT_TRUE(chosen.empty() || chosen.ranges().back().end() <= total);
		ASSERT_EQ(choose_sectors(count, total, bad, round), chosen);
		ASSERT_NE(refusal_of([&] { choose_sectors(good + 1, total, bad, 1); }), "accepted");
	}
	EXPECT_NE(choose_sectors(50, 25600, {}, 1), choose_sectors(50, 25600, {}, 2));
}

// The same on every machine: what a bug report says with --seed. The numbers were worked out by a
// second implementation of SplitMix64 and Floyd's algorithm.
TEST(Choice, SeedsKeepTheirMeaning)
{
	EXPECT_EQ(choose_sectors(5, 25600, {}, 42).ranges(),
		  (std::vector<Range>{{5164, 1}, {8850, 1}, {11250, 1}, {11896, 1}, {17137, 1}}));
	EXPECT_EQ(as_set(choose_sectors(10, 256, {}, 7)),
		  (std::set<uint64_t>{24, 33, 45, 105, 110, 147, 203, 204, 212, 237}));
}

// Each sector as likely as any other, in the branch for few and in the one for many.
TEST(Choice, IsEven)
{
	for (const uint64_t count : {3u, 9u}) {
		std::map<uint64_t, int> hits;
		for (uint64_t seed = 0; seed < 12000; ++seed)
			for (const uint64_t sector :
			     as_set(choose_sectors(count, 12, BadSectors({{4, 1}}), seed)))
				++hits[sector];
		EXPECT_EQ(hits.count(4), 0u);
		const double expected = 12000.0 * static_cast<double>(count) / 11;
		for (const auto &[sector, seen] : hits)
			EXPECT_NEAR(seen, expected, expected * 0.06) << sector << " of " << count;
	}
}

TEST(LinearTable, IsThereAndBack)
{
	std::mt19937_64 random(2);
	for (int round = 0; round < 500; ++round) {
		const uint64_t total = 1 + random() % 300;
		const BadSectors bad = choose_sectors(random() % (total + 1), total, {}, round);
		const uint64_t bytes = round % 2 ? 512 : 4096;
		const LinearTable made{"/dev/loop9", bytes, total, bad};
		const Table table = made.table();
		uint64_t at = 0;
		for (const TableLine &line : table) {
			ASSERT_EQ(line.start, at);
			ASSERT_GT(line.length, 0u);
			at += line.length;
		}
		ASSERT_EQ(at, total * bytes / 512);
		for (size_t i = 1; i < table.size(); ++i)
			ASSERT_NE(table[i].target, table[i - 1].target) << "neighbours are one";
		const LinearTable found = LinearTable::parse(table, "x", bytes);
		ASSERT_EQ(found.bad, bad);
		ASSERT_EQ(found.sectors, total);
		ASSERT_EQ(found.device, bad.count() == total ? "" : "/dev/loop9");
	}
}

TEST(LinearTable, HasTheseLines)
{
	EXPECT_EQ(to_text(LinearTable{"/dev/loop0", 4096, 100, BadSectors({{0, 1}, {10, 2}, {99, 1}})}
				  .table()),
		  "0 8 error\n"
		  "8 72 linear /dev/loop0 8\n"
		  "80 16 error\n"
		  "96 696 linear /dev/loop0 96\n"
		  "792 8 error\n");
	EXPECT_EQ(to_text(LinearTable{"/dev/loop0", 512, 100, {}}.table()),
		  "0 100 linear /dev/loop0 0\n");
}

TEST(LinearTable, OthersAreRefused)
{
	const auto parse = [](const Table &table) {
		return refusal_of([&table] { LinearTable::parse(table, "x", 4096); });
	};
	EXPECT_NE(parse({{0, 8, "zero", ""}}).find("neither linear nor error"), std::string::npos);
	EXPECT_NE(parse({{0, 8, "linear", "7:0 8"}}).find("same sector below"), std::string::npos);
	EXPECT_NE(parse({{0, 8, "linear", "7:0 0"}, {8, 8, "linear", "7:1 8"}}).find("another device"),
		  std::string::npos);
	EXPECT_NE(parse({{0, 9, "linear", "7:0 0"}}).find("whole sectors"), std::string::npos);
	EXPECT_EQ(parse({{0, 8, "linear", "7:0 0"}, {8, 8, "error", ""}}), "accepted");
}

// Every second sector bad is the worst there can be.
TEST(LinearTable, EndsWhereDeviceMapperDoes)
{
	std::vector<Range> every_second;
	for (uint64_t at = 0; at < kMaxSegments; at += 2)
		every_second.push_back({at, 1});
	const BadSectors most(every_second);
	EXPECT_EQ((LinearTable{"d", 512, kMaxSegments, most}.table().size()), kMaxSegments);
	const LinearTable one_more{"d", 512, kMaxSegments + 1,
				   most.united_with(BadSectors({{kMaxSegments, 1}}))};
	EXPECT_NE(refusal_of([&] { one_more.table(); }).find("more than 1048576 segments"),
		  std::string::npos);
	// So many bad ones, but good ones before and behind them all.
	std::vector<Range> between;
	for (uint64_t at = 1; at < kMaxSegments; at += 2)
		between.push_back({at, 1});
	const LinearTable ends_good{"d", 512, kMaxSegments + 1, BadSectors(between)};
	EXPECT_NE(refusal_of([&] { ends_good.table(); }), "accepted");
	EXPECT_NE(refusal_of([] { choose_sectors(3000000, 100000000, {}, 1); }).find("1048576"),
		  std::string::npos);
}

// A reply of the kernel's: each target says where the next begins, counted from the first.
std::string reply_of(const std::vector<std::pair<std::string, uint32_t>> &targets)
{
	std::string reply;
	uint64_t start = 0;
	for (const auto &[text, next] : targets) {
		dm_target_spec spec = {};
		spec.sector_start = start++;
		spec.length = 1;
		spec.next = next;
		std::memcpy(spec.target_type, "linear", 6);
		reply.append(reinterpret_cast<const char *>(&spec), sizeof(spec));
		reply += text + std::string(8 - text.size() % 8, '\0');
	}
	return reply;
}

TEST(TableReader, TakesAReplyApart)
{
	const std::string reply = reply_of({{"7:0 0 ", 48}, {"7:0 1", 96}});
	const Table table = parse_reply(reply.data(), reply.size(), 2);
	EXPECT_EQ(to_text(table), "0 1 linear 7:0 0\n1 1 linear 7:0 1\n");
	for (const uint32_t next : {96u, 1000u, 0xffffffffu}) {
		const std::string wrong = reply_of({{"7:0 0", next}, {"7:0 1", 96}});
		EXPECT_EQ(refusal_of([&] { parse_reply(wrong.data(), wrong.size(), 2); }),
			  "a table from the kernel breaks off")
			<< next;
	}
	EXPECT_NE(refusal_of([&] { parse_reply(reply.data(), reply.size(), 3); }), "accepted");
}

class Folder {
public:
	Folder()
	{
		char name[] = "/tmp/loopback-setup-test.XXXXXX";
		path_ = mkdtemp(name);
	}
	~Folder() { std::filesystem::remove_all(path_); }
	const std::string &path() const { return path_; }

private:
	std::string path_;
};

TEST(Record, KeepsWhatItWasTold)
{
	const Folder folder;
	const std::string odd = "/a b%\n\tc/\xff'\"";
	{
		Record record(folder.path());
		EXPECT_FALSE(record.exists());
		EXPECT_EQ(refusal_of([&] { Record second(folder.path()); }),
			  "another dm-remap-loopback-setup is at work");
		record.begin();
		record.add({Made::Kind::file, odd, {65024, 17}, ""});
		record.add({Made::Kind::loop, "/dev/loop3", {1, ~uint64_t{0}}, ""});
		record.add({Made::Kind::loop, "/dev/loop4", {1, 2}, ""});
		record.drop_last();
		record.add({Made::Kind::mapped, "dm-test-linear", {}, "REMAPTEST-1"});
	}
	Record record(folder.path());
	EXPECT_TRUE(record.exists());
	EXPECT_FALSE(record.complete());
	ASSERT_EQ(record.made().size(), 3u);
	EXPECT_EQ(record.made()[0].name, odd);
	EXPECT_EQ(record.made()[0].identity, (FileIdentity{65024, 17}));
	EXPECT_EQ(record.made()[1].kind, Made::Kind::loop);
	EXPECT_EQ(record.made()[1].identity, (FileIdentity{1, ~uint64_t{0}}));
	EXPECT_EQ(record.made()[2].uuid, "REMAPTEST-1");
	record.set_complete();
	EXPECT_TRUE(Record::peek(folder.path()).complete());
	record.remove();
	EXPECT_FALSE(Record::peek(folder.path()).exists());
}

TEST(Record, WhatIsNotOneIsRefused)
{
	const Folder folder;
	for (const char *text : {"", "something\n", "dm-remap-loopback-setup 2\nend\n",
				 "dm-remap-loopback-setup 1\n", "dm-remap-loopback-setup 1\nfile 1\nend\n",
				 "dm-remap-loopback-setup 1\nfolder 1 2 x\nend\n",
				 "dm-remap-loopback-setup 1\nend\nfile 1 2 x\n"}) {
		std::ofstream(folder.path() + "/record") << text;
		EXPECT_NE(refusal_of([&] { Record record(folder.path()); }), "accepted") << text;
	}
}

TEST(ImageFile, IsRecordedBeforeItHasAName)
{
	const Folder folder;
	const std::string path = folder.path() + "/main.img";
	const ImageFile image = ImageFile::look(path, 1 << 20, "-M");
	EXPECT_FALSE(image.exists);
	bool told = false;
	FileIdentity identity;
	const Descriptor file = image.open(false, [&](const FileIdentity &found) {
		told = !std::filesystem::exists(path);
		identity = found;
	});
	EXPECT_TRUE(told);
	EXPECT_EQ(identity, identity_of(file.get(), path));
	EXPECT_EQ(std::filesystem::file_size(path), 1u << 20);
	// Somebody else was faster: theirs stays.
	EXPECT_NE(refusal_of([&] { image.open(true, [](const FileIdentity &) {}); }).find("exists"),
		  std::string::npos);
	EXPECT_TRUE(ImageFile::look(path, 1 << 20, "-M").exists);
	EXPECT_EQ(refusal_of([&] { ImageFile::look(path, 2 << 20, "--main-size"); }),
		  path + " exists already and has 1048576 bytes (1 MiB), not 2097152 bytes (2 MiB); it "
			 "stays as it is. --main-size 1048576 uses it with its content");
	EXPECT_NE(refusal_of([&] { ImageFile::look(folder.path(), 1, "-M"); }).find("no regular file"),
		  std::string::npos);
	EXPECT_NE(refusal_of([] { ImageFile::look("/nowhere/x", 1, "-M"); }).find("No such file"),
		  std::string::npos);
}

}  // namespace
}  // namespace dmremap::loopback
