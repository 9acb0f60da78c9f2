# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 120
#
# A spare that does not answer while a table is made holds up this table and no other: devices come,
# work and go meanwhile, and the devices of the one that hangs are taken already.

# shellcheck disable=SC2329 # wait_for calls it
ended() { ! running "$MAKER"; }

# hang_and_go_on - a table over the spare that hangs, and a life of another device meanwhile.
hang_and_go_on() {
    dmsetup suspend --nolockfs --noflush hangs
    mkremap late "$MAIN" /dev/mapper/hangs &
    MAKER=$!
    sleep 2
    check "$1: the table waits for its spare" running "$MAKER"
    check "a device of before takes messages" timeout 60 vm-test-message -p before relocate 1000 8
    check "another device can be made" timeout 60 dmsetup create other --table "0 65536 dm-remap $MAIN2 $SPARE2"
    check "and used" timeout 60 vm-test-message -p other relocate 2000 8
    msg_ok other clear_all
    check "and removed" timeout 60 dmsetup remove other
    expect_fail "the main of the one that hangs is taken" timeout 60 dmsetup create thief --table "0 65536 dm-remap $MAIN $SPARE2"
    matches "at once, not by time" "$OUTPUT" 'Device or resource busy'
    msg_ok before clear_all
    check "one of before can be removed" timeout 60 dmsetup remove before
    check "and made again" timeout 60 dmsetup create before --table "0 65536 dm-remap $MAIN3 $SPARE3"
    check "the table waits still" running "$MAKER"
    dmsetup resume hangs
    wait_for 60 ended || fail "the table is not made when its spare answers"
    wait "$MAKER" || fail "the table that waited was refused"
    msg_ok late relocate 1000 8
    eq "extents" "$(field late extents)" 1
    msg_ok late clear_all
    dmsetup remove late
}

mkloop MAIN 32M
mkloop MAIN2 32M
mkloop MAIN3 32M
mkloop SPARE 32M
mkloop SPARE2 32M
mkloop SPARE3 32M
mklinear hangs "$SPARE"
mkremap before "$MAIN3" "$SPARE3"
hang_and_go_on "blank"
hang_and_go_on "with a set"
