// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-replay: reads the log of a dm-log-writes device and brings a disk to what it held at any
// moment of it. The format is that of drivers/md/dm-log-writes.c: a superblock, then for each entry a
// head of one sector and its data.
//
//	vm-test-replay list LOG                            a line "INDEX SECTOR SECTORS FLAGS [MARK]" each
//	vm-test-replay apply LOG DEVICE FROM TO [TORN]     entries FROM to TO - 1, and of TO the first
//	                                                   TORN sectors
//
// FLAGS are letters: f flush, u FUA, d discard, m mark. What a discard leaves is left as it was.
#include "stamp.h"

#include <algorithm>
#include <string>
#include <vector>

namespace {

constexpr uint64_t kMagic = 0x6a736677736872;
constexpr uint64_t kFlush = 1, kFua = 2, kDiscard = 4, kMark = 8;
constexpr size_t kHeadBytes = 32;

struct Entry {
	uint64_t sector;
	uint64_t sectors;
	uint64_t flags;
	uint64_t data;	// where in the log
	std::string mark;

	std::string letters() const
	{
		std::string text;
		for (const auto &[flag, letter] : {std::pair{kFlush, 'f'}, std::pair{kFua, 'u'},
						   std::pair{kDiscard, 'd'}, std::pair{kMark, 'm'}})
			if (flags & flag)
				text += letter;
		return text.empty() ? "-" : text;
	}
	bool has_data() const { return sectors && !(flags & kDiscard); }
};

class Log {
public:
	explicit Log(const char *path) : name_(path), fd_(open_device(path, O_RDONLY))
	{
		uint64_t super[4];
		take(super, sizeof(super), 0);
		if (super[0] != kMagic || super[1] != 1) {
			fprintf(stderr, "%s: no log of dm-log-writes\n", path);
			exit(2);
		}
		// Sectors of the log and of what it tells are of this size.
		unit_ = static_cast<uint32_t>(super[3]);
		uint64_t at = unit_;
		for (uint64_t i = 0; i < super[2]; ++i)
			at = read_entry(at);
	}

	const std::vector<Entry> &entries() const { return entries_; }

	// The first `most` sectors of an entry onto a device.
	void apply(const Entry &entry, int device, uint64_t most)
	{
		if (!entry.has_data())
			return;
		const uint64_t bytes = std::min(entry.sectors * unit_, most * kSectorBytes);
		std::vector<char> buffer(bytes);
		take(buffer.data(), bytes, entry.data);
		if (pwrite(device, buffer.data(), bytes, static_cast<off_t>(entry.sector * unit_)) !=
		    static_cast<ssize_t>(bytes))
			die("the replayed device");
	}

private:
	void take(void *to, size_t bytes, uint64_t at)
	{
		if (pread(fd_, to, bytes, static_cast<off_t>(at)) != static_cast<ssize_t>(bytes))
			die(name_);
	}

	uint64_t read_entry(uint64_t at)
	{
		std::vector<char> head(unit_);
		take(head.data(), unit_, at);
		uint64_t words[4];
		memcpy(words, head.data(), kHeadBytes);
		Entry entry{words[0], words[1], words[2], at + unit_, ""};
		if (entry.flags & kMark)
			entry.mark.assign(head.data() + kHeadBytes,
					  strnlen(head.data() + kHeadBytes, words[3]));
		entries_.push_back(entry);
		return entry.data + (entry.has_data() ? entry.sectors * unit_ : 0);
	}

	const char *name_;
	int fd_;
	uint64_t unit_ = kSectorBytes;
	std::vector<Entry> entries_;
};

int list(const Log &log)
{
	for (size_t i = 0; i < log.entries().size(); ++i) {
		const Entry &entry = log.entries()[i];
		printf("%zu %llu %llu %s %s\n", i, static_cast<unsigned long long>(entry.sector),
		       static_cast<unsigned long long>(entry.sectors), entry.letters().c_str(),
		       entry.mark.c_str());
	}
	return 0;
}

int apply(Log &log, char **argv, int argc)
{
	const int device = open_device(argv[3], O_WRONLY);
	const uint64_t from = strtoull(argv[4], nullptr, 10);
	const uint64_t to = strtoull(argv[5], nullptr, 10);
	if (from > to || to > log.entries().size()) {
		fprintf(stderr, "there are %zu entries\n", log.entries().size());
		return 2;
	}
	for (uint64_t i = from; i < to; ++i)
		log.apply(log.entries()[i], device, ~uint64_t{0} / kSectorBytes);
	if (argc > 6 && to < log.entries().size())
		log.apply(log.entries()[to], device, strtoull(argv[6], nullptr, 10));
	if (fsync(device))
		die(argv[3]);
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	const std::string verb = argc > 2 ? argv[1] : "";
	if ((verb != "list" || argc != 3) && (verb != "apply" || argc < 6)) {
		fprintf(stderr, "usage: vm-test-replay list LOG | apply LOG DEVICE FROM TO [TORN]\n");
		return 2;
	}
	Log log(argv[2]);
	return verb == "list" ? list(log) : apply(log, argv, argc);
}
