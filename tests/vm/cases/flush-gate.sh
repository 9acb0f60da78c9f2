# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 120
#
# A flush of the core's and one of a user's are never on a device together: it tells of a lost write
# once, and who was told first would be anybody's guess. Flushes of the spare take 2 s here, and
# dm-delay says how many it has.

pending() { dmsetup status slow | cut -d' ' -f6; }

await_pending() { wait_for 10 test_pending "$1"; }
test_pending() { (($(pending) == $1)); }

# most PID... - the largest number of flushes on the spare until the last of these has ended.
most() {
    local most=0 now pid
    for pid; do
        while running "$pid"; do
            now=$(pending)
            ((now <= most)) || most=$now
            sleep 0.05
        done
    done
    echo "$most"
}

# both FIRST SECOND - the pids: both end well.
both() { wait "$1" && wait "$2"; }

mkloop MAIN 64M
mkloop SPARE 64M
mkremap r "$MAIN" "$SPARE"
dmsetup remove r
mkdm slow "0 $(sectors "$SPARE") delay $SPARE 0 0 $SPARE 0 0 $SPARE 0 2000"
mkremap r "$MAIN" /dev/mapper/slow

sync /dev/mapper/r &
FIRST=$!
sync /dev/mapper/r &
SECOND=$!
eq "flushes of two users at one time" "$(most "$FIRST" "$SECOND")" 2
check "both" both "$FIRST" "$SECOND"

dmsetup message r 0 add_remap 1000 5000 8 >answer &
FIRST=$!
await_pending 1
sync /dev/mapper/r &
SECOND=$!
eq "a flush of a user's while the core flushes" "$(most "$FIRST" "$SECOND")" 1
check "both" both "$FIRST" "$SECOND"

sync /dev/mapper/r &
FIRST=$!
await_pending 1
dmsetup message r 0 add_remap 2000 6000 8 >answer &
SECOND=$!
eq "a flush of the core's while a user flushes" "$(most "$FIRST" "$SECOND")" 1
check "both" both "$FIRST" "$SECOND"
eq "remaps" "$(list_all r | wc -l)" 2
eq "flush_errors" "$(stat_value r flush_errors stats)" 0
