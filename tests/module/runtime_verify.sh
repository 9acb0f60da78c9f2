#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a user relies on first, in the order of the quick start: 10 checks. Run through
# tests/runtime_verify.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The range of the quick start.
RANGE='1000 100'

target_is_registered() {
    local line
    line=$(dmsetup targets | grep -E '^(dm-)?remap ')
    grep -q '^dm-remap ' <<<"$line" || wrong "dmsetup targets shows '$line'"
    found "$(tr -s ' ' <<<"$line")"
}

creates_and_round_trips() {
    local table
    create_device
    table=$(dmsetup table "$NAME")
    # dm prints devices as major:minor; what it prints must be accepted again.
    [[ $table =~ ^0\ 1024000\ dm-remap\ [0-9]+:[0-9]+\ [0-9]+:[0-9]+ ]] || wrong "the table is '$table'"
    dmsetup load "$NAME" --table "$table"
    dmsetup resume "$NAME"
    equal "the table after a reload with itself" "$(dmsetup table "$NAME")" "$table"
    found "$table"
}

status_line_is_complete() {
    local line flags
    line=$(dmsetup status "$NAME")
    [[ $line =~ ^0\ 1024000\ dm-remap\ (ok|degraded|readonly|fail)\ [0-9]+\ [0-9]+\ [0-9]+\ [0-9]+/[0-9]+\ [0-9]+/[0-9]+(\ [0-9]+){4}\ [0-9]+/[0-9]+/[0-9]+\ [0-9]+\ [0-9]+\ [0-9]+ ]] ||
        wrong "the line is '$line'"
    flags=$(field 14)
    equal "words behind the number of flags" "$(wc -w <<<"$line")" $((3 + 14 + flags))
    equal "mode" "$(field 1)" ok
    equal "health" "$(field 2)" 100
    found "$line"
}

remaps_and_says_so() {
    echo "$RANGE" | write_pattern "$DEVICE" 1
    message "add_remap 1000 5000 100" >"$DIR/reply"
    [[ -s $DIR/reply ]] || wrong "there was no reply"
    equal "extents" "$(extents)" 1
    equal "mapped sectors" "$(mapped)" 100
    klog_since "$MARK" | grep -q 'Added remap: 1000 -> 5000 (length: 100)' ||
        wrong "the kernel log has no line 'Added remap: 1000 -> 5000 (length: 100)'"
    equal "list" "$(message list)" "1000 5000 100 active"
    found "$(cat "$DIR/reply")"
}

data_goes_to_the_spare() {
    echo "$RANGE" | check_pattern "$DEVICE" 1
    echo "$RANGE" | write_pattern "$DEVICE" 2
    echo "$RANGE" | check_pattern "$DEVICE" 2
    echo "$RANGE" | check_pattern "$MAIN" 1
    # The sectors on both sides of the range are main's.
    printf '%s\n' '999 1' '1100 1' | write_pattern "$DEVICE" 3
    printf '%s\n' '999 1' '1100 1' | check_pattern "$MAIN" 3
}

counters_move() {
    local reads writes
    reads=$(value remapped_reads stats) writes=$(value remapped_writes stats)
    echo "$RANGE" | write_pattern "$DEVICE" 2
    echo "$RANGE" | check_pattern "$DEVICE" 2
    (($(value remapped_reads stats) > reads)) || wrong "remapped_reads stays at $reads"
    (($(value remapped_writes stats) > writes)) || wrong "remapped_writes stays at $writes"
    message clear_stats
    equal "remapped_reads after clear_stats" "$(value remapped_reads stats)" 0
}

# refused_as MESSAGE REGEX - the errno reaches dmsetup, the sentence last_error and the log.
refused_as() {
    local sentence
    ! message "$1" >/dev/null 2>&1 || wrong "'$1' was accepted"
    sentence=$(value last_error)
    [[ $sentence =~ $2 ]] || wrong "the sentence for '$1' is '$sentence'"
    klog_since "$MARK" | grep -qF -- "$sentence" || wrong "the kernel log does not have '$sentence'"
}

refusals_change_nothing() {
    local before
    before="$(listing) $(extents) $(mapped) $(buckets)"
    refused_as "add_remap 1050 9000 8" 'mapped already'
    refused_as "add_remap 8000 5050 8" 'in use already'
    refused_as "add_remap 1023999 9000 2" 'beyond main'
    refused_as "add_remap 8000 99999999 8" 'beyond the data area'
    refused_as "add_remap 8000 9000 0" 'at least'
    refused_as "add_remap eight 9000 8" 'not a number'
    refused_as "remove_remap 8000" 'nothing is mapped'
    refused_as "nonsense" 'unknown message'
    equal "the table" "$(listing) $(extents) $(mapped) $(buckets)" "$before"
    echo "$RANGE" | check_pattern "$DEVICE" 2
    found "8 refusals, each with its sentence in last_error and in the kernel log"
}

removal_copies_back() {
    echo "$RANGE" | write_pattern "$DEVICE" 4
    message "remove_remap 1000"
    equal "extents" "$(extents)" 0
    equal "spare in use" "$(field 5 | cut -d/ -f1)" 0
    echo "$RANGE" | check_pattern "$DEVICE" 4
    echo "$RANGE" | check_pattern "$MAIN" 4
}

file_system_does_not_notice() {
    mkfs.ext4 -q -F "$DEVICE"
    mkdir -p "$DIR/mnt"
    mount "$DEVICE" "$DIR/mnt"
    copy_files "$DIR/mnt/files" 40
    adds 0 300 | messages >/dev/null
    message "relocate 600000 4096"
    verify_files "$DIR/mnt/files"
    removes 0 150 | messages >/dev/null
    copy_files "$DIR/mnt/more" 20 40
    umount "$DIR/mnt"
    e2fsck -fn "$DEVICE"
    mount "$DEVICE" "$DIR/mnt"
    verify_files "$DIR/mnt/files"
    verify_files "$DIR/mnt/more"
    umount "$DIR/mnt"
    equal "extents" "$(extents)" 151
    found "301 ranges remapped and 150 given back, $(cat "$DIR"/*.sums | wc -l) files unharmed"
}

leaves_nothing_behind() {
    message clear_all
    equal "health" "$(field 2)" 100
    equal "I/O in flight" "$(value in_flight stats)" 0
    equal "I/O held back outside a fence" "$(value held_outside stats)" 0
    dmsetup remove --retry "$NAME"
    # The spare can be used again at once, and main alone has everything.
    e2fsck -fn "$MAIN"
    create_device
    equal "extents of a new device" "$(extents)" 0
    dmsetup remove --retry "$NAME"
    no_complaints
}

begin "The module at work" 10
make_loops 500M
check "the target is registered" target_is_registered
check "a table is accepted and reads back as it was given" creates_and_round_trips
check "the status line is complete" status_line_is_complete
check "add_remap 1000 5000 100 is answered and logged" remaps_and_says_so
check "a remapped range keeps its data; new data goes to the spare" data_goes_to_the_spare
check "the counters move, and clear_stats zeroes them" counters_move
check "what is refused is refused with its reason and changes nothing" refusals_change_nothing
check "remove_remap copies the newest data back to main" removal_copies_back
check "a mounted ext4 does not notice remaps that come and go" file_system_does_not_notice
check "clear_all and dmsetup remove leave nothing behind" leaves_nothing_behind
finish
