# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 240
#
# LVM over dm-remap with a snapshot and a move of extents from one device to the next, and dm-remap
# over logical volumes, which may grow under it.

above() {
    lvm_looks_at '^/dev/mapper/(live|other)$'
    mkremap live "$MAIN" "$SPARE"
    mkremap other "$MAIN2" "$SPARE2"
    lvm_do vgcreate bench /dev/mapper/live /dev/mapper/other
    lvm_do lvcreate -y -L 48M -n data bench /dev/mapper/live
    verified_under_churn /dev/mapper/bench-data "$(spell 4)" live
    # A snapshot keeps what it was taken of while the origin is written over.
    lvm_do lvcreate -y -s -L 24M -n snap bench/data
    churn_begin live
    churn_begin other
    check "new stamps over the origin" vm-test-sectors stamp /dev/mapper/bench-data 0 32768 4
    check "the snapshot has the old ones" vm-test-sectors check /dev/mapper/bench-snap 0 32768 3
    lvm_do lvremove -y bench/snap
    lvm_do pvmove -i 1 /dev/mapper/live /dev/mapper/other
    churn_end live
    churn_end other
    check "data after pvmove between two dm-remaps" vm-test-sectors check /dev/mapper/bench-data 0 32768 4
    healthy live
    healthy other
    lvm_do vgremove -ff -y bench
    dmsetup remove live
    dmsetup remove other
    wipefs -qa "$MAIN" "$MAIN2"
}

below() {
    local longer_table
    lvm_looks_at ^/dev/loop
    lvm_do vgcreate under "$MAIN" "$SPARE"
    lvm_do lvcreate -y -L 64M -n main under "$MAIN"
    lvm_do lvcreate -y -L 48M -n spare under "$SPARE"
    wipe /dev/mapper/under-spare
    mkremap live /dev/mapper/under-main /dev/mapper/under-spare
    verified_under_churn /dev/mapper/live "$(spell 4)" live
    # Main grows under the device. What the set knows of main has the size of then, so a longer table
    # is refused, and taken when the set is made anew: it belongs to a main of one size.
    msg_ok live relocate 1000 3000
    lvm_do lvextend -L 80M under/main
    longer_table=$(dmsetup table live | sed "s/^0 [0-9]*/0 $(sectors /dev/mapper/under-main)/")
    expect_fail "a reload with the new length" dmsetup load live --table "$longer_table"
    logged "says what to do" 'dm-remap: .*remove the device and create it'
    eq "its remaps" "$(field live extents)" 1
    msg_ok live clear_all
    dmsetup remove live
    expect_fail "the set with another main's size" mkdm live "$longer_table"
    wipe /dev/mapper/under-spare
    mkdm live "${longer_table% 2 set *}"
    eq "the device has grown" "$(sectors /dev/mapper/live)" $((80 * 2048))
    msg_ok live relocate $((70 * 2048)) 8
    check "data after all" vm-test-sectors check /dev/mapper/live 0 32768 3
    dmsetup remove live
    lvm_do vgremove -ff -y under
}

modprobe dm-snapshot
modprobe dm-mirror
mkloop MAIN 96M
mkloop SPARE 64M
mkloop MAIN2 96M
mkloop SPARE2 64M
above
below
