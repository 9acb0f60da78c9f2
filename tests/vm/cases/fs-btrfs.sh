# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# btrfs, which has a checksum for every block, while remaps come and go under it: a stale or
# misplaced block is an error in its check of data and of metadata.

file_system 320 "mkfs.btrfs -q" "btrfs check --readonly --check-data-csum"
