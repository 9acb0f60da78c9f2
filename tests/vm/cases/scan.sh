# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 300
#
# The scan of main: what is unreadable is found while nobody asks for it, it stands back while somebody
# reads, looks around what has just failed, and goes on after a suspend and when the set is made again.

told() { stat_value r "$1" 'scan status'; }
next_is_beyond() { (($(told scan_next) > $1)); }
passes_are() { (($(told scan_passes) >= $1)); }

# Main with bad sectors in six places: 1 + 8 + 100 + 3 + 1 + 2.
bad_main() {
    mkdm bad \
        "0 5000 linear $MAIN 0" "5000 1 error" \
        "5001 34999 linear $MAIN 5001" "40000 8 error" \
        "40008 19992 linear $MAIN 40008" "60000 100 error" \
        "60100 29900 linear $MAIN 60100" "90000 3 error" \
        "90003 9997 linear $MAIN 90003" "100000 1 error" \
        "100001 31069 linear $MAIN 100001" "131070 2 error"
}

# A pass from beginning to end, by message.
one_pass() {
    local read
    mkremap r /dev/mapper/bad "$SPARE"
    eq "it is off" "$(told scan)" stopped
    msg_err r EINVAL scan now
    msg_ok r scan start
    eq "the answer" "$REPLY_TEXT" "scan started at sector 0"
    wait_for 120 passes_are 1 || fail "the pass does not end: $(told scan_next)"
    eq "it has stopped" "$(told scan)" stopped
    eq "pending" "$(field r pending)" 115
    eq "found" "$(told scan_pending_sectors)" 115
    read=$(told scan_read_sectors)
    ((read > TOTAL && read < TOTAL + 8 * 6144)) || fail "read: $read, not all of it and around the bad places"
    eq "nobody has seen an error" "$(field r read_errors)" 0
    msg r pending
    eq "exactly those" "$(tr '\n' ';' <<<"$REPLY_TEXT" | tr -s ';')" "$PLACES"
    dmsetup remove --retry r
    mkremap r /dev/mapper/bad "$SPARE"
    eq "durably" "$(field r pending)" 115
}

# A rate in the table: over and over; a suspend and a new start in the middle.
goes_on() {
    local at
    replace_table r "0 $TOTAL dm-remap /dev/mapper/bad $SPARE 2 scan_rate 40960"
    matches "the table says so" "$(dmsetup table r)" ' scan_rate 40960$'
    wait_for 60 next_is_beyond 8000 ||
        fail "it does not begin"
    dmsetup suspend r
    at=$(told scan_next)
    sleep 1
    eq "none during a suspend" "$(told scan_next)" "$at"
    dmsetup resume r
    wait_for 60 passes_are 1 || fail "it does not go on"
    msg_ok r scan stop
    eq "stopped" "$(told scan)" stopped
    at=$(told scan_next)
    sleep 1
    eq "which holds" "$(told scan_next)" "$at"
    msg_ok r scan start
    wait_for 60 next_is_beyond $((at + 5000)) ||
        fail "it does not start again"
    msg_ok r scan stop
    at=$(told scan_next)
    dmsetup remove --retry r
    mkremap r /dev/mapper/bad "$SPARE"
    eq "made again, it goes on from there" "$(told scan_next)" "$at"
}

# sectors_in SECONDS - that are scanned.
sectors_in() {
    local before
    before=$(told scan_read_sectors)
    sleep "$1"
    echo $(($(told scan_read_sectors) - before))
}

# Reads of others come first: while they are under way little is scanned, in the moments between two.
stands_back() {
    local alone beside
    replace_table r "0 $TOTAL dm-remap /dev/mapper/bad $SPARE 2 scan_rate 4000000"
    msg_ok r scan start
    alone=$(sectors_in 3)
    fio --name=busy --filename=/dev/mapper/r --rw=randread --bs=4k --iodepth=32 --ioengine=libaio --direct=1 \
        --offset=4m --size=12m --time_based --runtime=12 >busy.log 2>&1 &
    sleep 4
    beside=$(sectors_in 3)
    check "others were at work" running $!
    wait || { cat busy.log; fail "fio ended with an error"; }
    echo "  in 3 s: $alone sectors alone, $beside beside others"
    ((beside * 4 < alone)) || fail "it does not stand back"
    msg_ok r scan stop
}

# reads_of_scan - on their way to main: those of the first half, which nobody else reads.
reads_of_scan() { dmsetup status slow | awk 'NR == 1 { print $4 }'; }

none_of_scan() { (($(reads_of_scan) == 0)); }
user_waits() { (($(dmsetup status slow | awk 'NR == 2 { print $4 }') == 1)); }

# most_in SECONDS - the largest number of them.
most_in() {
    local end=$((SECONDS + $1)) most=0 now
    while ((SECONDS < end)); do
        now=$(reads_of_scan)
        ((now <= most)) || most=$now
        sleep 0.02
    done
    echo "$most"
}

# Main takes 0.2 s for a read of the scan, and 10 s for one of a user's.
one_at_a_time() {
    local at user
    mkloop SPARE 32M
    mkdm slow "0 65536 delay $MAIN 0 200" "65536 65536 delay $MAIN 65536 10000"
    mkremap r /dev/mapper/slow "$SPARE" scan_rate 400000000
    msg_ok r scan start
    check "it runs" wait_for 20 next_is_beyond 0
    eq "the most that are under way" "$(most_in 4)" 1
    check "it is in the first half still" test "$(told scan_next)" -lt 60000
    dd if=/dev/mapper/r of=/dev/null bs=4096 skip=9000 count=1 iflag=direct status=none &
    user=$!
    check "a user waits for his read" wait_for 10 user_waits
    check "what had begun before ends" wait_for 5 none_of_scan
    at=$(told scan_next)
    eq "then none begins" "$(most_in 2)" 0
    eq "and it stays where it is" "$(told scan_next)" "$at"
    check "he waits still" running "$user"
    check "his read" wait "$user"
    check "it goes on" wait_for 20 next_is_beyond "$at"
    msg_ok r scan stop
    dmsetup remove --retry r
    dmsetup remove slow
}

scratch MAIN 0
one_at_a_time
scratch SPARE 1
TOTAL=131072
PLACES='5000 1;40000 8;60000 100;90000 3;100000 1;131070 2;'
check "stamps" vm-test-sectors stamp "$MAIN" 0 20000 1
bad_main
one_pass
goes_on
stands_back
