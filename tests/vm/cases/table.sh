# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# What dm makes of a target: tables that begin elsewhere or hold two targets, rename, removal while
# busy, deferred removal, and the table line that dmsetup prints and takes back.

# Sector 0 of main is sector 5000 of the device; the target is shorter than main.
start_offset() {
    mkdm off "0 5000 linear $FIRST 0" "5000 100000 dm-remap $MAIN $SPARE"
    check "stamps through the device" vm-test-sectors stamp /dev/mapper/off 5000 2000 1 0
    check "main from its first sector on" vm-test-sectors check "$MAIN" 0 2000 1
    matches "a message in sectors of main" "$(vm-test-message -a 5000 off add_remap 100 700 50)" '^0 fits added 100 -> 700'
    matches "also by a sector inside" "$(vm-test-message -a 104999 off status)" '^0 fits .*extents=1;'
    matches "sector 0 is another target's" "$(vm-test-message off status)" '^EINVAL'
    check "data through the remap" vm-test-sectors stamp /dev/mapper/off 5090 80 2 90
    SHIFT=$(vm-test-message -a 5000 off status | tr ';' '\n' | sed -n 's/^spare_reserved=//p')
    check "in its place on the spare" vm-test-sectors check "$SPARE" $(((SHIFT - 16) / 2 + 700)) 50 2 100
    check "main below it is untouched" vm-test-sectors check "$MAIN" 100 50 1
    check "main before it" vm-test-sectors check "$MAIN" 90 10 2
    check "main behind it" vm-test-sectors check "$MAIN" 150 20 2
    # A remap behind the target's end is main's affair: the length is the table's, not the set's.
    matches "main beyond the target can be mapped" "$(vm-test-message -a 5000 off add_remap 150000 9000 8)" '^0 fits'
    eq "in flight" "$(vm-test-message -a 5000 off stats | tr ';' '\n' | sed -n 's/^in_flight=//p')" 0
    vm-test-message -a 5000 off clear_all >/dev/null
    dmsetup remove off
}

two_targets() {
    local half=50000
    mkdm two "0 $half dm-remap $MAIN $SPARE" "$half $half dm-remap $FIRST $SECOND"
    check "stamps" vm-test-sectors stamp /dev/mapper/two 0 100000 3
    vm-test-message two add_remap 1000 0 10 >/dev/null
    vm-test-message -a $half two add_remap 2000 0 20 >/dev/null
    vm-test-message -a $half two add_remap 3000 100 20 >/dev/null
    eq "extents of each" "$(dmsetup status two | awk '{ print $6 }' | paste -sd ' ')" '1 2'
    check "all data" vm-test-sectors check /dev/mapper/two 0 100000 3
    dmsetup remove two
}

rename_and_remove() {
    wipe "$SPARE"
    mkremap old "$MAIN" "$SPARE"
    msg_ok old add_remap 1000 5000 100
    dmsetup rename old new
    eq "extents under the new name" "$(field new extents)" 1
    msg_ok new add_remap 2000 6000 100
    exec {held}</dev/mapper/new
    expect_fail "remove while it is open" dmsetup remove new
    matches "says that it is busy" "$OUTPUT" 'Device or resource busy'
    dmsetup remove --deferred new
    check "a deferred removal waits" dmsetup info new
    msg_ok new remove_remap 2000
    exec {held}<&-
    # shellcheck disable=SC2329 # wait_for calls it
    gone() { ! dmsetup info new; }
    wait_for 10 gone >/dev/null 2>&1 || fail "the deferred removal did not happen"
    pass "and happens when it is closed"
    mkremap again "$MAIN" "$SPARE"
    eq "what was mapped is mapped again" "$(field again extents)" 1
    msg_ok again clear_all
    dmsetup remove again
}

round_trip() {
    local line
    mkremap trip "$MAIN" "$SPARE"
    line=$(dmsetup table trip)
    matches "the table line" "$line" "^0 $(sectors "$MAIN") dm-remap 7:[0-9]+ 7:[0-9]+ 2 set [0-9a-f-]{36}$"
    dmsetup remove trip
    mkdm trip "$line"
    eq "made from its own line" "$(dmsetup table trip)" "$line"
    matches "ima and info do not mix" "$(dmsetup status trip)" ' dm-remap ok 100 0 0 '
    dmsetup remove trip
}

# Nothing of one device reaches the next one on the same disks.
fresh_after_remove() {
    mkremap one "$MAIN" "$SPARE"
    msg_ok one relocate 100 1000
    msg_ok one clear_all
    dmsetup remove one
    mkremap two "$MAIN" "$SPARE"
    eq "extents of the next device" "$(field two extents)" 0
    eq "its last error" "$(last_error two)" ''
    dmsetup remove two
}

# Held devices and held bios do not keep a suspended device from being removed.
remove_suspended() {
    mkremap sus "$MAIN" "$SPARE"
    msg_ok sus add_remap 1000 5000 8
    dmsetup suspend sus
    check "remove while suspended" dmsetup remove sus
    expect_fail "a read of a removed device" dd if=/dev/mapper/sus of=/dev/null count=1 status=none
}

mkloop MAIN 100M
mkloop SPARE 100M
mkloop FIRST 100M
mkloop SECOND 100M
start_offset
two_targets
rename_and_remove
round_trip
fresh_after_remove
remove_suspended
