// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-survey: looks whether all that a book (book.h) says was acknowledged is there, and nothing
// that was not even tried.
//
//	vm-test-survey settle NAME BOOK DIRECTORY     after a cut; what was in doubt is settled
//	vm-test-survey at MARK NAME BOOK DIRECTORY    a replay to exactly this mark
//	vm-test-survey behind MARK NAME BOOK DIRECTORY    somewhere between this mark and the next
//
// Exit status 1, and a line for each thing that is wrong, if any is.
#include "life.h"

namespace {

using Entries = std::map<Key, Entry>;

class Survey {
public:
	Survey(char **argv, Entries &entries)
	    : device_(argv[0]), directory_(argv[2]), entries_(entries)
	{
	}

	int wrong() const { return wrong_; }
	// What was found of each key that was ever tried.
	const std::map<Key, uint64_t> &found() const { return found_; }

	// Each slot has one remap from its beginning on, or none; between slots is nothing.
	void maps()
	{
		read_list();
		for (const auto &[at, length] : stretches_)
			note({"map", at / kSlotSectors}, at % kSlotSectors ? ~uint64_t{0} : length);
		for (const auto &[key, entry] : entries_)
			if (key.kind == "map" && !found_.count(key))
				note(key, 0);
	}

	// Writes in flight may have come to the disk in part, so each sector is asked for itself.
	void stamps()
	{
		Stamp *buffer = allocate_stamps(kStampSectors);
		for (const auto &[key, entry] : entries_) {
			if (key.kind != "stamp")
				continue;
			const uint64_t first = key.number * kSlotSectors;
			if (pread(device_.fd(), buffer, kStampSectors * kSectorBytes,
				  static_cast<off_t>(first * kSectorBytes)) !=
			    static_cast<ssize_t>(kStampSectors * kSectorBytes))
				complain(key, strerror(errno));
			else
				for (uint64_t n = 0; n < kStampSectors; ++n)
					if (mixed(key, buffer[n], first + n))
						break;
			++seen_[key.kind];
		}
	}

	// A file is there as a whole, whichever it is: it was made stable before it got its name.
	void files()
	{
		for (const auto &[key, entry] : entries_)
			if (key.kind == "file")
				note(key, look_at_file(key));
	}

	void print_counts() const
	{
		uint64_t mapped = 0;
		for (const auto &[key, value] : found_)
			mapped += key.kind == "map" && value;
		printf("  %llu remaps of %llu slots, %llu stamps and %llu files as the book says\n",
		       static_cast<unsigned long long>(mapped), count("map"), count("stamp"),
		       count("file"));
	}

private:
	unsigned long long count(const std::string &kind) const
	{
		const auto at = seen_.find(kind);
		return at == seen_.end() ? 0 : at->second;
	}

	void complain(const Key &key, const std::string &what)
	{
		const Entry &entry = entries_[key];
		std::string tried;
		for (const uint64_t value : entry.tried)
			tried += ' ' + std::to_string(value);
		printf("FAILED: %s %llu is %s; acknowledged %llu, tried since:%s\n", key.kind.c_str(),
		       static_cast<unsigned long long>(key.number), what.c_str(),
		       static_cast<unsigned long long>(entry.done), tried.c_str());
		++wrong_;
	}

	void note(const Key &key, uint64_t value)
	{
		found_[key] = value;
		++seen_[key.kind];
		if (!entries_[key].allows(value))
			complain(key, std::to_string(value));
	}

	// The list, with parts of a stretch of main joined wherever they are on the spare.
	void read_list()
	{
		Control control;
		uint64_t end = ~uint64_t{0};
		for (std::string from = "0"; !from.empty();) {
			const Outcome page = control.message(device_.name(), 0, "list " + from, 65536);
			std::istringstream lines(page.reply);
			from.clear();
			for (std::string line; std::getline(lines, line);) {
				unsigned long long main, place, length;
				char state[16];
				if (sscanf(line.c_str(), "%llu %llu %llu %15s", &main, &place, &length,
					   state) == 4) {
					if (state != std::string("active"))
						complain({"map", main / kSlotSectors}, state);
					if (main == end && main % kSlotSectors)
						std::prev(stretches_.end())->second += length;
					else
						stretches_[main] = length;
					end = main + length;
				} else if (line.rfind("next ", 0) == 0) {
					from = line.substr(5);
				}
			}
		}
	}

	bool mixed(const Key &key, const Stamp &found, uint64_t sector)
	{
		const Entry &entry = entries_[key];
		const uint64_t generation = found.is(0, 0) ? 0 : found.words[1];
		if (entry.allows(generation) && found.is(generation ? sector : 0, generation))
			return false;
		char text[80];
		found.describe(text, sizeof(text));
		complain(key, std::string(text) + " at sector " + std::to_string(sector));
		return true;
	}

	uint64_t look_at_file(const Key &key)
	{
		const std::string name = file_name(directory_, key.number);
		const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return 0;
		std::vector<Stamp> content(601);
		const ssize_t got = read(fd, content.data(), content.size() * kSectorBytes);
		close(fd);
		const uint64_t generation =
			got >= static_cast<ssize_t>(kSectorBytes) ? content[0].words[1] : 0;
		if (!generation ||
		    got != static_cast<ssize_t>(file_sectors(generation) * kSectorBytes)) {
			complain(key, "of " + std::to_string(got) + " bytes, generation " +
					      std::to_string(generation));
			return entries_[key].done;
		}
		for (uint64_t i = 0; i < file_sectors(generation); ++i)
			if (check_stamp(content[i], name.c_str(), i, i, generation)) {
				++wrong_;
				break;
			}
		return generation;
	}

	Device device_;
	std::string directory_;
	Entries &entries_;
	std::map<uint64_t, uint64_t> stretches_;
	std::map<Key, uint64_t> found_;
	std::map<std::string, unsigned long long> seen_;
	int wrong_ = 0;
};

// Whatever was in doubt becomes what was found, so that the next life knows; a stamp that was written
// in part is written once more.
void settle(Survey &survey, const Entries &entries, Book &book, char **argv, uint64_t newest)
{
	for (const auto &[key, value] : survey.found())
		if (!entries.at(key).tried.empty())
			book.done(key, value);
	const Device device(argv[0]);
	Stamp *buffer = allocate_stamps(kStampSectors);
	for (const auto &[key, entry] : entries) {
		if (key.kind != "stamp" || entry.tried.empty())
			continue;
		++newest;
		for (uint64_t n = 0; n < kStampSectors; ++n)
			buffer[n].set(key.number * kSlotSectors + n, newest);
		book.tried(key, newest);
		if (pwrite(device.fd(), buffer, kStampSectors * kSectorBytes,
			   static_cast<off_t>(key.number * kSlotSectors * kSectorBytes)) < 0 ||
		    fdatasync(device.fd()))
			die(device.path());
		book.done(key, newest);
	}
}

} // namespace

int main(int argc, char **argv)
{
	const std::string verb = argc > 1 ? argv[1] : "";
	const bool settles = verb == "settle" && argc == 5;
	if (!settles && !((verb == "at" || verb == "behind") && argc == 6)) {
		fprintf(stderr, "usage: vm-test-survey settle|at MARK|behind MARK NAME BOOK DIRECTORY\n");
		return 2;
	}
	char **rest = argv + (settles ? 2 : 3);
	Book book(rest[1], settles);
	uint64_t newest = 0;
	Entries entries = book.entries(settles ? ~uint64_t{0} : strtoull(argv[2], nullptr, 10),
				       verb == "behind", &newest);
	Survey survey(rest, entries);
	survey.maps();
	survey.stamps();
	survey.files();
	if (settles && !survey.wrong())
		settle(survey, entries, book, rest, newest);
	survey.print_counts();
	return survey.wrong() ? 1 : 0;
}
