// SPDX-License-Identifier: GPL-2.0-or-later
// MemoryDisk: a disk as a test sees it. Sparse sectors over a content of its own, a volatile write
// cache, sectors that cannot be read or written, and a device that fails as a whole.
#pragma once

#include <array>
#include <cstring>
#include <map>

#include "core/platform/io_status.h"
#include "core/base/types.h"

namespace remap::test {

struct Block {
	std::array<u64, kSectorBytes / 8> words;

	bool operator==(const Block &) const = default;
	// A sector that tells where it came from, so that a wrong place shows.
	static Block stamped(u64 stamp)
	{
		Block block;
		for (usize i = 0; i < block.words.size(); ++i)
			block.words[i] = stamp + (u64{i} << 56);
		return block;
	}
	static Block zeros() { return Block{}; }
	u64 stamp() const { return words[0]; }
};

class MemoryDisk {
public:
	using Marks = std::map<Sector, IoStatus>;
	using Content = std::map<Sector, Block>;

	// Of an origin: the disk is blank.
	static constexpr u64 kBlank = 0;

	// Sector s holds `origin + s` until it is written.
	MemoryDisk(Sector sectors, u64 origin) : sectors_(sectors), origin_(origin) {}

	Sector sectors() const { return sectors_; }

	// What a read of the sector would give if it did not fail.
	Block content(Sector sector) const
	{
		const auto cached = cache_.find(sector);
		return cached != cache_.end() ? cached->second : stable(sector);
	}
	// What a power cut would leave of it if it lost the whole cache.
	Block stable(Sector sector) const
	{
		const auto found = stable_.find(sector);
		if (found != stable_.end())
			return found->second;
		return origin_ == kBlank ? Block::zeros() : Block::stamped(origin_ + sector);
	}
	bool is_stable(Sector sector) const { return !cache_.contains(sector); }
	// Every sector that was ever written, as it is now.
	Content written() const
	{
		Content all = stable_;
		for (const auto &[sector, block] : cache_)
			all[sector] = block;
		return all;
	}

	IoStatus read(Sector sector, void *buffer, u32 count)
	{
		++reads;
		if (read_status != IoStatus::ok)
			return read_status;
		if (sector + count > sectors_)
			return IoStatus::io;
		const auto bad = unreadable.lower_bound(sector);
		if (bad != unreadable.end() && bad->first < sector + count)
			return bad->second;
		for (u32 i = 0; i < count; ++i) {
			const Block block = content(sector + i);
			std::memcpy(static_cast<u8 *>(buffer) + usize{i} * kSectorBytes, &block,
				    kSectorBytes);
		}
		return IoStatus::ok;
	}

	// What rots, or what somebody else wrote: it is simply there.
	void put(Sector sector, const Block &block)
	{
		cache_.erase(sector);
		stable_[sector] = block;
	}

	// A write that works makes its sectors readable again, as on a real disk.
	IoStatus write(Sector sector, const void *data, u32 count, bool through = false)
	{
		++writes;
		sectors_written += count;
		if (write_status != IoStatus::ok)
			return write_status;
		if (sector + count > sectors_)
			return IoStatus::io;
		const auto bad = unwritable.lower_bound(sector);
		if (bad != unwritable.end() && bad->first < sector + count)
			return bad->second;
		for (u32 i = 0; i < count; ++i) {
			Block block;
			std::memcpy(&block, static_cast<const u8 *>(data) + usize{i} * kSectorBytes,
				    kSectorBytes);
			cache_[sector + i] = block;
			unreadable.erase(sector + i);
			if (through)
				settle(sector + i);
		}
		return IoStatus::ok;
	}

	IoStatus flush()
	{
		++flushes;
		if (flush_status != IoStatus::ok)
			return flush_status;
		while (!cache_.empty())
			settle(cache_.begin()->first);
		return IoStatus::ok;
	}

	// Power cut: all that was not flushed is gone.
	void crash() { cache_.clear(); }
	// The same, but `survives(sector)` says what had reached the medium all the same.
	template <class Survives> void crash(Survives &&survives)
	{
		for (const auto &[sector, block] : cache_)
			if (survives(sector))
				stable_[sector] = block;
		cache_.clear();
	}

	void fail_all(IoStatus status) { read_status = write_status = flush_status = status; }
	void mark_unreadable(Sector sector, u64 count = 1, IoStatus status = IoStatus::medium)
	{
		for (u64 i = 0; i < count; ++i)
			unreadable[sector + i] = status;
	}
	void mark_unwritable(Sector sector, u64 count = 1, IoStatus status = IoStatus::medium)
	{
		for (u64 i = 0; i < count; ++i)
			unwritable[sector + i] = status;
	}

	Marks unreadable;
	Marks unwritable;
	// The whole device, unless ok.
	IoStatus read_status = IoStatus::ok;
	IoStatus write_status = IoStatus::ok;
	IoStatus flush_status = IoStatus::ok;
	u64 reads = 0;
	u64 writes = 0;
	u64 sectors_written = 0; // asked for
	u64 flushes = 0;

private:
	void settle(Sector sector)
	{
		const auto found = cache_.find(sector);
		stable_[sector] = found->second;
		cache_.erase(found);
	}

	Sector sectors_;
	u64 origin_;
	Content stable_;
	Content cache_;
};

}  // namespace remap::test
