// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-life: works on a dm-remap device until the power is cut, and keeps a book (book.h) of what
// was acknowledged; vm-test-survey looks for it in the next life.
//
//	vm-test-life work NAME BOOK DIRECTORY SEED        all at once, until the machine ends
//	vm-test-life steps NAME BOOK DIRECTORY SEED COUNT [LOG...]
//		one thing after the other, and after each a mark in every dm-log-writes device LOG
//	vm-test-life note BOOK WORD...                    a line of the case's own
//	vm-test-life print BOOK
//	vm-test-life reboot                               at once: no sync, as `reboot -ff`
//
// DIRECTORY is where the file system in the lower half of NAME is mounted.
#include "life.h"

#include <linux/reboot.h>
#include <random>
#include <sys/reboot.h>
#include <thread>

namespace {

class Life {
	using Random = std::mt19937_64;

public:
	Life(char **argv)
	    : device_(argv[2]), book_(argv[3]), directory_(argv[4]),
	      seed_(strtoull(argv[5], nullptr, 10)), buffer_(allocate_stamps(kStampSectors))
	{
		for (const auto &[key, entry] : book_.entries(~uint64_t{0}, false, &newest_))
			if (key.kind == "map")
				length_[key.number] = entry.done;
		directory_fd_ = open_device(directory_.c_str(), O_RDONLY | O_DIRECTORY);
		spare_total_ = spare_total();
		named_slots_ = std::min(kMostNamedSlots, spare_total_ / kLongestRemap / 4);
	}

	[[noreturn]] void work()
	{
		std::thread moving([this] {
			forever(1, [this](auto &random) { move(random() % (2 * used_), random); });
		});
		std::thread filing([this] { forever(2, [this](auto &random) { file(random); }); });
		forever(3, [this](auto &random) { stamp(random, true); });
	}

	// In few slots, so that one thing meets what another left. In the end a stamp that was written
	// while it was mapped goes back to main.
	void steps(unsigned long count, char **logs)
	{
		Random random(seed_);
		used_ = 4;
		for (unsigned long i = 1; i + 2 <= count; ++i) {
			const uint64_t kind = random() % 10;
			if (kind < 5)
				move(random() % (2 * used_), random);
			else if (kind < 8)
				stamp(random, kind < 7);
			else
				file(random);
			mark(i, logs);
		}
		used_ = 1;
		if (!length_[device_.first_stamped()])
			move(used_, random);
		stamp(random, true);
		mark(count - 1, logs);
		move(used_, random);
		mark(count, logs);
	}

private:
	void mark(unsigned long number, char **logs)
	{
		book_.note("mark " + std::to_string(number));
		for (char **log = logs; *log; ++log)
			send(marking_, *log, "mark step" + std::to_string(number));
	}

	template <typename Function> [[noreturn]] void forever(uint64_t which, Function function)
	{
		Random random(seed_ * 10 + which);
		for (;;)
			function(random);
	}

	static void send(Control &control, const std::string &name, const std::string &words)
	{
		const Outcome outcome = control.message(name, 0, words, 16384);
		if (!outcome.error)
			return;
		// The kernel stops the disks before it resets the machine; this file is there before that.
		const bool resetting = access("resetting", F_OK) == 0;
		printf("%s: message '%s' to %s: %s\n", resetting ? "cut short" : "FAILED", words.c_str(),
		       name.c_str(), outcome.name());
		exit(1);
	}

	// One remap comes or goes; of those that come, some go where we say.
	void move(uint64_t index, Random &random)
	{
		const uint64_t slot = index < used_ ? index : device_.first_stamped() + index - used_;
		const uint64_t name = index < used_ ? index : kUpperNames + index - used_;
		const std::string at = std::to_string(slot * kSlotSectors);
		uint64_t &length = length_[slot];
		const uint64_t wanted = length ? 0 : random() % kLongestRemap + 1;
		const std::string size = std::to_string(length ? length : wanted);
		const Key key{"map", slot};
		book_.tried(key, wanted);
		if (!wanted)
			send(moving_, device_.name(), "remove_remap " + at + ' ' + size);
		else if (random() % 3 || name >= named_slots_)
			send(moving_, device_.name(), "relocate " + at + ' ' + size);
		else
			send(moving_, device_.name(),
			     "add_remap " + at + ' ' + named_place(name) + ' ' + size);
		book_.done(key, wanted);
		length = wanted;
	}

	// At the end of the data area, where the engine's own choice does not come to.
	std::string named_place(uint64_t index) const
	{
		return std::to_string(spare_total_ - (index + 1) * kLongestRemap);
	}

	uint64_t spare_total()
	{
		const std::string status = moving_.message(device_.name(), 0, "status", 16384).reply;
		const size_t at = status.find("spare_total=");
		return at == std::string::npos ? 0 : strtoull(status.c_str() + at + 12, nullptr, 10);
	}

	// A few stamps and one flush; without a flush nothing is promised of them.
	void stamp(Random &random, bool flushed)
	{
		std::map<uint64_t, uint64_t> written;
		for (uint64_t i = random() % std::min<uint64_t>(used_, 8) + 1; i; --i) {
			const uint64_t slot = device_.first_stamped() + random() % used_;
			const uint64_t generation = next();
			book_.tried({"stamp", slot}, generation);
			for (uint64_t n = 0; n < kStampSectors; ++n)
				buffer_[n].set(slot * kSlotSectors + n, generation);
			write_stamps(slot * kSlotSectors, random() % (kStampSectors - 1) + 1);
			written[slot] = generation;
		}
		if (!flushed)
			return;
		if (fdatasync(device_.fd()))
			die(device_.path());
		for (const auto &[slot, generation] : written)
			book_.done({"stamp", slot}, generation);
	}

	// In two parts, so that one flush covers many writes.
	void write_stamps(uint64_t at, uint64_t border)
	{
		const uint64_t ends[] = {0, border, kStampSectors};
		for (int i = 0; i < 2; ++i) {
			const size_t bytes = (ends[i + 1] - ends[i]) * kSectorBytes;
			if (pwrite(device_.fd(), buffer_ + ends[i], bytes,
				   static_cast<off_t>((at + ends[i]) * kSectorBytes)) !=
			    static_cast<ssize_t>(bytes))
				die(device_.path());
		}
	}

	// A new file takes the place of an old one, as an editor saves.
	void file(Random &random)
	{
		const Key key{"file", random() % kFiles};
		const uint64_t generation = next();
		const std::string name = file_name(directory_, key.number);
		const std::string draft = name + ".new";
		std::vector<Stamp> content(file_sectors(generation));
		for (size_t i = 0; i < content.size(); ++i)
			content[i].set(i, generation);
		const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		const auto bytes = static_cast<ssize_t>(content.size() * kSectorBytes);
		if (fd < 0 || write(fd, content.data(), static_cast<size_t>(bytes)) != bytes || fsync(fd))
			die(draft.c_str());
		close(fd);
		book_.tried(key, generation);
		if (rename(draft.c_str(), name.c_str()) || fsync(directory_fd_))
			die(name.c_str());
		book_.done(key, generation);
	}

	uint64_t next()
	{
		const std::lock_guard<std::mutex> guard(lock_);
		return ++newest_;
	}

	static constexpr uint64_t kMostNamedSlots = 128;
	static constexpr uint64_t kUpperNames = 64;

	Device device_;
	Book book_;
	std::string directory_;
	uint64_t seed_;
	Stamp *buffer_;
	int directory_fd_;
	uint64_t newest_ = 0;
	std::mutex lock_;
	std::map<uint64_t, uint64_t> length_;
	uint64_t spare_total_ = 0;
	uint64_t named_slots_ = 0;
	uint64_t used_ = 64; // slots of each half in which anything happens
	Control moving_;
	Control marking_;
};

} // namespace

int main(int argc, char **argv)
{
	const std::string verb = argc > 1 ? argv[1] : "";
	if (verb == "reboot") {
		reboot(static_cast<int>(LINUX_REBOOT_CMD_RESTART));
		die("reboot");
	}
	if (verb == "print" && argc == 3) {
		fputs(Book(argv[2], false).text().c_str(), stdout);
		return 0;
	}
	if (verb == "note" && argc > 3) {
		std::string line = argv[3];
		for (int i = 4; i < argc; ++i)
			line += std::string(" ") + argv[i];
		Book(argv[2]).note(line);
		return 0;
	}
	setvbuf(stdout, nullptr, _IOLBF, 0);
	if (verb == "work" && argc == 6)
		Life(argv).work();
	if (verb == "steps" && argc > 6) {
		Life(argv).steps(strtoul(argv[6], nullptr, 10), argv + 7);
		return 0;
	}
	fprintf(stderr, "usage: vm-test-life work|steps|note|print|reboot ...\n");
	return 2;
}
