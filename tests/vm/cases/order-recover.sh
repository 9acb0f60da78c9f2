# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# Writes that overlap keep their order while some of them fail and are recovered, among mapped and lost
# sectors.
#
# Main answers before whoever sends it a write goes on (brd), so no two writes are on it at once: those
# have no order, on no disk, and here the older one might be sent again after the newer one.

# What is below keeps order by itself, or this case could prove nothing.
control() {
    mklinear plain "$MAIN"
    check "dm-linear on the same disk keeps order" vm-test-order /dev/mapper/plain 0 64 $((SEED = RANDOM)) 100
    dmsetup remove plain
}

# others_write - elsewhere, one on each processor, without a pause, until others_end: they show that main
# takes writes. Without them a second block would not be remapped, since all of a round may wait for the
# first one. Each has more to write than a round takes.
others_write() {
    local cpu before
    OTHERS=()
    before=$(requests r 5)
    for cpu in 0 1; do
        taskset -c $cpu dd if=/dev/zero of=/dev/mapper/r bs=512 seek=$((10000 + 60000 * cpu)) count=60000 \
            oflag=direct conv=nocreat,notrunc status=none &
        OTHERS+=($!)
    done
    wait_for 30 has_done r 5 $((before + 200)) || fail "the others do not write"
}

others_end() {
    local other
    for other in "${OTHERS[@]}"; do
        running "$other" || fail "the others had ended"
        kill "$other"
        wait "$other" || true
    done
}

# in_order ROUND - behind it nothing is remapped, and what is bad can fail again.
in_order() {
    local status=0
    others_write
    vm-test-order /dev/mapper/r 1000 64 $((SEED + $1)) 3 || status=$?
    ((status != 3)) || fail "round $1 of seed $SEED: a write failed, $(stat_value r verdict health)"
    ((status == 0)) || fail "round $1 of seed $SEED: order was lost"
    others_end
    (($(field r mapped) >= 17)) || fail "only $(field r mapped) sectors were remapped in round $1"
    msg_ok r clear_all stale-ok
}

# Two bad blocks and one bad sector.
recovered() {
    local round
    for ((round = 0; round < $(longer 10); round++)); do
        in_order $round
    done
    pass "order among writes that fail: $(stat_value r recovered stats) recovered"
}

# Bad, good, lost and mapped sectors beside each other.
mixed() {
    local round
    printf '%s\n' 'add_remap 1005 100 5 nocopy' 'add_remap 1012 200 1 nocopy' 'add_remap 1040 300 20' >lines
    for ((round = 0; round < $(longer 5); round++)); do
        eq "remaps" "$(vm-test-message -q r <lines)" '3 accepted, 0 refused'
        in_order $round
    done
    pass "order among all kinds: $(stat_value r recovered stats) recovered, $(stat_value r deferred stats) deferred"
}

SEED=$RANDOM
modprobe brd rd_nr=1 rd_size=65536
MAIN=/dev/ram0
wait_for 10 test -b "$MAIN" || fail "brd made no disk"
mkloop SPARE 64M
TOTAL=$(sectors "$MAIN")
control
mkdm bad "0 1008 linear $MAIN 0" '1008 8 error' "1016 16 linear $MAIN 1016" '1032 1 error' \
    "1033 15 linear $MAIN 1033" '1048 8 error' "1056 $((TOTAL - 1056)) linear $MAIN 1056"
mkremap r /dev/mapper/bad "$SPARE" budget 1000000/3600
recovered
mixed
eq "write errors that went upward" "$(field r write_errors)" 0
eq "held_outside" "$(stat_value r held_outside stats)" 0
eq "in flight" "$(stat_value r in_flight stats)" 0
