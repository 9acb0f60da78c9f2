// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/common/system_failure.h"

namespace dmremap::loopback {
namespace {

constexpr const char *kFirstLine = "dm-remap-loopback-setup 1";
constexpr const char *kComplete = "complete";
constexpr const char *kEnd = "end";

// One word, whatever bytes the name has.
std::string escaped(const std::string &name)
{
	std::string text;
	for (const char c : name)
		text += c > ' ' && c != '%' && c != 127
				? std::string(1, c)
				: fmt::format("%{:02x}", static_cast<unsigned char>(c));
	return text;
}

std::string unescaped(const std::string &text)
{
	std::string name;
	for (size_t at = 0; at < text.size(); ++at) {
		if (text[at] != '%' || at + 2 >= text.size()) {
			name += text[at];
			continue;
		}
		name += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
		at += 2;
	}
	return name;
}

std::string to_line(const Made &thing)
{
	if (thing.kind == Made::Kind::mapped)
		return fmt::format("mapped {} {}", thing.uuid, escaped(thing.name));
	return fmt::format("{} {} {} {}", thing.kind == Made::Kind::file ? "file" : "loop",
			   thing.identity.device, thing.identity.inode, escaped(thing.name));
}

bool parse_line(const std::string &line, Made *thing)
{
	std::istringstream words(line);
	std::string kind;
	words >> kind;
	if (kind == "mapped") {
		thing->kind = Made::Kind::mapped;
		words >> thing->uuid;
	} else {
		thing->kind = kind == "file" ? Made::Kind::file : Made::Kind::loop;
		words >> thing->identity.device >> thing->identity.inode;
	}
	std::string name;
	words >> name;
	thing->name = unescaped(name);
	return !words.fail() && (kind == "mapped" || kind == "file" || kind == "loop");
}

void write_file(const std::string &path, const std::string &text)
{
	const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
	    fsync(file.get()) != 0)
		fail(path + " cannot be written", errno);
}

}  // namespace

Record::Record(const std::string &folder) : path_(folder + "/record")
{
	std::error_code error;
	std::filesystem::create_directories(folder, error);
	if (error)
		fail(folder + " cannot be made", error.value());
	const std::string name = folder + "/lock";
	lock_ = Descriptor(open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	if (!lock_)
		fail(name, errno);
	if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
		throw Failure(ExitCode::busy, "another dm-remap-loopback-setup is at work");
	read();
}

Record Record::peek(const std::string &folder)
{
	Record record;
	record.path_ = folder + "/record";
	record.read();
	return record;
}

void Record::read()
{
	std::ifstream in(path_);
	if (!in && errno != ENOENT)
		fail(path_, errno);
	exists_ = static_cast<bool>(in);
	bool ended = !exists_;
	uint64_t number = 0;
	for (std::string line; std::getline(in, line);) {
		Made thing;
		++number;
		if (number == 1 ? line != kFirstLine : ended)
			throw Failure(ExitCode::wrong_device,
				      fmt::format("{}:{}: '{}' was not written by this version",
						  path_, number, line));
		if (number == 1)
			continue;
		if (line == kComplete)
			complete_ = true;
		else if (line == kEnd)
			ended = true;
		else if (parse_line(line, &thing))
			made_.push_back(thing);
		else
			throw Failure(ExitCode::wrong_device,
				      fmt::format("{}:{}: '{}' is not understood", path_, number,
						  line));
	}
	if (!ended)
		throw Failure(ExitCode::wrong_device, path_ + " breaks off");
}

void Record::write() const
{
	std::string text = fmt::format("{}\n", kFirstLine);
	for (const Made &thing : made_)
		text += to_line(thing) + '\n';
	text += fmt::format("{}{}\n", complete_ ? "complete\n" : "", kEnd);
	const std::string fresh = path_ + ".new";
	write_file(fresh, text);
	if (rename(fresh.c_str(), path_.c_str()) != 0)
		fail(path_ + " cannot be written", errno);
	const std::string folder = std::filesystem::path(path_).parent_path();
	const Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!directory || fsync(directory.get()) != 0)
		fail(folder, errno);
}

void Record::begin()
{
	exists_ = true;
	write();
}

void Record::add(const Made &thing)
{
	made_.push_back(thing);
	write();
}

void Record::drop_last()
{
	made_.pop_back();
	write();
}

void Record::set_complete()
{
	complete_ = true;
	write();
}

void Record::remove()
{
	if (unlink(path_.c_str()) != 0 && errno != ENOENT)
		fail(path_, errno);
	exists_ = complete_ = false;
	made_.clear();
}

}  // namespace dmremap::loopback
