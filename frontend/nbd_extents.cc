// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/nbd_extents.h"

#include <endian.h>

#include <cstring>

#include "host/allocation.h"

namespace remap::frontend::nbd {
namespace {

// Lookups for one answer, so that one client's question does not stop the others.
constexpr u32 kLooks = 1024;

struct Run {
	u64 sectors;
	u32 flags;
};

u32 number_of(State state)
{
	switch (state) {
	case State::active:
		return kOnSpare;
	case State::lost:
		return kLost;
	case State::pending:
		return kPending;
	default:
		return kOnMain;
	}
}

Run run_at(host::Volume &volume, u32 context, Sector sector, u64 limit)
{
	if (context == kContexts[0].id) {
		const host::Run run = host::allocation_at(volume, sector, limit);
		return {run.sectors, run.hole ? kHole : 0};
	}
	const Answer answer = volume.engine().table().lookup(
		sector, min_of<u64>(limit, Table<host::ServingHost>::kMaxCallSectors));
	return {answer.sectors, number_of(answer.state)};
}

void put_extent(char *out, const Run &run)
{
	const u32 words[] = {htobe32(static_cast<u32>(run.sectors * kSectorBytes)),
			     htobe32(run.flags)};
	std::memcpy(out, words, sizeof(words));
}

// Up to `count` extents, as they are on the wire. Returns how many; at least 1.
u32 extents(host::Volume &volume, u32 context, Sector sector, u32 sectors, char *out, u32 count)
{
	u32 used = 0;
	Run last{};
	u64 done = 0;
	for (u32 looks = 0; done < sectors && looks < kLooks; ++looks) {
		const Run run = run_at(volume, context, sector + done, sectors - done);
		done += run.sectors;
		if (used && run.flags == last.flags) {
			last.sectors += run.sectors;
		} else if (used == count) {
			break;
		} else {
			last = run;
			++used;
		}
		put_extent(out + 8 * (used - 1), last);
	}
	return used;
}

} // namespace

std::vector<Context> matching(const std::string &query, bool namespaces)
{
	std::vector<Context> found;
	for (const Context &context : kContexts) {
		const std::string name = context.name;
		if (name == query || (namespaces && name.substr(0, name.find(':') + 1) == query))
			found.push_back(context);
	}
	return found;
}

u32 status_chunks(host::Volume &volume, u32 contexts, const RequestHeader &header, char *out)
{
	const u32 most = header.flags & kOneExtent ? 1 : kExtents;
	u32 bytes = 0;
	for (const Context &context : kContexts) {
		if (!(contexts & 1u << context.id))
			continue;
		contexts &= ~(1u << context.id);
		char *chunk = out + bytes;
		const u32 count = extents(volume, context.id, header.offset / kSectorBytes,
					  header.length / kSectorBytes, chunk + 24, most);
		Words head(chunk);
		head.put<u32>(kChunkMagic).put<u16>(contexts ? 0 : kDone).put<u16>(kStatus);
		head.put<u64>(header.cookie).put<u32>(4 + 8 * count).put<u32>(context.id);
		bytes += static_cast<u32>(head.bytes()) + 8 * count;
	}
	return bytes;
}

} // namespace remap::frontend::nbd
