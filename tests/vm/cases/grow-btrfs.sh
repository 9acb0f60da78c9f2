# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 600
# memory: 3072
# set: full
#
# btrfs on a disk whose bad sectors grow: a scrub reads all of it and finds no checksum that is wrong,
# and nothing that cannot be read.

lives_on_bad_disk "mkfs.btrfs -q" "btrfs check --readonly --check-data-csum"
# A scrub reads the free sectors between those in use as well, and counts what it cannot read there. So
# all that is free is written once.
dd if=/dev/zero of=mnt/rest bs=1M status=none 2>rest.log || true
matches "the file system is full" "$(<rest.log)" 'No space left'
sync
check "scrub" btrfs scrub start -B mnt
btrfs device stats mnt >errors
eq "errors that btrfs has counted" "$(awk '{ sum += $2 } END { print sum }' errors)" 0
rm mnt/rest
sync
umount mnt
seen_without_us
