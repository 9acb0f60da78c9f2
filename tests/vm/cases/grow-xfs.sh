# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 600
# memory: 3072
# set: full
#
# xfs on a disk whose bad sectors grow: it ends itself when its log or its metadata cannot be written,
# so an error that reached it would end the case.

lives_on_bad_disk "mkfs.xfs -q" "xfs_repair -n"
umount mnt
seen_without_us
