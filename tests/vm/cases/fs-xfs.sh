# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 240
#
# xfs, which reads its log back at each mount, while remaps come and go under it. xfs_repair wants a
# clean log, so an unmount that lost a write would show there.

file_system 320 "mkfs.xfs -q" "xfs_repair -n"
