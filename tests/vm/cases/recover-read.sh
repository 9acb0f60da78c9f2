# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 240
#
# Reads that fail on main: exactly the unreadable sectors give an error, they are pending from then
# on, durably, and the next write brings them back. Nothing is ever read that nobody wrote.

exactly_these() {
    expect_fail "a read of 1 MiB with three bad sectors" \
        dd if=/dev/mapper/r of=/dev/null bs=1M skip=1 count=1 iflag=direct status=none
    eq "pending" "$(field r pending)" 3
    eq "mapped" "$(field r mapped)" 0
    matches "pending sectors" "$(vm-test-message r pending)" '2061 1;3003 2;'
    eq "unreadable" "$(unreadable 2048 2048)" '2061 ENODATA 3003 ENODATA 3004 ENODATA'
    check "what is before" vm-test-sectors check /dev/mapper/r 2048 13 1
    check "what is between" vm-test-sectors check /dev/mapper/r 2062 941 1
    check "what is behind" vm-test-sectors check /dev/mapper/r 3005 1091 1
    matches "page cache: EIO" "$(unreadable 2056 8 cached 8)" '^2056 EIO$'
}

durable() {
    dmsetup remove --retry r
    mkremap r /dev/mapper/bad "$SPARE"
    eq "pending after a reload" "$(field r pending)" 3
}

# Main still refuses these sectors, so whoever writes there succeeds only by way of the spare.
next_write_relocates() {
    check "a write over a pending sector" vm-test-sectors stamp /dev/mapper/r 3000 8 2
    eq "pending and mapped" "$(field r pending) $(field r mapped)" '1 2'
    check "reads back" vm-test-sectors check /dev/mapper/r 3000 8 2
    check "a write of one pending sector" vm-test-sectors stamp /dev/mapper/r 2061 1 3
    eq "pending and mapped" "$(field r pending) $(field r mapped)" '0 3'
    durable_content
}

durable_content() {
    dmsetup remove --retry r
    mkremap r /dev/mapper/bad "$SPARE"
    check "reads back from the disks" vm-test-sectors check /dev/mapper/r 3000 8 2
    check "all of it" vm-test-sectors check /dev/mapper/r 2061 1 3
    eq "nothing is unreadable" "$(unreadable 2048 2048)" ''
}

# Tables of one device may differ in what they do about errors, and say so.
features() {
    local table="0 $TOTAL dm-remap /dev/mapper/bad $SPARE 8 on_read_error fail retries 7 budget 5/60 heal"
    table="${table/ 8 / 7 }"
    replace_table r "$table"
    matches "the table says so" "$(dmsetup table r)" ' on_read_error fail retries 7 budget 5/60 heal$'
    expect_fail "a read of a bad sector" dd if=/dev/mapper/r of=/dev/null bs=512 skip=20000 count=1 iflag=direct status=none
    eq "nothing is recorded" "$(field r pending)" 0
    dmsetup table r | dmsetup load r && dmsetup resume r
    matches "it can be loaded as it is" "$(dmsetup table r)" ' on_read_error fail retries 7 budget 5/60 heal$'
}

scratch MAIN 0
scratch SPARE 1
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 32768 1
mkdm bad "0 2061 linear $MAIN 0" '2061 1 error' "2062 941 linear $MAIN 2062" '3003 2 error' \
    "3005 16995 linear $MAIN 3005" '20000 8 error' "20008 $((TOTAL - 20008)) linear $MAIN 20008"
mkremap r /dev/mapper/bad "$SPARE"
exactly_these
durable
next_write_relocates
features
