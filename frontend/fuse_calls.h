// SPDX-License-Identifier: GPL-2.0-or-later
// What libfuse calls: one directory with one file.
#pragma once

struct fuse_lowlevel_ops;

namespace remap::frontend {

// `userdata` of the session is the FuseFile.
const fuse_lowlevel_ops &fuse_calls();

}  // namespace remap::frontend
