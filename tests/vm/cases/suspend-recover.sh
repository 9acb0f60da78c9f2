# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# Suspends, with flush and without, find writes and reads that fail and queue up for their recovery
# behind a slow spare. Without flush they are handed back to dm, which sends them again: each ends as it
# would have ended, and none is forgotten.

# Of each 32 KiB of the first 4 MiB the last block of 4 KiB is bad. Whoever writes all 32 shows by the others
# that main takes writes, or only the first of several that fail could be remapped.
BLOCKS=128 DISTANCE=64

bad_main() {
    local i at
    for ((i = 0; i < BLOCKS; i++)); do
        at=$((i * DISTANCE))
        echo "$at $((DISTANCE - 8)) linear $MAIN $at"
        echo "$((at + DISTANCE - 8)) 8 error"
    done
    at=$((BLOCKS * DISTANCE))
    echo "$at 512 linear $MAIN $at"
    echo "$((at + 512)) 8 error"
    at=$((at + 520))
    echo "$at $((TOTAL - at)) linear $MAIN $at"
}

# reading - what cannot be read stays so, and all the rest can be read, until the file `reading` is gone.
reading() {
    local rounds=0 got
    while [[ -e reading ]]; do
        got=$(unreadable $((BLOCKS * DISTANCE + 500)) 32)
        [[ $got == "$UNREADABLE" ]] || {
            echo "$got" >misread
            return
        }
        rounds=$((rounds + 1))
    done
    echo "$rounds" >rounds_read
}

under_load() {
    local rounds=0 recovered
    recovered=$(stat_value r recovered stats)
    touch reading
    reading &
    READER=$!
    verify_begin load /dev/mapper/r 1 --size=4M --bs=32k
    while running "$FIO_PID"; do
        dmsetup suspend --noflush r && sleep 0.02 && dmsetup resume r
        sleep 0.1
        dmsetup suspend r && dmsetup resume r
        sleep 0.1
        rounds=$((rounds + 1))
    done
    verify_end load
    rm reading
    wait "$READER"
    [[ ! -e misread ]] || fail "unreadable were '$(<misread)', and '$UNREADABLE' before"
    recovered=$(($(stat_value r recovered stats) - recovered))
    echo "  $rounds rounds, $recovered writes recovered, $(<rounds_read) rounds of reads"
    ((rounds >= 3)) || fail "only $rounds rounds"
    ((recovered >= BLOCKS)) || fail "only $recovered writes failed and were recovered"
}

# Writes that wait for their recovery when the suspend begins: it does not wait for them.
handed_back() {
    local i mapped writers=()
    for ((i = 0; i < 64; i++)); do
        dd if=/dev/zero of=/dev/mapper/r bs=32k seek=$i count=1 oflag=direct conv=nocreat,notrunc status=none &
        writers+=($!)
    done
    wait_for 20 mapped_some || fail "nothing is recovered"
    dmsetup suspend --noflush r
    mapped=$(field r mapped)
    eq "in flight while suspended" "$(stat_value r in_flight stats)" 0
    ((mapped < 64 * 8)) || fail "the suspend waited for all recoveries"
    pass "blocks that were recovered before it: $((mapped / 8)) of 64"
    dmsetup resume r
    for i in "${writers[@]}"; do
        wait "$i" || fail "a write that was handed back failed"
    done
    eq "mapped" "$(field r mapped)" $((64 * 8))
    dmsetup remove --retry r
    mkremap r /dev/mapper/bad /dev/mapper/slow
    check "what they wrote" vm-test-sectors check /dev/mapper/r 0 $((64 * DISTANCE)) 0
}

# shellcheck disable=SC2329 # wait_for calls it
mapped_some() { (($(field r mapped) >= 8)); }

slow_spare() { echo "0 $(sectors "$SPARE") delay $SPARE 0 0 $SPARE 0 4"; }

scratch MAIN 0
scratch SPARE 1
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 40000 1
mapfile -t table < <(bad_main)
mkdm bad "${table[@]}"
modprobe dm-delay
mkdm slow "$(slow_spare)"
mkremap r /dev/mapper/bad /dev/mapper/slow
UNREADABLE=$(unreadable $((BLOCKS * DISTANCE + 500)) 32)
eq "unreadable sectors" "$(wc -w <<<"$UNREADABLE")" 16
under_load
eq "lost, pending and mapped" "$(field r lost) $(field r pending) $(field r mapped)" "0 8 $((BLOCKS * 8))"
eq "write errors that went upward" "$(field r write_errors)" 0
eq "in flight" "$(stat_value r in_flight stats)" 0
dmsetup remove --retry r
check "stamps, made again" vm-test-sectors stamp "$MAIN" 0 $((64 * DISTANCE)) 1
scratch SPARE 2
replace_table slow "$(slow_spare)"
mkremap r /dev/mapper/bad /dev/mapper/slow
handed_back
eq "write errors that went upward" "$(field r write_errors)" 0
eq "in flight" "$(stat_value r in_flight stats)" 0
