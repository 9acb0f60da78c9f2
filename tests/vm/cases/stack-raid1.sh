# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 240
#
# A mirror of md over two dm-remaps: at the end md compares both sides, and a stale or misplaced
# sector on either is a mismatch. Then dm-remap over a mirror that loses a side and gets it back.

export MDADM_NO_UDEV=1

mirror() { mdadm -q --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 --assume-clean "$@" </dev/null 2>mdadm.log; }

# lose_and_regain DEVICE - what md does with a failed side: it is taken out, comes back, is rebuilt.
lose_and_regain() {
    mdadm -q /dev/md0 --fail "$1"
    wait_for 20 mdadm -q /dev/md0 --remove "$1" 2>>mdadm.log || fail "md keeps the failed side"
    check "stamps while one side is gone" vm-test-sectors stamp "$2" 0 32768 5
    mdadm --zero-superblock "$1"
    mdadm -q /dev/md0 --add "$1"
}

# sides_equal - md reads and compares all of both.
sides_equal() {
    mdadm -q --wait /dev/md0 || true
    wait_for 60 grep -q idle /sys/block/md0/md/sync_action || fail "md does not come to rest"
    echo check >/sys/block/md0/md/sync_action
    wait_for 90 grep -q idle /sys/block/md0/md/sync_action || fail "md's check does not end"
    eq "sectors in which both sides differ" "$(</sys/block/md0/md/mismatch_cnt)" 0
}

above() {
    mkremap live "$MAIN" "$SPARE"
    mkremap other "$MAIN2" "$SPARE2"
    mirror /dev/mapper/live /dev/mapper/other
    verified_under_churn /dev/md0 "$(spell 5)" live other
    sides_equal
    churn_begin live
    churn_begin other
    lose_and_regain /dev/mapper/live /dev/md0
    sides_equal
    churn_end live
    churn_end other
    check "data of the rebuilt mirror" vm-test-sectors check /dev/md0 0 32768 5
    healthy live
    healthy other
    mdadm -q --stop /dev/md0
    mdadm --zero-superblock /dev/mapper/live /dev/mapper/other
    dmsetup remove live
    dmsetup remove other
}

below() {
    wipe "$SPARE"
    mirror "$MAIN" "$MAIN2"
    mkremap live /dev/md0 "$SPARE"
    churn_begin live
    lose_and_regain "$MAIN" /dev/mapper/live
    churn_end live
    verified_under_churn /dev/mapper/live "$(spell 4)" live
    sides_equal
    healthy live
    dmsetup remove live
    check "the mirror alone has it all" vm-test-sectors check /dev/md0 0 32768 3
    mdadm -q --stop /dev/md0
}

modprobe raid1
# Else md would go at a tenth of the speed while there is other I/O.
echo 200000 >/proc/sys/dev/raid/speed_limit_min
mkloop MAIN 64M
mkloop SPARE 64M
mkloop MAIN2 64M
mkloop SPARE2 64M
above
below
