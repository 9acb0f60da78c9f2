// SPDX-License-Identifier: GPL-2.0-or-later
// A short life of a set with fixed random numbers, and its metadata as text: what format version 1
// looks like, for ever. No test framework is needed, so that it runs on any machine.
//
// A line is a sector that is not all zeros: its number, and its bytes in hexadecimal without the
// zeros at the end.
#pragma once

#include <fstream>
#include <sstream>

#include "core/engine/engine.h"
#include "tests/unit/memory_host.h"

namespace remap::test {

class History {
public:
	static constexpr Sector kMainSectors = 65536;
	static constexpr Sector kSpareSectors = 8192;

	History() : host_(kMainSectors, kSpareSectors, MemoryDisk::kBlank), engine_(host_) {}

	// false: something was refused that must not be.
	bool open()
	{
		Terms terms;
		std::strcpy(terms.main_id, "WDC-1234");
		Refusal why;
		return engine_.create({kMainSectors, kSpareSectors, 1}, terms, why).ok() &&
		       engine_.start(why).ok();
	}

	// Everything that leaves its own kind of trace; `closed`: a clean end.
	bool live(bool closed)
	{
		host_.main.mark_unreadable(1010, 3);
		bool good = true;
		for (const char *message :
		     {"add_remap 1000 500 100", "add_remap 1100 600 50", "relocate 40000 300",
		      "remove_remap 1130 20", "sync", "add_remap 2000 2000 16 nocopy",
		      "remove_remap 1100", "relocate 50000 1"})
			good = good && send(message) >= 0;
		if (closed) {
			engine_.presuspend();
			engine_.postsuspend();
		}
		return good;
	}

	// What `list` says, and where each added range begins.
	std::string listing()
	{
		send("list");
		std::string text = reply_;
		Extent extent;
		for (Sector at = 0; engine_.table().next(at, &extent);) {
			Sector start = 0;
			u64 length = 0;
			engine_.table().added_extent(extent.main, &start, &length);
			text += std::to_string(start) + "+" + std::to_string(length) + "\n";
			at = extent.main + extent.length;
			if (at >= kMainSectors)
				break;
		}
		return text;
	}

	std::string metadata() const
	{
		std::string text;
		const Layout &layout = engine_.layout();
		for (const auto &[sector, block] : host_.spare.written()) {
			const bool middle = sector >= layout.middle_site() &&
					    sector < layout.middle_site() + kSiteSectors;
			if (block == Block::zeros() || (sector >= layout.data() &&
							sector < layout.data_end() && !middle))
				continue;
			text += std::to_string(sector) + " " + hex(block) + "\n";
		}
		return text;
	}

	void put_metadata(const std::string &text)
	{
		std::istringstream lines(text);
		Sector sector;
		for (std::string bytes; lines >> sector >> bytes;) {
			Block block = Block::zeros();
			u8 *to = reinterpret_cast<u8 *>(&block);
			for (usize i = 0; i + 1 < bytes.size() && i / 2 < kSectorBytes; i += 2)
				to[i / 2] = static_cast<u8>(
					std::stoul(bytes.substr(i, 2), nullptr, 16));
			host_.spare.put(sector, block);
		}
	}

private:
	static std::string hex(const Block &block)
	{
		const u8 *bytes = reinterpret_cast<const u8 *>(&block);
		usize count = kSectorBytes;
		while (count && !bytes[count - 1])
			--count;
		std::string text;
		for (usize i = 0; i < count; ++i) {
			text += "0123456789abcdef"[bytes[i] >> 4];
			text += "0123456789abcdef"[bytes[i] & 15];
		}
		return text;
	}

	int send(const std::string &message)
	{
		std::istringstream stream(message);
		std::vector<std::string> words;
		for (std::string word; stream >> word;)
			words.push_back(word);
		std::vector<char *> argv;
		for (std::string &word : words)
			argv.push_back(word.data());
		char buffer[4096];
		const int result = engine_.message(static_cast<u32>(argv.size()), argv.data(),
						   buffer, sizeof(buffer));
		reply_ = buffer;
		return result;
	}

	MemoryHost host_;
	Engine<MemoryHost> engine_;
	std::string reply_;
};

// Without the lines that begin with '#'.
inline std::string file_text(const std::string &path)
{
	std::ifstream file(path);
	std::string text;
	for (std::string line; std::getline(file, line);)
		if (line[0] != '#')
			text += line + "\n";
	return text;
}

// "" when the image in `folder` is written as it was, and loads as it was; else what is wrong.
inline std::string image_fault(const std::string &folder, bool closed)
{
	const std::string name = folder + (closed ? "/v1-clean" : "/v1-open");
	const std::string golden = file_text(name + ".hex");
	History writer;
	if (golden.empty() || !writer.open() || !writer.live(closed))
		return name + ".hex is missing, or the history cannot be run";
	if (writer.metadata() != golden)
		return "the same history writes other bytes than " + name + ".hex";
	History reader;
	reader.put_metadata(golden);
	if (!reader.open())
		return name + ".hex cannot be loaded";
	if (reader.listing() != file_text(name + ".list"))
		return name + ".hex loads as something else than " + name + ".list";
	return "";
}

}  // namespace remap::test
