# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# needs: dust
# set: full
# timeout: 240
#
# A disk whose bad sectors grow in number while it is in use, and which makes a bad sector good again when
# it is written, as most disks do (dm-dust, built for this). It tells so whether anything was written to
# main that was not to be: its list of bad sectors would be shorter.

# goes_bad SECTOR...
goes_bad() {
    local sector
    for sector; do
        dmsetup message main 0 addbadblock "$sector"
    done
}

# on_its_list COUNT
on_its_list() {
    matches "bad sectors of main" "$(dmsetup message main 0 countbadblocks)" "\\b$1 badblock"
}

reads_fail() {
    goes_bad 2061 3003 3004
    dmsetup message main 0 enable
    expect_fail "the disk by itself" dd if=/dev/mapper/main of=/dev/null skip=2061 count=1 iflag=direct status=none
    eq "unreadable" "$(unreadable 2048 2048)" '2061 ENODATA 3003 ENODATA 3004 ENODATA'
    goes_bad 20000 20001 20002 20003 20004 20005 20006 20007
    eq "some more" "$(unreadable 19000 2000 | wc -w)" 16
    check "what lies around" vm-test-sectors check /dev/mapper/r 2062 941 1
    eq "pending, mapped" "$(field r pending) $(field r mapped)" '11 0'
    on_its_list 11
}

writes_move() {
    check "a write over two of them" vm-test-sectors stamp /dev/mapper/r 3000 8 2
    check "a write of all of a block" vm-test-sectors stamp /dev/mapper/r 20000 8 2
    eq "pending, mapped" "$(field r pending) $(field r mapped)" '1 10'
    on_its_list 11
    dmsetup remove --retry r
    mkremap r /dev/mapper/main "$SPARE"
    check "both read back when it is made again" vm-test-sectors check /dev/mapper/r 3000 8 2
    check "both read back" vm-test-sectors check /dev/mapper/r 20000 8 2
    eq "still unreadable" "$(unreadable 0 32768)" '2061 ENODATA'
}

# Only with this word is a bad sector written, and then the disk has it back.
healed() {
    replace_table r "0 $TOTAL dm-remap /dev/mapper/main $SPARE 1 heal"
    check "a write that heals" vm-test-sectors stamp /dev/mapper/r 2061 1 3
    eq "pending, mapped" "$(field r pending) $(field r mapped)" '0 10'
    on_its_list 10
    check "it is on main" vm-test-sectors check /dev/mapper/main 2061 1 3
    check "and seen through the target" vm-test-sectors check /dev/mapper/r 2061 1 3
}

modprobe dm-dust
scratch MAIN 0
scratch SPARE 1
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 32768 1
mkdm main "0 $TOTAL dust $MAIN 0 512"
mkremap r /dev/mapper/main "$SPARE"
reads_fail
writes_move
healed
eq "mode" "$(field r mode)" ok
