# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# Giving back hundreds of extents, or a long one, to a slow main takes a minute. A suspend does not wait
# for that and neither does a signal: the message ends after the step it is at, and can be sent again.

COUNT=400
LENGTH=65536 # 32 steps

# begin WORDS... - in the background, until it has done something; the process is WALKER.
begin() {
    BEFORE=$(field r mapped)
    vm-test-message -p r "$*" >walked &
    WALKER=$!
    # shellcheck disable=SC2329 # wait_for calls it
    begun() { (($(field r mapped) < BEFORE)); }
    wait_for 20 begun || fail "'$*' did not begin"
}

# stopped WORD... - it ended early: some of what was mapped is gone, and most is there still.
stopped() {
    local left
    left=$(field r mapped)
    ((left < BEFORE && left > BEFORE / 2)) || fail "$1: $left sectors of $BEFORE are mapped still"
    pass "$1: $left sectors of $BEFORE are mapped still"
    eq "mode" "$(field r mode)" ok
}

# shellcheck disable=SC2329 # wait_for calls it
ended() { ! running "$WALKER"; }

suspended() {
    begin "$@"
    check "a suspend during '$*' returns soon" timeout 15 dmsetup suspend --nolockfs r
    wait_for 5 ended || fail "'$*' goes on while suspended"
    wait "$WALKER" || true
    eq "it is refused with" "$(<walked)" EINTR
    stopped "$*"
    dmsetup resume r
}

killed() {
    begin "$@"
    kill -KILL "$WALKER"
    wait_for 10 ended || fail "'$*' cannot be killed"
    wait "$WALKER" || true
    stopped "$*"
}

mkloop MAIN 900M
mkloop SPARE 128M
# Reads at once, writes and flushes after 100 ms.
mkdm slow "0 $(sectors "$MAIN") delay $MAIN 0 0 $MAIN 0 100"
check "stamps" vm-test-sectors stamp "$MAIN" 0 8192 1
mkremap r /dev/mapper/slow "$SPARE"
# Two steps of a message apart, so that no step has two of them.
for ((i = 0; i < COUNT; i++)); do echo "relocate $((i * 4096 + 8)) 8"; done >adds
eq "remaps" "$(vm-test-message -q r <adds)" "$COUNT accepted, 0 refused"
suspended clear_all
killed clear_all
msg_ok r clear_all stale-ok
msg_ok r relocate 0 "$LENGTH"
suspended remove_remap 0 "$LENGTH"
killed remove_remap 0 "$LENGTH"
check "the data" vm-test-sectors check /dev/mapper/r 0 8192 1
eq "in flight" "$(stat_value r in_flight stats)" 0
msg_ok r remove_remap 0 8
