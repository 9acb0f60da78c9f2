// SPDX-License-Identifier: GPL-2.0-or-later
// Messages: lines sent to an engine that has a few extents. Afterwards every place has one owner and is
// inside the data area, and a reply never outgrows its room.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "fuzz/image.h"
#include "fuzz/words.h"

using namespace remap;
using namespace remap::fuzz;

namespace {

constexpr usize kRoom = 600;

void require(bool condition, const char *what)
{
	if (condition)
		return;
	std::fprintf(stderr, "broken promise: %s\n", what);
	std::abort();
}

void check_books(const Engine<Host> &engine)
{
	const Sector data = engine.layout().data_sectors();
	std::vector<bool> owned(data);
	Extent extent;
	for (Sector at = 0; at < kMainSectors && engine.table().next(at, &extent);
	     at = extent.main + extent.length) {
		if (extent.state == State::pending)
			continue;
		const Sector place = extent.place;
		require(range_fits(place, extent.length, data), "places are in the data area");
		for (u64 i = 0; i < extent.length; ++i) {
			require(!owned[place + i], "a place has one owner");
			owned[place + i] = true;
		}
	}
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, usize bytes)
{
	Image image(&filled_set(true));
	Host host(image, true);
	Engine<Host> engine(host);
	Refusal why;
	require(engine.create({kMainSectors, kSpareSectors, 1}, {}, why).ok(), "create");
	require(engine.start(why).ok(), "start");
	std::istringstream in(std::string(reinterpret_cast<const char *>(data), bytes));
	std::string line;
	for (u32 i = 0; i < 8 && std::getline(in, line); ++i) {
		Words words(line);
		std::vector<char> reply(kRoom); // with a fence of ASan's at its end
		const int done =
			engine.message(words.count(), words.pointers(), reply.data(), kRoom);
		require(std::memchr(reply.data(), 0, kRoom), "a reply ends");
		require(done >= 0 || !reply[0], "a refusal has no reply");
	}
	check_books(engine);
	return 0;
}
