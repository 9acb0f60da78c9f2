# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# A sector that main gives back after many tries is moved to the spare, and whoever reads it sees no
# error. A pending sector that main only claims to have taken back (`heal`) is moved as well.

# bad FIRST SECTORS TARGET - lines of a table of main that has something else there.
bad() { printf '%s\n' "0 $1 linear $MAIN 0" "$1 $2 $3" "$(($1 + $2)) $((TOTAL - $1 - $2)) linear $MAIN $(($1 + $2))"; }

made_again() {
    dmsetup remove --retry r
    mkremap r /dev/mapper/slow "$SPARE" "$@"
}

# The disk comes to itself while the sector is tried again and again.
rescued() {
    local reader before
    before=$(requests slow 1)
    vm-test-sectors check /dev/mapper/r 3000 1 1 &
    reader=$!
    wait_for 30 has_done slow 1 $((before + 3)) || fail "the sector is not tried again"
    running "$reader" || fail "the read ended with it"
    eq "nothing is known of it yet" "$(field r pending) $(field r mapped)" '0 0'
    replace_table bad "$(bad 3000 1 "linear $MAIN 3000")"
    wait "$reader" || fail "a sector that main gave back was not read"
    eq "pending, lost, mapped" "$(field r pending) $(field r lost) $(field r mapped)" '0 0 1'
    eq "remaps_by_read" "$(stat_value r remaps_by_read health)" 1
    eq "read errors that went upward" "$(field r read_errors)" 0
}

# Whatever main does with it from now on.
stays_rescued() {
    replace_table bad "$(bad 3000 1 error)"
    made_again retries 100
    check "it and what is beside it" vm-test-sectors check /dev/mapper/r 2048 2048 1
    eq "mapped" "$(field r mapped)" 1
}

becomes_pending() {
    replace_table bad "$(bad 5000 8 error)"
    made_again heal
    eq "unreadable" "$(unreadable 5000 8 | wc -w)" 16
    eq "pending" "$(field r pending)" 8
}

# Writes are answered, and what is read is what was there before.
not_healed() {
    becomes_pending
    replace_table bad "$(bad 5000 8 "flakey $MAIN 5000 0 3600 1 drop_writes")"
    check "a write of what is pending" vm-test-sectors stamp /dev/mapper/r 5000 4 2
    eq "pending, lost, mapped" "$(field r pending) $(field r lost) $(field r mapped)" '4 0 5'
    eq "healed_sectors" "$(stat_value r healed_sectors stats)" 0
    check "main has what it had" vm-test-sectors check "$MAIN" 5000 8 1
    check "whoever wrote has what is new" vm-test-sectors check /dev/mapper/r 5000 4 2
}

# The same disk when it keeps what it takes.
healed() {
    replace_table bad "$(bad 5000 8 "linear $MAIN 5000")"
    check "a write of the rest" vm-test-sectors stamp /dev/mapper/r 5004 4 2
    eq "pending, lost, mapped" "$(field r pending) $(field r lost) $(field r mapped)" '0 0 5'
    eq "healed_sectors" "$(stat_value r healed_sectors stats)" 4
    check "it is on main" vm-test-sectors check "$MAIN" 5004 4 2
    made_again
    check "all of it when made again" vm-test-sectors check /dev/mapper/r 5000 8 2
}

scratch MAIN 0
scratch SPARE 1
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 32768 1
mkdm bad "$(bad 3000 1 error)"
# So that there is time between two tries.
mkdm slow "0 $TOTAL delay /dev/mapper/bad 0 200 /dev/mapper/bad 0 0"
mkremap r /dev/mapper/slow "$SPARE" retries 100
rescued
stays_rescued
not_healed
healed
eq "mode" "$(field r mode)" ok
