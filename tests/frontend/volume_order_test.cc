// SPDX-License-Identifier: GPL-2.0-or-later
// Writes that overlap keep their order, also where files in memory let one end before the next that waits
// has been looked at.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "host/volume.h"

namespace remap::host {
namespace {

constexpr u64 kBytes = u64{64} << 20;

// A file that lies in memory and has no name any more.
class MemoryFile {
public:
	MemoryFile() : path_(made()), file_(path_, Access::read_write) { unlink(path_.c_str()); }
	DeviceFile &file() { return file_; }

private:
	static std::string made()
	{
		char name[] = "/dev/shm/dm-remap-test-XXXXXX";
		const int fd = mkstemp(name);
		if (fd < 0 || ftruncate(fd, static_cast<off_t>(kBytes)) != 0)
			throw std::runtime_error("no file in /dev/shm");
		close(fd);
		return name;
	}

	std::string path_;
	DeviceFile file_;
};

struct Write final : IoRequest {
	Write(Sector at, u32 count, u8 value, std::function<void()> after)
	    : bytes(count * kSectorBytes + 4096, value), then(std::move(after))
	{
		op = Op::write;
		sector = at;
		sectors = count;
		data = bytes.data() + (4096 - reinterpret_cast<uintptr_t>(bytes.data()) % 4096);
	}
	void ended() override { then(); }

	std::vector<u8> bytes;
	std::function<void()> then;
};

struct Begin final : Task {
	explicit Begin(std::function<void()> what) : begin(std::move(what)) {}
	void run() override { begin(); }
	std::function<void()> begin;
};

TEST(VolumeOrder, WhoComesWhileOthersAreLookedAtWaitsForThem)
{
	MemoryFile main, spare;
	ASSERT_TRUE(main.file().is_in_memory());
	Faults faults;
	Reactor reactor;
	ServingHost host(reactor, main.file(), spare.file(), faults, "test");
	Volume volume(reactor, host);
	Refusal why;
	ASSERT_TRUE(volume.open({main.file().sectors(), spare.file().sectors(), 1, 8}, {}, why).ok());
	volume.begin();
	u32 open = 4;
	const auto one_less = [&] {
		if (--open)
			return;
		volume.presuspend();
		reactor.stop();
	};
	// The first revives lost sectors, so the writer has it; two wait for it. The second of these must
	// be done before what the end of the first of them brings.
	Write revives(1000, 8, 1, one_less);
	Write late(1008, 8, 4, one_less);
	Write wide(1000, 16, 3, one_less);
	Write narrow(1000, 8, 2, [&] {
		volume.submit(late);
		one_less();
	});
	Begin begin([&] {
		volume.submit(revives);
		volume.submit(narrow);
		volume.submit(wide);
	});
	// A message waits for turns of the reactor.
	int added = 0;
	std::thread asks([&] {
		char word[5][16] = {"add_remap", "1000", "200", "8", "nocopy"}, reply[256];
		char *words[] = {word[0], word[1], word[2], word[3], word[4]};
		added = volume.engine().message(5, words, reply, sizeof(reply));
		reactor.post(begin);
	});
	reactor.run();
	asks.join();
	volume.close();
	ASSERT_EQ(added, 1);

	alignas(4096) u8 found[16 * kSectorBytes];
	ASSERT_EQ(spare.file().read(volume.engine().layout().physical(200), found, 8), IoStatus::ok);
	EXPECT_EQ(found[0], 3) << "the range that two writes waited for";
	ASSERT_EQ(main.file().read(1008, found, 8), IoStatus::ok);
	EXPECT_EQ(found[0], 4) << "the newest write was overtaken by an older one";
}

}  // namespace
}  // namespace remap::host
