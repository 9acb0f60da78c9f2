# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# Writes that overlap keep their order: those that wait at a fence, those behind a write that
# changes the table, and those that come later and have nothing to wait for any more.

# What is below keeps order by itself, or this case could prove nothing.
control() {
    mklinear plain "$MAIN"
    check "dm-linear on the same disk keeps order" vm-test-order /dev/mapper/plain 0 64 $((SEED = RANDOM)) 100
    dmsetup remove plain
}

# Lost sectors in pieces between active and unmapped ones: each round brings some back to life while
# later writes to them are on their way.
revived() {
    local round
    for ((round = 0; round < 15; round++)); do
        printf 'add_remap %s nocopy\n' '1005 100 7' '1012 200 1' '1020 300 20' '1050 400 3' >lines
        eq "remaps" "$(vm-test-message -q r <lines)" '4 accepted, 0 refused'
        vm-test-order /dev/mapper/r 1000 64 $((SEED + round)) 3 || fail "round $round of seed $SEED: order was lost"
        vm-test-message -q r 'clear_all stale-ok' >/dev/null
    done
    (($(stat_value r deferred stats) > 15)) || fail "hardly a write was deferred"
    pass "order among writes that bring lost sectors back: $(stat_value r deferred stats) deferred"
}

# The same range moves all the while.
moved() {
    touch moving
    while [[ -e moving ]]; do
        printf '%s\n' 'relocate 2000 40' 'relocate 2045 3' 'remove_remap 2010 5' 'remove_remap 2000 10' 'remove_remap 2015 25' 'remove_remap 2045'
    done | vm-test-message -q r >moves &
    MOVER=$!
    check "order while the range moves" vm-test-order /dev/mapper/r 2000 64 "$SEED" "$(longer 600)"
    rm moving
    wait "$MOVER"
    echo "  $(<moves); $(stat_value r held stats) held"
    (($(stat_value r held stats) > 20)) || fail "hardly a write met a fence"
    eq "held_outside" "$(stat_value r held_outside stats)" 0
}

mkloop MAIN 64M
mkloop SPARE 64M
control
mkremap r "$MAIN" "$SPARE"
revived
moved
