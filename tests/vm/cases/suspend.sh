# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 240
#
# Suspend, resume and reload of the live table while fio verifies: nothing is lost, remaps survive,
# and messages end when a suspend begins and are refused while it lasts.

# reload NAME - the same table once more.
reload() { dmsetup table "$1" | dmsetup load "$1" && dmsetup resume "$1"; }

under_load() {
    local end=$((SECONDS + $(longer 8))) rounds=0
    verify_begin load /dev/mapper/r "$(longer 8)" --size=8M --bssplit=512/30:4k/40:64k/30
    while ((SECONDS < end)); do
        dmsetup suspend r && dmsetup resume r
        vm-test-message r "relocate $((RANDOM * 3)) $((RANDOM % 64 + 1))" >>messages
        dmsetup suspend --noflush r && dmsetup resume r
        reload r
        vm-test-message r "remove_remap $(list_all r | shuf -n 1 | cut -d' ' -f1)" >>messages
        rounds=$((rounds + 1))
    done
    verify_end load
    echo "  $rounds rounds; $(cut -d' ' -f1 messages | sort | uniq -c | paste -sd ,)"
    ((rounds >= 3)) || fail "too few rounds to mean anything: $rounds"
    eq "held_outside" "$(stat_value r held_outside stats)" 0
    eq "in flight" "$(stat_value r in_flight stats)" 0
}

survive_reload() {
    local before
    msg_ok r clear_all
    msg_ok r add_remap 200000 5000 100
    check "stamps over a remap" vm-test-sectors stamp /dev/mapper/r 199900 300 5
    before=$(list_all r)
    reload r
    eq "remaps after a reload" "$(list_all r)" "$before"
    dmsetup table r | dmsetup load r
    eq "with a second table loaded" "$(list_all r)" "$before"
    dmsetup clear r
    eq "after that table is dropped" "$(list_all r)" "$before"
    check "data after all of it" vm-test-sectors check /dev/mapper/r 199900 300 5
    check "and on the spare" vm-test-sectors check "$SPARE" "$(physical r 5000)" 100 5 200000
}

refused_while_suspended() {
    dmsetup suspend r
    refuses r <<'END'
EBUSY | suspended | add_remap 1000 9000 8
EBUSY | suspended | relocate 1000 8
EBUSY | suspended | remove_remap 200000
EBUSY | suspended | clear_all
EBUSY | suspended | sync
END
    matches "status is answered" "$(stat_value r extents)" '^1$'
    dmsetup resume r
    msg_ok r relocate 1000 8
    msg_ok r remove_remap 1000
}

# A message that runs when a suspend begins ends with EINTR after whole steps; run again it goes on,
# and all steps together are one extent as it was added.
interrupted() {
    local length=$((180 * 2048)) sender mapped remaps
    msg_ok r clear_all
    remaps=$(field r remaps | cut -d/ -f1)
    vm-test-message r "relocate 8 $length" >long &
    sender=$!
    wait_for 20 mapped_some || fail "the message did not begin"
    dmsetup suspend r
    wait "$sender"
    matches "the running message" "$(<long)" '^EINTR '
    mapped=$(field r mapped)
    ((mapped > 0 && mapped < length && mapped % 2048 == 0)) || fail "mapped are $mapped sectors of $length"
    pass "whole steps are kept: $mapped sectors"
    dmsetup resume r
    msg_ok r relocate 8 $length
    eq "the same message again goes on" "$(field r mapped)" "$length"
    eq "as one remap" "$(field r remaps)" $((remaps + 1))/0/0
    msg_ok r remove_remap 100
    eq "which is removed by any sector of it" "$(field r mapped)" 0
}

# shellcheck disable=SC2329 # wait_for calls it
mapped_some() { (($(field r mapped) >= 2048)); }

mkloop MAIN 256M
mkloop SPARE 256M
mkremap r "$MAIN" "$SPARE"
under_load
survive_reload
refused_while_suspended
interrupted
