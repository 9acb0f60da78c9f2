# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# A device tells of a lost write once, to whoever flushes next. When that is dm-remap, the next flush of a
# user's fails as well, and that one only, also when a spare was added in between. Flushes of main take 5 s
# here, so that it can be made to refuse the flush and nothing before it.

pending() { dmsetup status slow | cut -d' ' -f6; }
has_flush() { (($(pending) == 1)); }

# refuses_one_flush - the one that a copy back to main ends with.
refuses_one_flush() {
    local message
    msg_ok r relocate 8000 8
    dmsetup message r 0 remove_remap 8000 8 2>answer &
    message=$!
    check "main is flushed" wait_for 10 has_flush
    replace_table below "0 $TOTAL flakey $MAIN 0 0 3600 1 error_writes"
    ! wait "$message" || fail "what was copied back is taken to be stable"
    matches "the reason" "$(last_error r)" 'main cannot be flushed'
    replace_table below "0 $TOTAL linear $MAIN 0"
}

# told_once - users flush.
told_once() {
    expect_fail "the next flush of a user's" sync /dev/mapper/r
    matches "its error" "$OUTPUT" 'Input/output error'
    check "and the one after it" sync /dev/mapper/r
}

mkloop MAIN 64M
mkloop SPARE 64M
mkloop SECOND 64M
TOTAL=$(sectors "$MAIN")
mklinear below "$MAIN"
mkdm slow "0 $TOTAL delay /dev/mapper/below 0 0 /dev/mapper/below 0 0 /dev/mapper/below 0 5000"
mkremap r /dev/mapper/slow "$SPARE"
refuses_one_flush
told_once
msg_ok r remove_remap 8000 8

refuses_one_flush
check "another spare, so another set in the kernel" dmremap spare add r "$SECOND" --yes
told_once
