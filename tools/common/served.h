// SPDX-License-Identifier: GPL-2.0-or-later
// Served: a device that a `dmremap serve` serves, through its control socket.
#pragma once

#include <string>

namespace dmremap {

class Served {
public:
	// `name` as given to --name, or the path of a control socket.
	static bool exists(const std::string &name);
	explicit Served(const std::string &name);
	Served(const Served &) = delete;
	Served &operator=(const Served &) = delete;
	~Served();

	// Sends a request of frontend/control.h and returns the answer. Throws Failure with the
	// server's sentence, or when there is no server.
	std::string ask(const std::string &request);

private:
	[[noreturn]] void lost() const;
	void read_more();

	std::string path_;
	std::string buffer_;
	int socket_;
};

}  // namespace dmremap
