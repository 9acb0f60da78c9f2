# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 120
#
# `dmsetup wait` wakes an administrator when more sectors are lost or pending, at the first remap in a
# budget window, when the spare fills up to 80, 90 and 100 % and when the mode changes, and lets him sleep otherwise. `dmremap events` tells of the same.

events() { dmsetup info -c --noheadings -o events "$1" | tr -d ' '; }

# shellcheck disable=SC2329 # wait_for calls it
asleep() { grep -qs dm_wait_event "/proc/$(pgrep -x "${1:-dmsetup}")/stack"; }

# wakes DESCRIPTION WORDS... - the message ends a `dmsetup wait` that began before it.
wakes() { wakes_by "$1" msg_ok live "${@:2}"; }

# wakes_by DESCRIPTION COMMAND... - what the command does ends one.
wakes_by() {
    local description=$1 before waiter
    shift
    before=$(events live)
    timeout 20 dmsetup wait live "$before" >waited &
    waiter=$!
    wait_for 10 asleep || fail "dmsetup does not wait"
    "$@"
    wait "$waiter" || fail "dmsetup wait did not end: $description"
    eq "events: $description" "$(events live)" $((before + 1))
}

# silent DESCRIPTION WORDS... - the message is no event.
silent() { silent_by "$1" msg_ok live "${@:2}"; }

# silent_by DESCRIPTION COMMAND... - what the command does is none.
silent_by() {
    local description=$1 before
    shift
    before=$(events live)
    "$@"
    sleep 0.3
    eq "no event: $description" "$(events live)" "$before"
}

# stamp SECTOR - a block of 4 KiB; read_one SECTOR fails.
stamp() { check "a write of $1" vm-test-sectors stamp /dev/mapper/live "$1" 8 2; }
read_one() {
    expect_fail "a read of $1" dd if=/dev/mapper/live of=/dev/null bs=512 skip="$1" count=1 iflag=direct status=none
}

# Windows of an hour, and then of a second.
remaps_by_themselves() {
    wakes_by "the first remap in a window" stamp 7000
    silent_by "a write that succeeds" stamp 7100
    silent_by "the second in this window" stamp 7200
    replace_table live "0 $TOTAL dm-remap /dev/mapper/main $SPARE 2 budget 2/1"
    sleep 1.2
    silent_by "a write that succeeds" stamp 7100
    wakes_by "the first in the next window" stamp 7304
    eq "remaps" "$(field live remaps)" 0/3/0
    replace_table live "0 $TOTAL dm-remap /dev/mapper/main $SPARE"
}

pending_sectors() {
    wakes_by "a new pending sector" read_one 7500
    eq "pending" "$(field live pending)" 1
    silent_by "one that is pending already" read_one 7500
    wakes_by "another one" read_one 7501
    silent_by "a write to them" stamp 7496
    eq "pending" "$(field live pending)" 0
}

lost_sectors() {
    silent "a remap" add_remap 1000 5000 100
    silent "its removal" remove_remap 1000
    wakes "sectors that cannot be copied" relocate 3000 8
    eq "lost" "$(field live lost)" 2
    wakes "more of them, by nocopy" add_remap 4000 9000 4 nocopy
    check "a write revives" vm-test-sectors stamp /dev/mapper/live 4000 4 2
    silent "a remap when fewer are lost" relocate 5000 8
    wakes "lost again" add_remap 4100 9100 1 nocopy
    check "all are written" vm-test-sectors stamp /dev/mapper/live 3000 1101 2
}

tool_tells() {
    local before waiter
    before=$(events live)
    timeout 20 dmremap events live --count 2 >lines &
    waiter=$!
    wait_for 10 asleep dmremap || fail "dmremap does not wait"
    msg_ok live add_remap 6000 9800 1 nocopy
    wait_for 10 grep -q . lines || fail "dmremap events told nothing"
    eq "its line" "$(<lines)" "$((before + 1)) $(dmsetup status live)"
    check "the sector is written" vm-test-sectors stamp /dev/mapper/live 6000 1 2
    wait_for 10 asleep dmremap || fail "dmremap does not wait again"
    msg_ok live add_remap 6001 9801 1 nocopy
    wait "$waiter" || fail "dmremap events did not end"
    eq "the second" "$(tail -n 1 lines)" "$((before + 2)) $(dmsetup status live)"
    eq "what has passed is told at once" "$(timeout 10 dmremap events live --from "$before" --count 1)" \
        "$((before + 2)) $(dmsetup status live)"
    check "this one is written, too" vm-test-sectors stamp /dev/mapper/live 6001 1 2
}

# Who waits for a device that goes is told so.
device_goes() {
    local waiter status=0
    timeout 20 dmremap events live >lines 2>&1 &
    waiter=$!
    wait_for 10 asleep dmremap || fail "dmremap does not wait"
    check "the device goes" timeout 10 dmsetup remove live
    wait "$waiter" || status=$?
    eq "exit status of dmremap events" "$status" 4
    cat lines
}

spare_fills() {
    local total total_events marks percent at=40000 size=0
    replace_table main "0 $(sectors "$MAIN") linear $MAIN 0"
    # The limits of the device are those of the table below it when it was loaded.
    dmsetup table live | dmsetup load live && dmsetup resume live
    msg_ok live clear_all
    total=$(stat_value live spare_total)
    silent "the spare up to 79 %" relocate $at $((total * 79 / 100))
    for percent in 80 90 100; do
        at=$((at + size + total * 79 / 100 * (percent == 80)))
        size=$(((total * percent + 99) / 100 - $(field live spare | cut -d/ -f1)))
        wakes "the spare at $percent %" relocate $at $size
        logged "the kernel log: $percent %" "the spare is $percent % full"
    done
    silent "sectors given back" remove_remap $at
    wakes "full once more" relocate $at $size
    silent "all given back" clear_all
    # In steps of 1 MiB, each of which passes one mark at most. Events that come faster than they can
    # be told are told as one.
    total_events=$(events live)
    marks=$(marks_logged)
    msg_ok live relocate 40000 "$total"
    wait_for 5 told || fail "no event on the way to 100 %"
    eq "marks logged on the way to 100 %" $(($(marks_logged) - marks)) 3
    sleep 0.3
    (($(events live) <= total_events + 3)) || fail "$(($(events live) - total_events)) events for 3 marks"
    pass "$(($(events live) - total_events)) events for them"
}

# The copy and the site at the spare's tail fail, then all of it.
modes() {
    local total tail waiter before mode
    dmsetup remove live
    wipe "$SPARE"
    mklinear spare "$SPARE"
    mkremap live /dev/mapper/main /dev/mapper/spare
    total=$(sectors "$SPARE") tail=$(($(sectors "$SPARE") - 16))
    for mode in degraded readonly; do
        if [[ $mode == degraded ]]; then
            replace_table spare "0 $tail linear $SPARE 0" "$tail 16 error"
        else
            replace_table spare "0 $total error"
        fi
        before=$(events live)
        timeout 20 dmsetup wait live "$before" >waited &
        waiter=$!
        wait_for 10 asleep || fail "dmsetup does not wait"
        msg live sync
        wait "$waiter" || fail "dmsetup wait did not end when the mode became $mode"
        eq "mode" "$(field live mode)" "$mode"
        eq "events when it became $mode" "$(events live)" $((before + 1))
    done
    logged "the kernel log: degraded" "the set is degraded: a site or a copy of its metadata cannot be written"
    logged "the kernel log: readonly" "the metadata can no longer be written; what is mapped is served, nothing changes"
}

# shellcheck disable=SC2329 # wait_for calls it
told() { (($(events live) > total_events)); }

marks_logged() { klog_since "bench: start $CASE_NAME" | grep -cE 'the spare is [0-9]+ % full'; }

mkloop MAIN 64M
mkloop SPARE 16M
TOTAL=$(sectors "$MAIN")
mkdm main "0 3003 linear $MAIN 0" "3003 2 error" "3005 3995 linear $MAIN 3005" "7000 8 error" \
    "7008 192 linear $MAIN 7008" "7200 8 error" "7208 96 linear $MAIN 7208" "7304 8 error" \
    "7312 188 linear $MAIN 7312" "7500 2 error" "7502 $((TOTAL - 7502)) linear $MAIN 7502"
mkremap live /dev/mapper/main "$SPARE"
remaps_by_themselves
pending_sectors
lost_sectors
tool_tells
spare_fills
modes
device_goes
