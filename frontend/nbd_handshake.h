// SPDX-License-Identifier: GPL-2.0-or-later
// The fixed newstyle handshake: bytes in, bytes out, no socket.
#pragma once

#include <string>

#include "core/base/types.h"

namespace remap::frontend::nbd {

struct Export {
	std::string name; // the empty name means it too
	u64 bytes = 0;
	u32 block = 512;
};

class Handshake {
public:
	explicit Handshake(const Export &shown) : export_(shown) {}

	enum class State { running, transmission, over };

	// What is sent before the client says anything.
	static std::string greeting();
	// Takes what it can use off the front of `in`, and appends what is to be answered to `out`.
	State consume(std::string *in, std::string *out);
	bool structured() const { return structured_; }
	// The metadata contexts that the client has chosen (nbd_extents.h), a bit for each id.
	u32 contexts() const { return contexts_; }

private:
	State option(u32 option, const std::string &data, std::string *out);
	State info(u32 option, const std::string &data, std::string *out);
	void contexts(u32 option, const std::string &data, std::string *out);
	bool is_known(const std::string &name) const;

	const Export &export_;
	bool greeted_ = false;
	bool no_zeroes_ = false;
	bool structured_ = false;
	u32 contexts_ = 0;
};

}  // namespace remap::frontend::nbd
