# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# needs: plain
# timeout: 240
#
# The sense data of a real SCSI stack (scsi_debug): sectors that give "medium error" on reads become
# pending, exactly those, in blocks of 512 and of 4096 bytes, and move with their next write. A write that
# ends with "write error" moves.

# reads FIRST COUNT BLOCK - the bad sectors; BLOCK is the logical block in sectors.
reads() {
    local first=$1 count=$2 block=$3 i errors=''
    for ((i = first; i < first + count; i += block)); do errors+="$i ENODATA;"; done
    expect_fail "a read of all of them" dd if=/dev/mapper/r of=/dev/null bs=1M skip=2 count=1 iflag=direct status=none
    matches "says ENODATA" "$OUTPUT" 'No data available'
    eq "pending" "$(field r pending)" "$count"
    eq "mapped" "$(field r mapped)" 0
    eq "unreadable" "$(vm-test-sectors errors /dev/mapper/r 4096 2048 direct "$block" | paste -sd ';');" "$errors"
    eq "the verdict" "$(stat_value r verdict health)" sector
}

# A write does not fail on such a disk, and reads go on failing: it must go to the spare all the same.
next_write() {
    local first=$1 count=$2
    check "stamps over and beside them" vm-test-sectors stamp /dev/mapper/r 4096 2048 2
    check "read back" vm-test-sectors check /dev/mapper/r 4096 2048 2
    eq "mapped, pending and lost" "$(field r mapped) $(field r pending) $(field r lost)" "$count 0 0"
    dmsetup remove --retry r
    mkremap r "$SCSI_DISK" "$SPARE"
    check "when made again" vm-test-sectors check /dev/mapper/r 4096 2048 2
    check "and what is beside" vm-test-sectors check /dev/mapper/r 0 4096 1
    expect_fail "the disk itself" vm-test-sectors check "$SCSI_DISK" "$first" "$count" 2
}

# medium BLOCK-BYTES FIRST COUNT - in sectors.
medium() {
    local block=$(($1 / 512))
    mkscsi dev_size_mb=64 sector_size="$1" opts=2 medium_error_start=$(($2 / block)) medium_error_count=$(($3 / block))
    mkloop SPARE 64M "$1"
    check "stamps before" vm-test-sectors stamp "$SCSI_DISK" 0 "$2" 1
    check "stamps behind" vm-test-sectors stamp "$SCSI_DISK" $(($2 + $3)) 2000 1
    mkremap r "$SCSI_DISK" "$SPARE"
    reads "$2" "$3" "$block"
    next_write "$2" "$3"
    dmsetup remove --retry r
    losetup -d "$SPARE"
    rm SPARE.img
    modprobe -r scsi_debug
}

# rule DISK RULE - of scsi_debug, for one device; not before 6.7.
rule() {
    echo "$2" >"/sys/kernel/debug/scsi_debug/$(basename "$(readlink -f "/sys/block/${1##*/}/device")")/error"
}

# A write that the SCSI layer tries six times and the disk refuses each time, at first and once more as
# a physical block of 4 KiB; then the disk is as it was.
write_error() {
    local rule='2 -12 0x2a 0 0 0x2 0x3 0xc 0x0'
    mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
    mkscsi dev_size_mb=64 physblk_exp=3
    mkloop SPARE 64M
    mkremap r "$SCSI_DISK" "$SPARE"
    check "stamps" vm-test-sectors stamp /dev/mapper/r 0 8192 1
    rule "$SCSI_DISK" "$rule"
    check "a write that the disk refuses" vm-test-sectors stamp /dev/mapper/r 800 8 2
    eq "mapped, pending and lost" "$(field r mapped) $(field r pending) $(field r lost)" "8 0 0"
    eq "remaps" "$(field r remaps)" 0/1/0
    eq "the verdict" "$(stat_value r verdict health)" sector
    check "reads back" vm-test-sectors check /dev/mapper/r 800 8 2
    check "the disk has the old" vm-test-sectors check "$SCSI_DISK" 0 8192 1
    check "the next write" vm-test-sectors stamp /dev/mapper/r 808 8 2
    eq "goes to the disk" "$(field r mapped)" 8
    rule "$SCSI_DISK" "$rule"
    expect_fail "a write to the disk itself" dd if=/dev/zero of="$SCSI_DISK" bs=4096 count=1 oflag=direct conv=nocreat status=none
}

medium 512 5000 10
medium 4096 5000 16
if [[ $(uname -r) != 6.1.* ]]; then write_error; fi
