# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 120
#
# With on_read_error and on_write_error fail an error of a disk below reaches whoever asked, once, as
# it is, and is counted: of a read, a write and a flush, on main and on the spare. Nothing is mapped
# because of it and nothing becomes lost.

# read_at SECTOR, write_at SECTOR - one sector, past the page cache.
read_at() { dd if=/dev/mapper/r of=/dev/null bs=512 skip="$1" count=1 iflag=direct status=none; }
write_at() { dd if=/dev/zero of=/dev/mapper/r bs=512 seek="$1" count=1 oflag=direct conv=nocreat,notrunc status=none; }

# counted READS WRITES FLUSHES - what is counted so far.
counted() {
    msg_ok r stats
    eq "read, write and flush errors counted" \
        "$(reply_value read_errors) $(reply_value write_errors) $(reply_value flush_errors)" "$*"
}

# frail NAME DEVICE - from now on this one refuses writes and flushes; firm makes it well.
frail() { replace_table "$1" "0 $(sectors "$2") flakey $2 0 0 3600 1 error_writes"; }
firm() { replace_table "$1" "0 $(sectors "$2") linear $2 0"; }

bad_sectors_of_main() {
    replace_table main "0 5000 linear $MAIN 0" '5000 8 error' "5008 $((TOTAL - 5008)) linear $MAIN 5008"
    expect_fail "a read of a bad sector" read_at 5003
    matches "with its error" "$OUTPUT" 'Input/output error'
    counted 1 0 0
    expect_fail "a write to it" write_at 5003
    matches "with its error" "$OUTPUT" 'Input/output error'
    counted 1 1 0
    check "its neighbours" vm-test-sectors check /dev/mapper/r 4000 1000 1
    check "on both sides" vm-test-sectors check /dev/mapper/r 5008 1000 1
    eq "read and write errors of the status line" "$(field r read_errors) $(field r write_errors)" '1 1'
    eq "extents and lost sectors" "$(field r extents) $(field r lost)" '0 0'
    (($(field r health) < 100)) || fail "health is $(field r health) in spite of errors"
    pass "health is $(field r health)"
    firm main "$MAIN"
}

# The other device is well, and its flush succeeds: the error must be seen all the same.
flushes() {
    local reads writes count=0 name
    msg_ok r stats
    reads=$(reply_value read_errors) writes=$(reply_value write_errors)
    for name in main spare; do
        if [[ $name == main ]]; then frail main "$MAIN"; else frail spare "$SPARE"; fi
        expect_fail "a flush that $name refuses" sync /dev/mapper/r
        matches "with its error" "$OUTPUT" 'Input/output error'
        count=$((count + 1))
        counted "$reads" "$writes" $count
        if [[ $name == main ]]; then firm main "$MAIN"; else firm spare "$SPARE"; fi
        check "and the next one, when $name is well" sync /dev/mapper/r
        counted "$reads" "$writes" $count
    done
}

# What is on the spare keeps its content, what is lost stays lost.
writes_to_the_spare() {
    local writes
    msg_ok r add_remap 1000 500 100
    msg_ok r add_remap 2000 700 8 nocopy
    writes=$(stat_value r write_errors stats)
    frail spare "$SPARE"
    expect_fail "a write to a place that refuses it" write_at 1050
    eq "is counted" "$(stat_value r write_errors stats)" $((writes + 1))
    check "the place has what it had" vm-test-sectors check /dev/mapper/r 1000 100 1
    expect_fail "a write to a lost sector that the spare refuses" write_at 2003
    eq "is counted too" "$(stat_value r write_errors stats)" $((writes + 2))
    eq "lost sectors" "$(field r lost)" 8
    expect_fail "a relocation to such a spare" vm-test-message -p r relocate 3000 8
    eq "is refused with" "$OUTPUT" EROFS
    eq "since that a place is bad could not be recorded: mode" "$(field r mode)" readonly
    eq "mapped sectors" "$(field r mapped)" 108
    firm spare "$SPARE"
    dmsetup remove --retry r
    mkremap r /dev/mapper/main /dev/mapper/spare on_read_error fail on_write_error fail
    check "a write to the lost sectors" vm-test-sectors stamp /dev/mapper/r 2000 8 2
    eq "lost sectors" "$(field r lost)" 0
    msg_ok r clear_all
    check "main has the old" vm-test-sectors check "$MAIN" 1000 100 1
    check "and the new" vm-test-sectors check "$MAIN" 2000 8 2
}

mkloop MAIN 64M
mkloop SPARE 64M
TOTAL=$(sectors "$MAIN")
check "stamps" vm-test-sectors stamp "$MAIN" 0 10000 1
mklinear main "$MAIN"
mklinear spare "$SPARE"
mkremap r /dev/mapper/main /dev/mapper/spare on_read_error fail on_write_error fail
eq "health" "$(field r health)" 100
bad_sectors_of_main
flushes
writes_to_the_spare
