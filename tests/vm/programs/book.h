// SPDX-License-Identifier: GPL-2.0-or-later
// Book: what was tried and what was acknowledged, a line each, on a disk or in a file that outlives
// the machine. A line is stable before the next thing is begun.
//
//	try KIND KEY VALUE     about to be done: may be found done, or not
//	done KIND KEY VALUE    acknowledged: must be found, unless something later was tried
//	mark NUMBER            a moment that a replay can come back to
//
// Lines that begin with another word are the case's own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>

#include "stamp.h"

struct Key {
	std::string kind;
	uint64_t number;

	bool operator<(const Key &other) const
	{
		return kind != other.kind ? kind < other.kind : number < other.number;
	}
};

// What may be found: the last value that was acknowledged, 0 if there is none, or one that was tried
// since.
struct Entry {
	uint64_t done = 0;
	std::set<uint64_t> tried;

	bool allows(uint64_t value) const { return value == done || tried.count(value); }
};

class Book {
public:
	explicit Book(const char *path, bool writable = true)
	    : name_(path),
	      fd_(open_device(path, writable ? O_RDWR | O_DSYNC : O_RDONLY))
	{
		char part[65536];
		for (ssize_t got; (got = pread(fd_, part, sizeof(part), end())) > 0;) {
			const size_t length = strnlen(part, static_cast<size_t>(got));
			text_.append(part, length);
			if (length < static_cast<size_t>(got))
				break;
		}
		// The last line may have been torn by a cut: it was never acted upon.
		text_.resize(text_.rfind('\n') + 1);
	}

	const std::string &text() const { return text_; }

	void note(const std::string &line)
	{
		const std::lock_guard<std::mutex> guard(lock_);
		// A NUL ends what an earlier, longer line may have left behind.
		const std::string bytes = line + '\n' + '\0';
		if (pwrite(fd_, bytes.data(), bytes.size(), end()) !=
		    static_cast<ssize_t>(bytes.size()))
			die(name_);
		text_ += line + '\n';
	}

	void tried(const Key &key, uint64_t value) { note("try " + words(key, value)); }
	void done(const Key &key, uint64_t value) { note("done " + words(key, value)); }

	// The entries at mark `last`; with `beyond` also what was tried up to the mark behind it.
	// The highest value of all of the book goes to `newest`.
	std::map<Key, Entry> entries(uint64_t last, bool beyond, uint64_t *newest) const
	{
		std::map<Key, Entry> all;
		std::istringstream lines(text_);
		bool behind = false, over = false;
		for (std::string line; std::getline(lines, line);) {
			std::istringstream in(line);
			std::string word;
			Key key;
			uint64_t value;
			in >> word;
			if (word == "mark" && in >> value) {
				over = over || behind || (value >= last && !beyond);
				behind = behind || value >= last;
			}
			if ((word != "try" && word != "done") ||
			    !(in >> key.kind >> key.number >> value))
				continue;
			*newest = std::max(*newest, value);
			if (over)
				continue;
			Entry &entry = all[key];
			if (word == "try")
				entry.tried.insert(value);
			else if (!behind)
				entry = {value, {}};
		}
		return all;
	}

private:
	off_t end() const { return static_cast<off_t>(text_.size()); }

	static std::string words(const Key &key, uint64_t value)
	{
		return key.kind + ' ' + std::to_string(key.number) + ' ' + std::to_string(value);
	}

	const char *name_;
	int fd_;
	std::string text_;
	std::mutex lock_;
};
