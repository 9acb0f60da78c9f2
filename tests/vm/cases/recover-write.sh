# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 300
#
# Writes that fail on main go to the spare by themselves: exactly the blocks that are bad, durable
# when acknowledged, and a whole bad track under many writes at a time.

# bad_blocks FIRST LENGTH... - the table of a main with these bad sectors.
bad_blocks() {
    local at=0
    while (($#)); do
        echo "$at $(($1 - at)) linear $MAIN $at"
        echo "$1 $2 error"
        at=$(($1 + $2))
        shift 2
    done
    echo "$at $((TOTAL - at)) linear $MAIN $at"
}

# reload_all - everything is forgotten but what is on the disks.
reload_all() {
    dmsetup remove --retry r
    mkremap r /dev/mapper/bad "$SPARE"
}

three_blocks_of_a_megabyte() {
    check "a write of 1 MiB with three bad blocks" \
        dd if=stamps of=/dev/mapper/r bs=1M seek=1 count=1 oflag=direct conv=notrunc status=none
    eq "mapped sectors" "$(field r mapped)" 24
    eq "remaps by operator, write and read" "$(field r remaps)" 0/3/0
    eq "write errors that went upward" "$(field r write_errors)" 0
    eq "the verdict" "$(stat_value r verdict health)" sector
    check "all of it reads back" vm-test-sectors check /dev/mapper/r 2048 2048 2
    eq "nothing is pending or lost" "$(field r pending) $(field r lost)" '0 0'
    reload_all
    check "and from the disks" vm-test-sectors check /dev/mapper/r 2048 2048 2
    check "with what was before" vm-test-sectors check /dev/mapper/r 0 2048 1
    check "and what was behind" vm-test-sectors check /dev/mapper/r 4096 4096 1
}

# The track lies in the middle of where fio writes, so writes elsewhere show that main takes them.
whole_track() {
    local mapped commits recovered
    commits=$(stat_value r commits stats) recovered=$(stat_value r recovered stats)
    verify_begin track /dev/mapper/r 1 --offset=16M --size=16M
    verify_end track
    mapped=$(field r mapped)
    echo "  mapped sectors after the track: $mapped, remaps $(field r remaps)"
    commits=$(($(stat_value r commits stats) - commits)) recovered=$(($(stat_value r recovered stats) - recovered))
    echo "  commits of the track: $commits for $recovered writes"
    ((commits * 2 < recovered)) || fail "the writes of a bad track were not recorded together"
    eq "mapped sectors: the three blocks and the track" "$mapped" $((24 + 2048))
    eq "write errors that went upward" "$(field r write_errors)" 0
    msg_ok r stats
    eq "held_outside" "$(reply_value held_outside)" 0
}

zeros_too() {
    check "write-zeroes over a bad block" blkdiscard -z -o $((100000 * 512)) -l 8192 /dev/mapper/r
    check "are zeros" vm-test-sectors check /dev/mapper/r 100000 16 0
    eq "mapped sectors" "$(field r mapped)" $((24 + 2048 + 8))
}

scratch MAIN 0
scratch SPARE 1
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 32768 1
check "stamps to write" vm-test-sectors stamp "$MAIN" 2048 2048 2
dd if="$MAIN" of=stamps bs=1M skip=1 count=1 status=none
check "stamps on main again" vm-test-sectors stamp "$MAIN" 2048 2048 1
mapfile -t table < <(bad_blocks 2056 8 2808 8 4000 8 49152 2048 100000 8)
mkdm bad "${table[@]}"
mkremap r /dev/mapper/bad "$SPARE"
three_blocks_of_a_megabyte
whole_track
zeros_too
