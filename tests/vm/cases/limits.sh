# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 120
#
# What the device says it can do: the weakest of both below, and nothing that a remap would break.

loops() {
    mkloop MAIN 64M
    mkloop SPARE 64M
    mkremap r "$MAIN" "$SPARE"
    eq "logical block" "$(queue /dev/mapper/r logical_block_size)" 512
    matches "discard" "$(queue /dev/mapper/r discard_max_bytes)" '^[1-9]'
    matches "write zeroes" "$(queue /dev/mapper/r write_zeroes_max_bytes)" '^[1-9]'
    eq "write cache" "$(queue /dev/mapper/r write_cache)" 'write back'
    check "discard" blkdiscard -o 0 -l 1048576 /dev/mapper/r
    # A loop device on a file in memory offers write-zeroes and then refuses it: whoever asked falls
    # back to writing zeros, and that is no error of ours.
    check "stamps" vm-test-sectors stamp /dev/mapper/r 0 3000 1
    msg_ok r add_remap 1000 5000 100
    check "zeros across a border, over disks that cannot" blkdiscard -z -o $((990 * 512)) -l $((20 * 512)) /dev/mapper/r
    check "are zeros" vm-test-sectors check /dev/mapper/r 990 20 0
    check "before them" vm-test-sectors check /dev/mapper/r 0 990 1
    check "behind them" vm-test-sectors check /dev/mapper/r 1010 1990 1
    eq "write errors" "$(field r write_errors)" 0
    dmsetup remove r
}

# A main that cannot discard leaves none to the device, a spare that cannot is left out of it.
stacked() {
    mknull plain memory_backed=1 size=64 discard=0
    mkremap r "$NULL_DISK" "$SPARE"
    eq "discard over a main without" "$(queue /dev/mapper/r discard_max_bytes)" 0
    dmsetup remove r
    wipe "$SPARE"
    mkremap r "$MAIN" "$NULL_DISK"
    matches "discard over a spare without" "$(queue /dev/mapper/r discard_max_bytes)" '^[1-9]'
    check "stamps" vm-test-sectors stamp /dev/mapper/r 0 3000 1
    msg_ok r add_remap 1000 5000 100
    check "a discard across what is on that spare" blkdiscard -o 0 -l $((2000 * 512)) /dev/mapper/r
    check "is no error and leaves what is there" vm-test-sectors check /dev/mapper/r 1000 100 1
    eq "write errors" "$(field r write_errors)" 0
    dmsetup remove r
    mknull big memory_backed=1 size=64 blocksize=4096 discard=1
    mkremap r "$NULL_DISK" "$SPARE"
    eq "logical block over a 4K main" "$(queue /dev/mapper/r logical_block_size)" 4096
    eq "physical block over a 4K main" "$(queue /dev/mapper/r physical_block_size)" 4096
    dmsetup remove r
    wipe "$SPARE"
}

# Commands past the block layer would go round the map and the fences.
pass_through() {
    mkscsi dev_size_mb=64 physblk_exp=3
    mkremap r "$SCSI_DISK" "$SPARE"
    check "SG_IO on the disk itself" sg_inq "$SCSI_DISK" >/dev/null
    eq "FUA of the disk" "$(queue "$SCSI_DISK" fua)" 1
    eq "FUA over it" "$(queue /dev/mapper/r fua)" 1
    expect_fail "no SG_IO through the device" sg_inq /dev/mapper/r
    eq "512-byte logical blocks of a 512e main" "$(queue /dev/mapper/r logical_block_size)" 512
    eq "its physical ones" "$(queue /dev/mapper/r physical_block_size)" 4096
    msg_ok r add_remap 1001 3 1
    check "a remap of one logical block" dd if=/dev/mapper/r of=/dev/null bs=512 skip=1000 count=3 iflag=direct status=none
    dmsetup remove r
    mkremap r "$MAIN" "$SCSI_DISK"
    eq "physical blocks of a spare count too" "$(queue /dev/mapper/r physical_block_size)" 4096
    dmsetup remove r
}

integrity() { cat "/sys/dev/block/$(lsblk -dnro MAJ:MIN "$1")/integrity/format" 2>/dev/null || echo none; }

# Checksums beside the data name the sector they are for, which a remap changes.
protected() {
    local half=65536
    modprobe -r scsi_debug
    mkscsi dev_size_mb=64 dif=1 dix=1
    mkdm left "0 $half linear $SCSI_DISK 0"
    mkdm right "0 $half linear $SCSI_DISK $half"
    matches "a linear device hands integrity on" "$(integrity /dev/mapper/left)" DIF
    mkremap r /dev/mapper/left /dev/mapper/right
    eq "and this one does not" "$(integrity /dev/mapper/r)" none
    check "stamps" vm-test-sectors stamp /dev/mapper/r 0 3000 2
    msg_ok r add_remap 1000 5000 100
    check "what a disk with integrity holds" vm-test-sectors check /dev/mapper/r 0 3000 2
    dmsetup remove r
}

loops
stacked
pass_through
protected
