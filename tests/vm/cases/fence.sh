# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 120
#
# What meets a fence: a write waits and keeps its FUA, for each of the parts that a border makes of
# it; one that may not wait (NOWAIT) is told so at once and nothing of it is written. Main does not
# answer meanwhile, so the fence stays for as long as is looked at it.

# shellcheck disable=SC2329 # wait_for calls it
more() { (($(stat_value r "$1" stats) > $2)); }

# fenced MESSAGE - sends it, which does not end before main answers; its pid is FENCER. Main's `gate`
# is suspended.
fenced() {
    local fences
    fences=$(stat_value r fences stats)
    dmsetup suspend --nolockfs --noflush gate
    # shellcheck disable=SC2086 # words
    dmsetup message r 0 $1 >answer &
    FENCER=$!
    wait_for 10 more fences "$fences" || fail "'$1' raised no fence"
}

# open_gate - main answers again, and the message ends well.
open_gate() {
    check "the fence is still there" running "$FENCER"
    dmsetup resume gate
    check "the message ends well" wait "$FENCER"
}

# Sectors 998 to 1002: two go to main, three wait for the fence and go to the spare.
fua_of_what_waited() {
    local held place writer
    log_under logged_main "$MAIN" LOG_MAIN
    log_under logged_spare "$SPARE" LOG_SPARE
    mklinear gate /dev/mapper/logged_main
    mkremap r /dev/mapper/gate /dev/mapper/logged_spare
    held=$(stat_value r held stats)
    fenced 'add_remap 1000 5000 100'
    place=$(physical r 5000)
    log_mark a logged_main logged_spare
    write_at r 998 5 ,dsync &
    writer=$!
    wait_for 10 more held "$held" || fail "no write waits at the fence"
    check "the write waits" running "$writer"
    open_gate
    check "and ends well" wait "$writer"
    log_mark b logged_main logged_spare
    dmsetup remove r
    dmsetup remove gate
    dmsetup remove logged_main
    dmsetup remove logged_spare
    # shellcheck disable=SC2153 # log_under set both
    entries "$LOG_MAIN" >main.log
    # shellcheck disable=SC2153
    entries "$LOG_SPARE" >spare.log
    keep main.log spare.log
    matches "FUA for what did not wait" "$(between main.log a b)" "(^|[[:space:]])998 2 $FUA"
    matches "FUA for what waited" "$(between spare.log a b)" "(^|[[:space:]])$place 3 $FUA"
    wipe "$SPARE"
}

# nowait SECTOR - one write of 4 KiB that may not wait; what fio says is in nowait.log.
nowait() {
    fio --name=nowait --filename=/dev/mapper/r --ioengine=pvsync2 --direct=1 --nowait=1 \
        --rw=write --bs=4k --offset=$(($1 * 512)) --size=4k >nowait.log 2>&1
}

# shellcheck disable=SC2329 # wait_for calls it
ended() { ! running "$1"; }

# Both ranges are on the spare, which answers at once. One of them is being brought back to main.
told_at_once() {
    local writer
    mklinear gate "$MAIN"
    mkremap r /dev/mapper/gate "$SPARE"
    msg_ok r relocate 2000 96
    msg_ok r relocate 3000 96
    check "stamps" vm-test-sectors stamp /dev/mapper/r 2000 96 4
    fenced 'remove_remap 2000'
    check "NOWAIT beside the fence" nowait 3000
    # One that waits after all cannot be killed before the fence opens.
    nowait 2008 &
    writer=$!
    wait_for 30 ended "$writer" || { dmsetup resume gate; fail "NOWAIT waits at the fence"; }
    ! wait "$writer" || fail "NOWAIT at the fence was written"
    matches "says to try again" "$(<nowait.log)" 'temporarily unavailable|err=11'
    open_gate
    check "and nothing of it was written" vm-test-sectors check /dev/mapper/r 2000 96 4
    eq "an error that is none is not counted" "$(field r write_errors)" 0
    eq "extents" "$(field r extents)" 1
}

mkloop MAIN 64M
mkloop SPARE 64M
fua_of_what_waited
told_at_once
