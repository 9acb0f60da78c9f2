# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# A suspend, with flush and without, finds writes that wait at a fence and writes that change the
# table: each is finished or handed back, in order, and none is forgotten.
#
# dm itself loses the order of what it held over a suspend and what comes right after it (seen with
# dm-linear, a few times in 400 rounds of this): it resumes while no round of writes is being sent.

# suspending - suspends and resumes until the file `suspending` is gone; the number is in `rounds`.
suspending() {
    local rounds=0
    while [[ -e suspending ]]; do
        dmsetup suspend r && flock resume dmsetup resume r
        dmsetup suspend --noflush r && flock resume dmsetup resume r
        dmsetup table r | dmsetup load r && flock resume dmsetup resume r
        rounds=$((rounds + 1))
    done
    echo "$rounds" >rounds
}

# Lost sectors come back to life by writes that follow closely on each other.
revived() {
    local round
    printf 'add_remap %s nocopy\n' '1005 100 7' '1012 200 1' '1020 300 20' '1050 400 3' >lines
    for ((round = 0; round < $(longer 2); round++)); do
        # Any of the messages may meet a suspend and be interrupted: all are sent until each was taken.
        until [[ $(field r extents) == 4 ]]; do vm-test-message -q r <lines >/dev/null; done
        vm-test-order /dev/mapper/r 1000 64 $((SEED + round)) 3 resume || fail "round $round of seed $SEED: order was lost"
        until [[ $(field r extents) == 0 ]]; do vm-test-message -q r 'clear_all stale-ok' >/dev/null; done
    done
}

# The range moves all the while.
moved() {
    touch moving
    while [[ -e moving ]]; do
        printf '%s\n' 'relocate 2000 40' 'remove_remap 2010 5' 'remove_remap 2000 10' 'remove_remap 2015 25'
    done | vm-test-message -q r >moves &
    MOVER=$!
    check "order while the range moves, seed $SEED" vm-test-order /dev/mapper/r 2000 64 "$SEED" "$(longer 30)" resume
    rm moving
    wait "$MOVER"
}

SEED=$RANDOM
mkloop MAIN 64M
mkloop SPARE 64M
mkremap r "$MAIN" "$SPARE"
touch suspending resume
suspending &
SUSPENDER=$!
revived
pass "order among writes that bring lost sectors back: $(stat_value r deferred stats) deferred"
moved
rm suspending
wait "$SUSPENDER"
echo "  $(<rounds) rounds of suspends; $(<moves); $(stat_value r held stats) held"
(($(<rounds) >= 3)) || fail "only $(<rounds) rounds of suspends"
(($(stat_value r deferred stats) > 2)) || fail "hardly a write was deferred"
(($(stat_value r held stats) > 2)) || fail "hardly a write met a fence"
eq "in flight" "$(stat_value r in_flight stats)" 0
