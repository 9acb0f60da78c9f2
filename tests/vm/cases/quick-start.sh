# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 240
#
# The predecessor's quick start, word for word, on real devices: two 500 MB loop devices, a file
# system, a remap under it, and everything its users type.

unload() {
    [[ ! -d /sys/module/dm_remap ]] || modprobe -r dm_remap
    [[ ! -d /sys/module/dm_remap ]] || fail "the module cannot be unloaded"
}

files() { (cd mnt && find . -type f -exec sha256sum {} + | sort -k 2); }

# The target is found by its name: nobody loaded the module.
create_by_autoload() {
    unload
    echo "$TABLE" | dmsetup create my-remap
    check "dmsetup create loads the module by itself" test -d /sys/module/dm_remap
    matches "dmsetup targets | grep remap" "$(dmsetup targets | grep remap)" '^dm-remap +v[0-9]'
}

remap_under_the_mount() {
    files >before
    dmsetup message my-remap 0 "add_remap 1000 5000 100" >reply
    matches "quoted, and its reply on stdout" "$(<reply)" '1000 -> 5000'
    dmsetup message my-remap 0 add_remap 2001 6001 7
    dmsetup message my-remap 0 "ADD_REMAP 300000 7000 1000"
    dmsetup message my-remap 0 Add_Remap 400000 9000 3
    eq "extents" "$(field my-remap extents)" 4
    eq "mapped sectors" "$(field my-remap mapped)" 1110
    matches "dmesg | grep 'Added remap'" "$(dmesg | grep "Added remap" | tail -n 4)" \
        'Added remap: 1000 -> 5000 \(length: 100\)'
    cp -r /usr/lib/x86_64-linux-gnu/perl-base mnt/more
    sync
    echo 3 >/proc/sys/vm/drop_caches
    (cd mnt && sha256sum --quiet -c ../before) || fail "a file differs after remapping under it"
    pass "every file reads back through the remaps"
}

ask_everything() {
    local word
    for word in help status stats health list pending; do
        msg_ok my-remap "$word"
    done
    msg_ok my-remap help
    for word in status stats clear_stats health add_remap remove_remap clear_all list relocate; do
        matches "help names $word" "$REPLY_TEXT" "(^|[[:space:]])$word([[:space:]]|$)"
    done
    eq "status: mode" "$(stat_value my-remap mode)" ok
    eq "stats: remaps added" "$(stat_value my-remap added stats)" 4
    matches "health: a rating" "$(stat_value my-remap rating health)" '^EXCELLENT$'
    matches "the status line" "$(dmsetup status my-remap)" \
        "^0 $SECTORS dm-remap ok [0-9]+ 4 1110 1110/[0-9]+ 4/[0-9]+ 0 0 0 0 4/0/0 64 [0-9]+ 1 main_unverified$"
}

take_back() {
    dmsetup message my-remap 0 "remove_remap 1000"
    eq "extents after remove_remap" "$(field my-remap extents)" 3
    dmsetup message my-remap 0 "clear_stats"
    eq "stats after clear_stats" "$(stat_value my-remap removed stats)" 0
    dmsetup message my-remap 0 "clear_all"
    eq "extents after clear_all" "$(field my-remap extents)" 0
    eq "spare in use after clear_all" "$(field my-remap spare | cut -d/ -f1)" 0
    files >after
    (cd mnt && sha256sum --quiet -c ../before) || fail "a file differs after clear_all"
    umount mnt
    check "fsck is clean" e2fsck -fn /dev/mapper/my-remap
}

# What was remapped is back on main: the file system is whole without us.
main_alone() {
    dmsetup remove my-remap
    check "fsck of main alone is clean" e2fsck -fn "$MAIN"
    mnt "$MAIN" mnt -o ro
    (cd mnt && sha256sum --quiet -c ../after) || fail "a file differs on main alone"
    pass "every file reads back from main alone"
    umount mnt
}

module_names() {
    local name
    unload
    for name in dm-remap dm_remap; do
        check "modprobe $name" modprobe "$name"
        check "rmmod dm_remap" rmmod dm_remap
    done
    modprobe dm-remap
    echo "$TABLE" | dmsetup create my-remap
    expect_fail "no unloading while in use" rmmod dm_remap
    dmsetup remove my-remap
}

mkloop MAIN 500M
mkloop SPARE 500M
SECTORS=$(blockdev --getsz "$MAIN")
TABLE="0 $SECTORS dm-remap $MAIN $SPARE"
create_by_autoload
mkfs.ext4 -q /dev/mapper/my-remap
mnt /dev/mapper/my-remap mnt
cp -r /usr/lib/x86_64-linux-gnu/perl-base mnt/files
sync
remap_under_the_mount
ask_everything
take_back
main_alone
module_names
