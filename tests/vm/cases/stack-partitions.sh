# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 180
#
# Partitions: on the device, as kpartx makes them (a linear target each) and as the kernel does over
# a loop device; and below it, main and spare two partitions of one disk.

# two_partitions DEVICE - of 24 MiB each. The partition table's last copy is at the device's end.
two_partitions() { printf 'label: gpt\nsize=24MiB\nsize=24MiB\n' | sfdisk -q --no-reread --no-tell-kernel "$1"; }

# start_of DEVICE NUMBER
start_of() { sfdisk -J "$1" | jq -r ".partitiontable.partitions[$2].start"; }

above() {
    local start
    mkremap live "$MAIN" "$SPARE"
    two_partitions /dev/mapper/live
    for number in 0 1; do
        start=$(start_of /dev/mapper/live $number)
        mkdm "live$number" "0 $((24 * 2048)) linear /dev/mapper/live $start"
    done
    check "stamps on the neighbour" vm-test-sectors stamp /dev/mapper/live0 0 49152 2
    verified_under_churn /dev/mapper/live1 "$(spell 4)" live
    check "the neighbour is as it was" vm-test-sectors check /dev/mapper/live0 0 49152 2
    # One remap across the border of both, and the partition table itself on the spare.
    msg_ok live relocate $((start - 100)) 200
    msg_ok live relocate 0 34
    check "before the border" vm-test-sectors check /dev/mapper/live0 49052 100 2
    check "behind it" vm-test-sectors check /dev/mapper/live1 0 100 3
    eq "the partition table" "$(start_of /dev/mapper/live 1)" "$start"
    check "the partition table is sound" sfdisk -q --verify /dev/mapper/live
    dmsetup remove live0
    dmsetup remove live1
}

by_the_kernel() {
    local disk
    disk=$(losetup --find --show --partscan --direct-io=on /dev/mapper/live)
    wait_for 10 test -b "${disk}p2" || fail "the kernel found no partition on $disk"
    churn_begin live
    check "the first partition" vm-test-sectors check "${disk}p1" 0 49152 2
    check "stamps on the second" vm-test-sectors stamp "${disk}p2" 0 49152 4
    check "read back" vm-test-sectors check "${disk}p2" 0 49152 4
    churn_end live
    losetup -d "$disk"
    healthy live
    msg_ok live clear_all
    dmsetup remove live
    check "main alone has the table" sfdisk -q --verify "$MAIN"
    check "and the data" vm-test-sectors check "$MAIN" "$(start_of "$MAIN" 1)" 49152 4 0
}

below() {
    local disk
    disk=$(losetup --find --show --partscan "$MAIN")
    wait_for 10 test -b "${disk}p2" || fail "the kernel found no partition on $disk"
    check "stamps on what will be main" vm-test-sectors stamp "${disk}p1" 0 32768 7
    # What the partition held before is not zeros.
    mkremap live "${disk}p1" "${disk}p2" format
    check "main is used as it is" vm-test-sectors check /dev/mapper/live 0 32768 7
    verified_under_churn /dev/mapper/live "$(spell 3)" live
    dmsetup remove live
    check "the partition alone has it all" vm-test-sectors check "${disk}p1" 0 32768 3
    losetup -d "$disk"
}

mkloop MAIN 64M
mkloop SPARE 64M
above
by_the_kernel
below
