# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# ext4, its journal included, while remaps come and go under it.

file_system 200 "mkfs.ext4 -q" "e2fsck -fn"
