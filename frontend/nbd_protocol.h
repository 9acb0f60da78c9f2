// SPDX-License-Identifier: GPL-2.0-or-later
// The NBD protocol's numbers, as proto.md of the NetworkBlockDevice project has them. All words on the
// wire are big-endian.
#pragma once

#include <endian.h>

#include <cstring>
#include <string>

#include "core/base/types.h"

namespace remap::frontend::nbd {

inline constexpr u64 kMagic = 0x4e42444d41474943;      // "NBDMAGIC"
inline constexpr u64 kOptionMagic = 0x49484156454f5054; // "IHAVEOPT"
inline constexpr u64 kOptionReplyMagic = 0x3e889045565a9;
inline constexpr u32 kRequestMagic = 0x25609513;
inline constexpr u32 kSimpleReplyMagic = 0x67446698;
inline constexpr u32 kChunkMagic = 0x668e33ef;

// Of the handshake.
inline constexpr u16 kFixedNewstyle = 1;
inline constexpr u16 kNoZeroes = 2;
inline constexpr u32 kClientFlags = kFixedNewstyle | kNoZeroes;

enum Option : u32 {
	kExportName = 1,
	kAbort = 2,
	kList = 3,
	kInfo = 6,
	kGo = 7,
	kStructuredReply = 8,
	kListContexts = 9,
	kSetContexts = 10,
};
enum OptionReply : u32 {
	kAck = 1,
	kServer = 2,
	kInfoReply = 3,
	kContextReply = 4,
	kUnsupported = 0x80000001,
	kInvalid = 0x80000003,
	kUnknown = 0x80000006,
};
inline constexpr u16 kInfoExport = 0;
inline constexpr u16 kInfoBlockSize = 3;

// Of transmission.
inline constexpr u16 kTransmissionFlags = 1 << 0     // has flags
					  | 1 << 2   // flush
					  | 1 << 3   // FUA
					  | 1 << 5   // trim
					  | 1 << 6   // write zeroes
					  | 1 << 8;  // a flush counts for all connections
enum Type : u16 { kRead, kWrite, kDisconnect, kFlush, kTrim, kWriteZeroes = 6, kBlockStatus };
inline constexpr u16 kFua = 1;
inline constexpr u16 kNoHole = 2;
inline constexpr u16 kOneExtent = 8;

inline constexpr u16 kDone = 1; // of a chunk
enum Chunk : u16 { kNone = 0, kOffsetData = 1, kStatus = 5, kError = 0x8001 };

inline constexpr u32 kMaxPayload = 32u << 20;
inline constexpr u32 kMaxOption = 8192;
// In front of the data of an answer: that of a chunk, with the offset.
inline constexpr usize kMaxReplyHead = 28;

struct [[gnu::packed]] RequestHeader {
	u32 magic;
	u16 flags;
	u16 type;
	u64 cookie;
	u64 offset;
	u32 length;
};
static_assert(sizeof(RequestHeader) == 28);

struct [[gnu::packed]] OptionHeader {
	u64 magic;
	u32 option;
	u32 length;
};

// Appends a word, big-endian.
template <class Word> void put(std::string *out, Word word)
{
	for (int shift = 8 * (static_cast<int>(sizeof(Word)) - 1); shift >= 0; shift -= 8)
		out->push_back(static_cast<char>(word >> shift));
}

// Words behind each other in memory that its user has: answers are made without allocating any.
// REQUIRES: room for all of them.
class Words {
public:
	explicit Words(char *at) : begin_(at), end_(at) {}
	template <class Word> Words &put(Word word)
	{
		for (int shift = 8 * (static_cast<int>(sizeof(Word)) - 1); shift >= 0; shift -= 8)
			*end_++ = static_cast<char>(word >> shift);
		return *this;
	}
	usize bytes() const { return static_cast<usize>(end_ - begin_); }

private:
	char *const begin_;
	char *end_;
};

// REQUIRES: sizeof(Word) bytes at `at`.
template <class Word> Word get(const char *at)
{
	u64 word = 0;
	for (usize i = 0; i < sizeof(Word); ++i)
		word = word << 8 | static_cast<unsigned char>(at[i]);
	return static_cast<Word>(word);
}

}  // namespace remap::frontend::nbd
