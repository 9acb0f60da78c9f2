# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# What an administrator does to a device that is at work: renames it, removes it too early, for later
# or by force, kills a message, suspends it with a file system on it, unloads the module.

under_load() {
    churn_begin live
    exec {held}</dev/mapper/live
    verify_begin load "$NODE" "$(longer 5)" --size=8M
    for name in new other live; do
        dmsetup rename "$(dmsetup ls | cut -f1)" $name
        sleep 0.3
    done
    expect_fail "remove while fio has it open" dmsetup remove live
    matches "says that it is busy" "$OUTPUT" 'Device or resource busy'
    expect_fail "no unloading under a device at work" rmmod dm_remap
    verify_end load
    exec {held}<&-
    churn_end live ENXIO
    healthy live
}

# A deferred removal waits for the last one who has the device open, and its remaps serve all until
# then. We hold it as well, since fio closes it between two rounds.
deferred() {
    msg_ok live clear_all
    msg_ok live relocate 0 2048
    exec {held}</dev/mapper/live
    verify_begin load "$NODE" 3 --size=2M
    wait_for 20 busy || fail "fio does not begin"
    dmsetup remove --deferred live
    check "a deferred removal waits" dmsetup info live
    msg_ok live relocate 3000 8
    verify_end load
    check "for the last one" dmsetup info live
    exec {held}<&-
    wait_for 10 gone live || fail "the deferred removal did not happen"
    pass "and happens when he closes it"
}

# shellcheck disable=SC2329 # wait_for calls it
busy() { (($(stat_value live remapped_writes stats) > 0)); }

# shellcheck disable=SC2329 # wait_for calls it
gone() { ! dmsetup info "$1" >/dev/null 2>&1; }

# remove --force puts an error target in place of a live table: whoever has it open gets errors, and
# our part goes with all of its I/O ended.
forced() {
    mkremap live "$MAIN" "$SPARE"
    churn_begin live
    exec {held}<>/dev/mapper/live
    verify_begin load /dev/mapper/live 30 --size=8M
    sleep 1
    dmsetup remove --force live 2>/dev/null || true
    matches "an error target is in its place" "$(dmsetup table live)" error
    ! wait "$FIO_PID" || fail "fio noticed nothing"
    rm churning.live
    # shellcheck disable=SC2154 # churn_begin sets it
    wait "$CHURN_live" || true
    check "the module is free although the device is open" modprobe -r dm-remap
    exec {held}>&-
    gone live || dmsetup remove live
}

# killed - who sends a long message and is killed leaves whole steps, and nobody waits for him.
killed() {
    local sender mapped
    wipe "$SPARE" # what churned is still mapped there
    mkremap live "$MAIN" "$SPARE"
    vm-test-message live "relocate 8 $((200 * 2048))" >long &
    sender=$!
    # shellcheck disable=SC2016,SC2329
    some_mapped() { (($(field live mapped) >= 2048)); }
    wait_for 20 some_mapped || fail "the message did not begin"
    kill -KILL "$sender"
    check "it ends when killed" wait_for 10 gone_process "$sender"
    mapped=$(field live mapped)
    ((mapped < 200 * 2048 && mapped % 2048 == 0)) || fail "mapped are $mapped sectors"
    pass "whole steps are kept: $mapped sectors"
    msg_ok live relocate 8 $((200 * 2048))
    eq "run again it goes on" "$(field live mapped)" $((200 * 2048))
    msg_ok live remove_remap 8
    eq "extents" "$(field live extents)" 0
}

# shellcheck disable=SC2329 # wait_for calls it
gone_process() { [[ ! -e /proc/$1 || $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) == Z* ]]; }

# Suspended with its file system frozen, as a snapshot is taken, and without freezing it.
mounted() {
    local option writer
    mkfs.ext4 -q /dev/mapper/live
    mnt /dev/mapper/live mnt
    churn_begin live 2048
    (while [[ -e writing ]]; do head -c 200000 /dev/urandom >mnt/file && sync mnt/file; done) &
    writer=$!
    for option in '' --nolockfs --noflush '' '--noflush --nolockfs'; do
        # shellcheck disable=SC2086 # words
        dmsetup suspend $option live
        msg_err live EBUSY relocate 0 8
        matches "status is answered" "$(field live mode)" ok
        dmsetup resume live
        sleep 0.2
    done
    rm writing
    wait "$writer" || fail "the writer saw an error"
    churn_end live EBUSY EINTR
    healthy live
    umount mnt
    check "fsck" e2fsck -fn /dev/mapper/live
}

# A table in use, one that is only loaded, and a suspended device all hold the module; when they are
# gone it goes, with its caches, and can come back.
module() {
    local i
    dmsetup suspend live
    expect_fail "no unloading under a suspended device" rmmod dm_remap
    dmsetup remove live
    dmsetup create live --notable
    dmsetup load live --table "0 1000 dm-remap $MAIN $SPARE"
    expect_fail "no unloading under a loaded table" rmmod dm_remap
    dmsetup remove live
    for i in 1 2 3 4 5; do
        modprobe -r dm-remap
        [[ ! -d /sys/module/dm_remap ]] || fail "the module is still there"
        ! grep -q dm_remap /proc/slabinfo || fail "its caches are still there"
        mkremap live "$MAIN" "$SPARE"
        msg_ok live relocate 100 300
        msg_ok live clear_all
        dmsetup remove live
    done
    pass "unloaded and loaded $i times"
}

mkloop MAIN 256M
mkloop SPARE 256M
mkremap live "$MAIN" "$SPARE"
# The node of the kernel, which keeps its name.
NODE=/dev/dm-$(dmsetup info -c --noheadings -o minor live | tr -d ' ')
under_load
deferred
forced
killed
touch writing
mounted
module
