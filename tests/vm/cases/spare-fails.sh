# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# The spare's own failures. A place that refuses a write is bad for ever, and the write takes the next
# one; a read that fails there is an error. When no place is left, a write that fails on main is told
# so, and nobody else notices. Blocks are of 4 KiB, so that a bad one is one place.

# spare_with_bad_places PLACE... - data sectors of r: 8 from each on refuse everything.
spare_with_bad_places() {
    local at=0 place first lines=()
    for place; do
        first=$(physical r "$place")
        ((first == at)) || lines+=("$at $((first - at)) linear $SPARE $at")
        lines+=("$first 8 error")
        at=$((first + 8))
    done
    replace_table spare "${lines[@]}" "$at $(($(sectors "$SPARE") - at)) linear $SPARE $at"
}

# place_of SECTOR - where this extent of r is.
place_of() { list_all r | awk -v at="$1" '$1 == at { print $2 }'; }

bad_places() { eq "bad places" "$(stat_value r bad_places health)" "$1"; }

# main_works - a write to main succeeds, so main is not read-only, and the next one that fails may be
# remapped.
main_works() { check "main takes a write" vm-test-sectors stamp /dev/mapper/r 104 8 4; }

a_new_place_fails() {
    check "a write to a bad block" vm-test-sectors stamp /dev/mapper/r 5000 8 2
    FIRST=$(place_of 5000)
    main_works
    spare_with_bad_places $((FIRST + 8))
    check "a write whose place fails" vm-test-sectors stamp /dev/mapper/r 6000 8 2
    SECOND=$(place_of 6000)
    eq "takes the next one" "$SECOND" $((FIRST + 16))
    bad_places 8
    eq "spare in use: two blocks and the bad one" "$(field r spare | cut -d/ -f1)" 24
}

a_used_place_fails() {
    spare_with_bad_places "$FIRST"
    expect_fail "a read of a place that went bad" \
        dd if=/dev/mapper/r of=/dev/null bs=4096 skip=625 count=1 iflag=direct status=none
    eq "makes nothing lost, pending or bad" \
        "$(field r lost) $(field r pending) $(stat_value r bad_places health)" '0 0 8'
    check "a write to it" vm-test-sectors stamp /dev/mapper/r 5000 8 3
    eq "takes another place" "$(place_of 5000)" $((FIRST + 24))
    bad_places 16
    eq "mapped sectors" "$(field r mapped)" 16
    eq "write errors that went upward" "$(field r write_errors)" 0
    check "its content" vm-test-sectors check /dev/mapper/r 5000 8 3
}

# The spare is well again, and full at the end: had a bad place been handed out, it would be in the list.
never_again() {
    dmsetup remove --retry r
    replace_table spare "0 $(sectors "$SPARE") linear $SPARE 0"
    mkremap r /dev/mapper/main /dev/mapper/spare
    bad_places 16
    check "contents" vm-test-sectors check /dev/mapper/r 5000 8 3
    check "contents" vm-test-sectors check /dev/mapper/r 6000 8 2
    msg_ok r relocate 40000 $(($(stat_value r spare_total) - 32))
    eq "the spare is full" "$(field r spare | cut -d/ -f1)" "$(stat_value r spare_total)"
    eq "extents in a bad place" "$(list_all r | awk -v first="$FIRST" \
        'function has(place) { return $2 < place + 8 && place < $2 + $3 }
         has(first) || has(first + 8) { print }')" ''
}

# A write to the last free place, and one that finds none.
no_place_is_left() {
    local before waiter
    msg_ok r remove_remap 40000 8
    main_works
    check "a write that takes the last place" vm-test-sectors stamp /dev/mapper/r 7000 8 2
    eq "mode" "$(field r mode)" ok
    main_works
    sleep 6 # the lines of new places have used up what is logged of one kind in five seconds
    before=$(dmsetup info -c --noheadings -o events r)
    timeout 20 dmsetup wait r "$before" >waited &
    waiter=$!
    wait_for 10 grep -qs dm_wait_event "/proc/$(pgrep -x -n dmsetup)/stack" || fail "dmsetup does not wait"
    expect_fail "a write that finds none" \
        dd if=/dev/zero of=/dev/mapper/r bs=4096 seek=1000 count=1 oflag=direct conv=nocreat,notrunc status=none
    matches "says" "$OUTPUT" 'Input/output error'
    wait "$waiter" || fail "dmsetup wait did not end"
    pass "dmsetup wait ended"
    eq "verdict" "$(stat_value r verdict health)" spare_full
    eq "mode" "$(field r mode)" degraded
    eq "write errors" "$(field r write_errors)" 1
    logged "the kernel log: the spare" 'the spare is 100 % full'
    logged "the kernel log: the write" 'a write of sector 8000 failed .*, nothing is remapped: no place on the spare is left'
    logged "the kernel log: the mode" 'the set is degraded: a bad block found no place on the spare, which is full'
}

others_notice_nothing() {
    check "a write to main" vm-test-sectors stamp /dev/mapper/r 8008 512 5
    check "is read" vm-test-sectors check /dev/mapper/r 8008 512 5
    check "a write to the spare" vm-test-sectors stamp /dev/mapper/r 41000 512 5
    check "is read" vm-test-sectors check /dev/mapper/r 41000 512 5
    check "what was redirected last" vm-test-sectors check /dev/mapper/r 7000 8 2
    check "a write to what was redirected" vm-test-sectors stamp /dev/mapper/r 7000 8 3
    check "is read" vm-test-sectors check /dev/mapper/r 7000 8 3
    check "a flush" sync /dev/mapper/r
    eq "lost and pending" "$(field r lost) $(field r pending)" '0 0'
    eq "write errors are still" "$(field r write_errors)" 1
    msg_ok r remove_remap 40008 8
    eq "mode, when a place is free again" "$(field r mode)" ok
    check "the write that found none" vm-test-sectors stamp /dev/mapper/r 8000 8 2
    check "is read" vm-test-sectors check /dev/mapper/r 8000 8 2
}

mkloop MAIN 64M 4096
mkloop SPARE 8M 4096
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 65536 1
mkdm main "0 5000 linear $MAIN 0" '5000 8 error' "5008 992 linear $MAIN 5008" '6000 8 error' \
    "6008 992 linear $MAIN 6008" '7000 8 error' "7008 992 linear $MAIN 7008" '8000 8 error' \
    "8008 $((TOTAL - 8008)) linear $MAIN 8008"
mklinear spare "$SPARE"
mkremap r /dev/mapper/main /dev/mapper/spare
a_new_place_fails
a_used_place_fails
never_again
no_place_is_left
others_notice_nothing
