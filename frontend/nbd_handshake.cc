// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/nbd_handshake.h"

#include "frontend/nbd_extents.h"
#include "frontend/nbd_protocol.h"

namespace remap::frontend::nbd {
namespace {

void reply(std::string *out, u32 option, u32 type, const std::string &data = "")
{
	put<u64>(out, kOptionReplyMagic);
	put<u32>(out, option);
	put<u32>(out, type);
	put<u32>(out, static_cast<u32>(data.size()));
	*out += data;
}

}  // namespace

std::string Handshake::greeting()
{
	std::string out;
	put<u64>(&out, kMagic);
	put<u64>(&out, kOptionMagic);
	put<u16>(&out, kFixedNewstyle | kNoZeroes);
	return out;
}

bool Handshake::is_known(const std::string &name) const
{
	return name.empty() || name == export_.name;
}

Handshake::State Handshake::consume(std::string *in, std::string *out)
{
	if (!greeted_) {
		if (in->size() < sizeof(u32))
			return State::running;
		const u32 flags = get<u32>(in->data());
		if (flags & ~kClientFlags)
			return State::over;
		no_zeroes_ = flags & kNoZeroes;
		greeted_ = true;
		in->erase(0, sizeof(u32));
	}
	while (in->size() >= sizeof(OptionHeader)) {
		const u32 number = get<u32>(in->data() + 8);
		const u32 length = get<u32>(in->data() + 12);
		if (get<u64>(in->data()) != kOptionMagic || length > kMaxOption)
			return State::over;
		if (in->size() < sizeof(OptionHeader) + length)
			return State::running;
		const std::string data = in->substr(sizeof(OptionHeader), length);
		in->erase(0, sizeof(OptionHeader) + length);
		const State state = option(number, data, out);
		if (state != State::running)
			return state;
	}
	return State::running;
}

Handshake::State Handshake::option(u32 number, const std::string &data, std::string *out)
{
	switch (number) {
	case kExportName:
		if (!is_known(data))
			return State::over;
		put<u64>(out, export_.bytes);
		put<u16>(out, kTransmissionFlags);
		if (!no_zeroes_)
			out->append(124, '\0');
		return State::transmission;
	case kAbort:
		reply(out, number, kAck);
		return State::over;
	case kList: {
		std::string name;
		put<u32>(&name, static_cast<u32>(export_.name.size()));
		if (data.empty())
			reply(out, number, kServer, name + export_.name);
		reply(out, number, data.empty() ? kAck : kInvalid);
		return State::running;
	}
	case kStructuredReply:
		structured_ |= data.empty();
		reply(out, number, data.empty() ? kAck : kInvalid);
		return State::running;
	case kListContexts:
	case kSetContexts:
		contexts(number, data, out);
		return State::running;
	case kInfo:
	case kGo:
		return info(number, data, out);
	default:
		reply(out, number, kUnsupported);
		return State::running;
	}
}

// The name's length, the name, how many queries, and each with its length.
void Handshake::contexts(u32 number, const std::string &data, std::string *out)
{
	const bool sets = number == kSetContexts;
	usize at = 0;
	bool whole = structured_ || !sets;
	const auto word = [&] {
		const bool there = whole && data.size() - at >= sizeof(u32);
		whole = there;
		at += there ? sizeof(u32) : 0;
		return there ? get<u32>(data.data() + at - sizeof(u32)) : 0;
	};
	const auto text = [&] {
		const u32 length = word();
		whole = whole && length <= data.size() - at;
		at += whole ? length : 0;
		return whole ? data.substr(at - length, length) : std::string();
	};
	const std::string name = text();
	const u32 queries = word();
	u32 chosen = 0;
	for (u32 i = 0; whole && i < queries; ++i)
		for (const Context &context : matching(text(), !sets))
			chosen |= 1u << context.id;
	if (!whole || at != data.size())
		return reply(out, number, kInvalid);
	if (!is_known(name))
		return reply(out, number, kUnknown);
	if (!sets && !queries)
		chosen = ~0u;
	for (const Context &context : kContexts) {
		if (!(chosen & 1u << context.id))
			continue;
		std::string found;
		put<u32>(&found, sets ? context.id : 0);
		reply(out, number, kContextReply, found + context.name);
	}
	if (sets)
		contexts_ = chosen;
	reply(out, number, kAck);
}

// The name's length, the name, how many kinds of information are wanted, and which.
Handshake::State Handshake::info(u32 number, const std::string &data, std::string *out)
{
	const u64 length = data.size() >= 6 ? get<u32>(data.data()) : ~u64{0};
	if (data.size() < 6 || length > data.size() - 6 ||
	    data.size() - 6 - length != 2 * usize{get<u16>(data.data() + 4 + length)}) {
		reply(out, number, kInvalid);
		return State::running;
	}
	if (!is_known(data.substr(4, length))) {
		reply(out, number, kUnknown);
		return State::running;
	}
	std::string text;
	put<u16>(&text, kInfoExport);
	put<u64>(&text, export_.bytes);
	put<u16>(&text, kTransmissionFlags);
	reply(out, number, kInfoReply, text);
	text.clear();
	put<u16>(&text, kInfoBlockSize);
	put<u32>(&text, export_.block);
	put<u32>(&text, 4096);
	put<u32>(&text, kMaxPayload);
	reply(out, number, kInfoReply, text);
	reply(out, number, kAck);
	return number == kGo ? State::transmission : State::running;
}

}  // namespace remap::frontend::nbd
