# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The demonstration shows what it says, and leaves nothing behind.
left() { ls -d "${TMPDIR:-/tmp}"/dmremap-demo-* /run/dm-remap/demo-* "$XDG_RUNTIME_DIR"/dm-remap/demo-* 2>/dev/null; }
BEFORE=$(left)
expect 0 '^All 7 steps hold\.$' "$DMREMAP" demo
cp output told
expect 0 '' grep '^ 4\. That is why: [1-9][0-9]* bad sectors' told
check 'nothing is left' test "$(left)" = "$BEFORE"
# Without what it needs it says so.
mkdir bin
expect 4 'the program mkfs.ext4 is not there' unshare -rm bash -c \
    'for d in /sbin /usr/sbin /usr/local/sbin; do mount --bind bin $d; done; PATH=bin "$0" demo' "$DMREMAP"
