// SPDX-License-Identifier: GPL-2.0-or-later
// A Unix socket that listens at a path.
#pragma once

#include <string>

namespace remap::host {

// One that a process left behind, and nobody listens on, is replaced; anything else that is there is
// not. Throws OpenFailure.
int listen_on_socket(const std::string &path, unsigned mode);
// -1: nobody listens there (errno).
int connect_to_socket(const std::string &path);

// Where servers of this user keep their sockets: /run/dm-remap, or below XDG_RUNTIME_DIR.
std::string run_directory();
// The control socket of the device that is served under this name; a name with a slash is the path.
std::string socket_path(const std::string &name);

}  // namespace remap::host
