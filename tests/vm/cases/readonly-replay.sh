# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 60
#
# A read-only table over a set that was cut off in its work: the log is replayed in memory, with one
# of its copies gone as well, and not a byte is written to either device.

# snapshot VARIABLE FILE - a read-only loop device on a copy of a file as it is now.
snapshot() {
    local -n snapshot_result=$1
    sync "$2"
    cp --sparse=always "$2" "$1.copy"
    # shellcheck disable=SC2034 # the caller's variable
    snapshot_result=$(losetup --find --show --read-only "$1.copy")
}

# place FIELD - a position from the superblock of the head site, in sectors (FORMAT.md: regions).
place() { od -An -tu8 -j $((408 + 8 * $1)) -N 8 SPARE.img | tr -d ' '; }

# slot_states - of the head site: 3 is opened, and the newer one alternates.
slot_states() { for slot in 0 1; do od -An -tu1 -j $((slot * 4096 + 80)) -N 1 SPARE.img; done; }

# served LABEL - the copies as they are, by a read-only table.
served() {
    local before
    before="$(cold_hash "$OLD_MAIN") $(cold_hash "$OLD_SPARE")"
    echo "0 $(sectors "$OLD_MAIN") dm-remap $OLD_MAIN $OLD_SPARE" | dmsetup create --readonly live
    eq "$1: extents" "$(field live extents)" 2
    check "$1: what was written" vm-test-sectors check /dev/mapper/live 0 3000 2
    msg live list
    eq "$1: the list" "$REPLY_TEXT" "$LIST"
    dmsetup remove live
    eq "$1: both devices, byte by byte" "$(cold_hash "$OLD_MAIN") $(cold_hash "$OLD_SPARE")" "$before"
}

mkloop MAIN 32M
mkloop SPARE 32M
check "stamps" vm-test-sectors stamp "$MAIN" 0 3000 1
mkremap r "$MAIN" "$SPARE"
msg_ok r relocate 1000 100
msg_ok r add_remap 2000 5000 50
check "new content" vm-test-sectors stamp /dev/mapper/r 0 3000 2
sync /dev/mapper/r
msg r list
LIST=$REPLY_TEXT
snapshot OLD_MAIN MAIN.img
snapshot OLD_SPARE SPARE.img
matches "the set was left open, by the state in either slot" "$(slot_states)" 3
# The copies are the same set, which cannot be in use twice.
dmsetup remove r
served "as it was cut off"

losetup -d "$OLD_SPARE"
dd if=/dev/urandom of=OLD_SPARE.copy bs=512 seek="$(place 0)" count=8 conv=notrunc status=none
OLD_SPARE=$(losetup --find --show --read-only OLD_SPARE.copy)
served "with a block of the head's log gone"
