# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 420
# memory: 3072
#
# ext4 lives on a disk whose bad sectors grow while it works: copies and fio see no error, and what
# was written reads back, also when the set was made again.

lives_on_bad_disk "mkfs.ext4 -q -b 4096" "e2fsck -fn"
umount mnt
seen_without_us
