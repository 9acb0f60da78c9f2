// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz/image.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace remap::fuzz {
namespace {

using Set = Engine<Host>;

void require(bool condition, const char *what, const char *why = "")
{
	if (condition)
		return;
	std::fprintf(stderr, "broken promise: %s: %s\n", what, why);
	std::abort();
}

void send(Set &set, std::string message)
{
	const std::string whole = message;
	char reply[512];
	std::vector<char *> words;
	for (char *word = strtok(message.data(), " "); word; word = strtok(nullptr, " "))
		words.push_back(word);
	const int done =
		set.message(static_cast<u32>(words.size()), words.data(), reply, sizeof(reply));
	require(done >= 0, "a message of the base set", whole.c_str());
}

void fill(Image &image, bool closed)
{
	Host host(image, true);
	Set set(host);
	Terms terms;
	terms.max_extents = kMaxExtents;
	Refusal why;
	require(set.create({kMainSectors, kSpareSectors, 1}, terms, why).ok(), "create", why.text());
	require(set.start(why).ok(), "start", why.text());
	for (const char *message : {"add_remap 1000 100 8", "add_remap 2000 200 300", "sync",
				    "relocate 5000 16", "add_remap 9 600 1 nocopy", "remove_remap 1003 2"})
		send(set, message);
	if (closed)
		set.postsuspend();
}

using Extents = std::vector<Extent>;

Extents extents_of(const Set &set)
{
	Extents all;
	Extent extent;
	for (Sector at = 0; at < set.main_sectors() && set.table().next(at, &extent);
	     at = extent.main + extent.length)
		all.push_back(extent);
	return all;
}

bool same(const Extents &a, const Extents &b)
{
	return std::equal(a.begin(), a.end(), b.begin(), b.end(),
			  [](const Extent &x, const Extent &y) {
				  return x.main == y.main && x.length == y.length &&
					 x.place == y.place && x.state == y.state &&
					 x.boundary == y.boundary;
			  });
}

// Refused: with a sentence in `why`.
Status load(Image &image, const Terms &terms, bool writable, Extents *extents, bool *sound,
	  Refusal &why)
{
	Host host(image, writable);
	Set set(host);
	Status status = set.create({0, kSpareSectors, 0}, terms, why);
	if (status.ok())
		status = set.start(why);
	if (!status.ok()) {
		require(why.any() || status.error() != Error::damaged, "a refusal has a sentence");
		return status;
	}
	*extents = extents_of(set);
	*sound = set.journal().sound();
	if (writable)
		set.postsuspend();
	return {};
}

// A load that may write changes nothing of what the set says, and leaves it sound.
void mend(Image &image, const Terms &terms, const Extents &before)
{
	Extents mended, after;
	bool sound;
	Refusal why;
	const Status started = load(image, terms, true, &mended, &sound, why);
	if (started.error() == Error::unknown_format)
		return; // may be read, not written
	require(started.ok(), "what can be read can be started", why.text());
	require(same(before, mended), "a start does not change the table");
	const Status again = load(image, {}, false, &after, &sound, why);
	require(again.ok(), "what was mended loads", why.text());
	require(same(before, after), "the table is the same at the next load");
	require(sound, "what was mended is sound");
}

}  // namespace

const Block &Image::block(u64 number) const
{
	static const Block zeros{};
	if (blocks_[number])
		return *blocks_[number];
	return base_ ? base_->block(number) : zeros;
}

Block &Image::change(u64 number)
{
	if (!blocks_[number])
		blocks_[number] = std::make_unique<Block>(block(number));
	return *blocks_[number];
}

IoStatus Image::read(Sector sector, void *buffer, u32 count) const
{
	if (!range_fits(sector, count, kSpareSectors))
		return IoStatus::io;
	u8 *to = static_cast<u8 *>(buffer);
	for (u32 i = 0; i < count; ++i, ++sector, to += kSectorBytes)
		std::memcpy(to, block(sector / kBlockSectors).data() +
					sector % kBlockSectors * kSectorBytes,
			    kSectorBytes);
	return IoStatus::ok;
}

IoStatus Image::write(Sector sector, const void *data, u32 count)
{
	require(range_fits(sector, count, kSpareSectors), "writes stay on the spare");
	const u8 *from = static_cast<const u8 *>(data);
	for (u32 i = 0; i < count; ++i, ++sector, from += kSectorBytes)
		std::memcpy(change(sector / kBlockSectors).data() +
				    sector % kBlockSectors * kSectorBytes,
			    from, kSectorBytes);
	return IoStatus::ok;
}

// Large buffers come back again and again, and are what a sanitizer is slowest at.
struct Kept {
	void *memory = nullptr;
	usize bytes = 0;
};
static Kept kept[8];
static constexpr usize kLarge = 65536;
// A superblock may speak of a main of exabytes: there is no memory for the table of such a one.
static constexpr usize kMost = 1048576;

void Host::deallocate(void *memory, usize bytes)
{
	for (Kept &place : kept)
		if (bytes >= kLarge && !place.memory) {
			place = {memory, bytes};
			return;
		}
	std::free(memory);
}

void *Host::allocate(usize bytes)
{
	for (Kept &place : kept)
		if (place.memory && bytes == place.bytes) {
			void *memory = place.memory;
			place = Kept{};
			std::memset(memory, 0, bytes);
			return memory;
		}
	if (bytes > kMost)
		return nullptr;
	const usize alignment = bytes >= 64 ? 64 : 16;
	void *memory = std::aligned_alloc(alignment, round_up(bytes, alignment));
	std::memset(memory, 0, bytes);
	return memory;
}

IoStatus Host::read(DeviceIndex device, Sector sector, void *buffer, u32 count)
{
	if (device == kFirstSpare)
		return spare_.read(sector, buffer, count);
	std::memset(buffer, 0, usize{count} * kSectorBytes);
	return IoStatus::ok;
}

IoStatus Host::write(DeviceIndex device, Sector sector, const void *data, u32 count)
{
	require(writable_, "a read-only load writes nothing");
	return device == kFirstSpare ? spare_.write(sector, data, count) : IoStatus::ok;
}

const Image &filled_set(bool closed)
{
	static Image images[2];
	static bool filled = false;
	if (!filled) {
		fill(images[0], false);
		fill(images[1], true);
		filled = true;
	}
	return images[closed];
}

Layout layout() { return Layout::of(kSpareSectors, kMaxExtents); }

void load_every_way(Image &image, bool and_mend)
{
	Extents extents;
	bool sound;
	Terms terms;
	Refusal why;
	for (const u32 decisions : {0, 1, 2, 3}) {
		terms.accept_sites = decisions & 1;
		terms.accept_end = decisions & 2;
		if (!load(image, terms, false, &extents, &sound, why).ok())
			continue;
		if (and_mend)
			mend(image, terms, extents);
		return;
	}
}

void edit(Input &input, void *structure, usize bytes)
{
	const u32 how = input.byte();
	usize at = input.number() % bytes;
	for (u32 i = 0; i <= how % 8 && at < bytes; ++i, ++at)
		static_cast<u8 *>(structure)[at] = static_cast<u8>(input.byte());
}

void seal_superblock(Image &image, u32 site, u32 slot)
{
	Block &block = image.change(layout().site(site) / kBlockSectors + slot);
	SuperblockDisk *disk = reinterpret_cast<SuperblockDisk *>(block.data());
	disk->crc = crc_of(*disk);
	// What the newer slot says of it goes with it.
	Block &beside = image.change(layout().site(site) / kBlockSectors + 1 - slot);
	SuperblockDisk *peer = reinterpret_cast<SuperblockDisk *>(beside.data());
	Superblock one, two;
	unpack(*disk, &one);
	unpack(*peer, &two);
	if (!is_whole(*peer) || !newer(two, one))
		return;
	peer->other = disk->crc;
	peer->crc = crc_of(*peer);
}

}  // namespace remap::fuzz
