# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 180
#
# Sectors whose content is gone: exactly those give an error, until they are written; nothing else
# is touched, nothing is invented, and what is lost cannot be taken back by mistake.

BAD=/dev/mapper/bad

# A main with bad sectors 1003 to 1005 and 1040, and 20000 to 20007.
bad_table() {
    local total=$1
    printf '%s\n' "0 1003 linear $MAIN 0" '1003 3 error' "1006 34 linear $MAIN 1006" '1040 1 error' \
        "1041 18959 linear $MAIN 1041" '20000 8 error' "20008 $((total - 20008)) linear $MAIN 20008"
}

what_is_lost() {
    local before after
    msg_ok r add_remap 1000 5000 100
    eq "lost" "$(field r lost)" 4
    eq "lost_sectors_found" "$(stat_value r lost_sectors_found stats)" 4
    before=$(stat_value r read_errors stats)
    eq "O_DIRECT: ENODATA for exactly these" "$(unreadable 990 120)" \
        '1003 ENODATA 1004 ENODATA 1005 ENODATA 1040 ENODATA'
    after=$(stat_value r read_errors stats)
    ((after >= before + 4)) || fail "$((after - before)) read errors counted for 4 lost sectors"
    pass "$((after - before)) read errors counted for them"
    eq "page cache: EIO for the pages of these" "$(unreadable 992 112 cached 8)" '1000 EIO 1040 EIO'
    check "what is before them" vm-test-sectors check /dev/mapper/r 900 103 1
    check "what is between them" vm-test-sectors check /dev/mapper/r 1006 34 1
    check "what is behind them" vm-test-sectors check /dev/mapper/r 1041 200 1
    matches "list" "$(vm-test-message r list)" '1000 5000 3 active;1003 5003 3 lost;1006 5006 34 active;1040 5040 1 lost;1041 5041 59 active;$'
    refuses r <<'END'
ENODATA | lost | remove_remap 1000
ENODATA | lost | remove_remap 1004 1
END
}

writes_revive() {
    check "one write over one lost sector" vm-test-sectors stamp /dev/mapper/r 1004 1 2
    eq "lost" "$(field r lost)" 3
    eq "the others stay" "$(unreadable 1000 100)" '1003 ENODATA 1005 ENODATA 1040 ENODATA'
    check "what was written" vm-test-sectors check /dev/mapper/r 1004 1 2
    check "one write over lost, active and unmapped ones" vm-test-sectors stamp /dev/mapper/r 990 20 3
    check "all of it reads back" vm-test-sectors check /dev/mapper/r 990 20 3
    check "a write of zeros" blkdiscard -z -o $((1040 * 512)) -l 512 /dev/mapper/r
    check "zeros, because they were written" vm-test-sectors check /dev/mapper/r 1040 1 0
    eq "lost" "$(field r lost)" 0
    eq "revived_sectors" "$(stat_value r revived_sectors stats)" 4
    check "on the spare" vm-test-sectors check "$SPARE" "$(physical r 5000)" 10 3 1000
    eq "nothing is unreadable" "$(unreadable 990 120)" ''
}

# Main still refuses those sectors, so the mapping must stay, with its data.
main_refuses() {
    refuses r <<<"EIO | main refused the data | remove_remap 1000"
    check "all is still there" vm-test-sectors check /dev/mapper/r 990 20 3
    mapfile -t whole <<<"0 $TOTAL linear $MAIN 0"
    replace_table bad "${whole[@]}"
    # The limits of the device are those of its table, and of what was below it then.
    dmsetup table r | dmsetup load r && dmsetup resume r
    msg_ok r remove_remap 1000
    eq "extents once main takes it" "$(field r extents)" 0
    check "the data is on main" vm-test-sectors check "$MAIN" 990 20 3
}

nocopy() {
    msg_ok r add_remap 3000 9000 16 nocopy
    eq "nocopy: all are lost" "$(field r lost)" 16
    eq "the first and the last" "$(unreadable 2999 2) $(unreadable 3015 2)" '3000 ENODATA 3015 ENODATA'
    blkdiscard -o $((3008 * 512)) -l 1024 /dev/mapper/r
    eq "lost after a discard, which tells nothing about content" "$(field r lost)" 16
    eq "still unreadable" "$(unreadable 3008 2)" '3008 ENODATA 3009 ENODATA'
    check "write-zeroes is a write" fallocate -p -o $((3004 * 512)) -l 1024 /dev/mapper/r
    check "zeros, because they were written" vm-test-sectors check /dev/mapper/r 3004 2 0
    eq "lost" "$(field r lost)" 14
    check "one write over all" vm-test-sectors stamp /dev/mapper/r 2990 40 4
    eq "lost" "$(field r lost)" 0
    msg_ok r remove_remap 3000
    check "the data is on main" vm-test-sectors check "$MAIN" 2990 40 4
}

stale_ok() {
    msg_ok r add_remap 4000 9000 8 nocopy
    exec {held}</dev/mapper/r
    refuses r <<<"EBUSY | the device must not be open | remove_remap 4000 stale-ok"
    exec {held}<&-
    msg_ok r remove_remap 4000 stale-ok
    eq "extents after stale-ok" "$(field r extents)" 0
    check "main as it was" vm-test-sectors check /dev/mapper/r 4000 8 1
}

# A disk that is gone has no bad sectors: nothing may become lost.
dead_main() {
    replace_table bad "0 $TOTAL error"
    refuses r <<'END'
EIO | does not look like a bad sector | add_remap 6000 9000 8
EIO | does not look like a bad sector | relocate 6000 8
END
    eq "lost" "$(field r lost)" 0
    eq "spare in use" "$(field r spare | cut -d/ -f1)" 0
}

scratch MAIN 0
scratch SPARE 1
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 32768 1
mapfile -t table < <(bad_table "$TOTAL")
mkdm bad "${table[@]}"
mkremap r $BAD "$SPARE"
what_is_lost
writes_revive
main_refuses
nocopy
stale_ok
dead_main
