# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# needs: plain
# timeout: 120
#
# A disk that says "medium error" (scsi_debug) as main and as spare: the class of the error reaches
# the reader as Linux gives it, ENODATA past the page cache and EIO through it, and a relocation
# takes exactly the sectors that cannot be read for lost. That time-outs, lost paths and protection
# errors keep their class has no injector here; kernel/io.c has them one by one.

# read_at SECTOR COUNT [direct] - through the page cache or past it; OUTPUT has the error.
read_at() { dd if=/dev/mapper/r of=/dev/null bs=512 skip="$1" count="$2" ${3:+iflag=$3} status=none; }

as_main() {
    mkscsi dev_size_mb=64 opts=2 medium_error_start=5000 medium_error_count=10
    mkloop SPARE 64M
    mkremap r "$SCSI_DISK" "$SPARE"
    expect_fail "a direct read" read_at 5003 1 direct
    matches "says ENODATA" "$OUTPUT" 'No data available'
    expect_fail "a read through the page cache" read_at 5000 8
    matches "says EIO" "$OUTPUT" 'Input/output error'
    check "the sector before" read_at 4999 1 direct
    check "the sector behind" read_at 5010 1 direct
    check "stamps before" vm-test-sectors stamp /dev/mapper/r 4900 100 1
    check "stamps behind" vm-test-sectors stamp /dev/mapper/r 5010 90 1
    msg_ok r relocate 4990 40
    eq "lost sectors" "$(field r lost)" 10
    matches "the list" "$(list_all r | paste -sd,)" '^4990 [0-9]+ 10 active,5000 [0-9]+ 10 lost,5010 [0-9]+ 20 active$'
    check "what could be read" vm-test-sectors check /dev/mapper/r 4990 10 1
    check "on both sides" vm-test-sectors check /dev/mapper/r 5010 20 1
    expect_fail "a lost sector" read_at 5005 1 direct
    matches "says ENODATA" "$OUTPUT" 'No data available'
    check "a write gives it a content" vm-test-sectors stamp /dev/mapper/r 5000 10 2
    check "which it keeps" vm-test-sectors check /dev/mapper/r 5000 10 2
    dmsetup remove r
    modprobe -r scsi_debug
}

# Its writes succeed, and reads of the bad sectors go on failing.
as_spare() {
    local bad=60000 place errors
    mkloop MAIN 64M
    mkscsi dev_size_mb=64 opts=2 medium_error_start=$bad medium_error_count=8
    mkremap r "$MAIN" "$SCSI_DISK"
    place=$((bad - $(physical r 0)))
    msg_ok r add_remap 1000 $((place - 4)) 16
    check "stamps" vm-test-sectors stamp /dev/mapper/r 1000 16 3
    errors=$(field r read_errors)
    expect_fail "a read of a place that went bad" read_at 1005 1 direct
    matches "says ENODATA" "$OUTPUT" 'No data available'
    eq "and is counted" "$(field r read_errors)" $((errors + 1))
    check "the places beside it" vm-test-sectors check /dev/mapper/r 1000 4 3
    dmsetup remove r
}

as_main
as_spare
