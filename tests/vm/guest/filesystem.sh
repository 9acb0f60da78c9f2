# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The life of a file system while remaps come and go under it, the same for every kind: made,
# filled, emptied, trimmed, mounted anew, checked, and in the end used on main alone.

# make_tree DIRECTORY - some hundred small files and a few large ones.
make_tree() {
    local i
    mkdir -p "$1/large"
    cp -r /usr/lib/x86_64-linux-gnu/perl-base "$1/small"
    for i in 1 2 3 4; do
        head -c $((i * 999999)) /dev/urandom >"$1/large/$i"
    done
}

# same_tree DESCRIPTION DIRECTORY - every file as in `tree`, from the device and not from memory.
same_tree() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
    check "$1" diff -r tree "$2"
}

# trim DIRECTORY - unless BELOW, where it is set, takes no discards any more: an error segment that came
# into a device of 6.1 takes all of its discards away, which those above do not hear of.
trim() { fstrim "$1" || [[ -n ${BELOW:-} && $(queue "$BELOW" discard_max_bytes) == 0 ]]; }

# work_on DIRECTORY SECONDS - copies, checks and removes trees, overwrites in place, trims; less long
# once there is a file `enough`.
work_on() {
    local end=$((SECONDS + $2)) round=0
    while ((SECONDS < end)) && [[ ! -e enough ]]; do
        cp -r tree "$1/copy$((round % 2))"
        same_tree "copy $round, under remaps" "$1/copy$((round % 2))"
        # In place: block after block gets new content where the old one was.
        dd if=tree/large/4 of="$1/in-place" bs=4k conv=notrunc,fsync status=none
        check "what was overwritten in place" cmp tree/large/4 "$1/in-place"
        dd if=tree/large/3 of="$1/in-place" bs=4k conv=notrunc,fsync status=none
        check "and once more" cmp -n 2999997 tree/large/3 "$1/in-place"
        rm -r "$1/copy$((round % 2))"
        trim "$1"
        round=$((round + 1))
    done
    echo "  $round rounds"
}

# file_system MIB MKFS FSCK - commands without their device. Main is as large as asked for.
file_system() {
    local size=$1
    local -a mkfs fsck
    read -ra mkfs <<<"$2"
    read -ra fsck <<<"$3"
    mkloop MAIN "${size}M"
    mkloop SPARE 200M
    make_tree tree
    mkremap live "$MAIN" "$SPARE"
    # Where every file system has its first blocks, so that mkfs itself writes to the spare.
    msg_ok live relocate 3 2500
    churn_begin live 4096
    check "mkfs over remaps" "${mkfs[@]}" /dev/mapper/live
    mnt /dev/mapper/live mnt
    cp -r tree mnt/kept
    work_on mnt "$(spell 8)"
    umount mnt
    mnt /dev/mapper/live mnt
    same_tree "mounted anew" mnt/kept
    umount mnt
    churn_end live
    met_remaps
    check "fsck over remaps" "${fsck[@]}" /dev/mapper/live
    healthy live
    main_has_it_all
    check "fsck of main alone" "${fsck[@]}" "$MAIN"
    losetup -d "$MAIN" "$SPARE"
}

# met_remaps - or all of it would have been for nothing.
met_remaps() {
    msg_ok live stats
    (($(reply_value remapped_writes) > 200)) || fail "only $(reply_value remapped_writes) writes went to the spare"
    (($(reply_value remapped_reads) > 50)) || fail "only $(reply_value remapped_reads) reads came from the spare"
    pass "writes to the spare, reads from it, I/Os held: $(reply_value remapped_writes), $(reply_value remapped_reads), $(reply_value held)"
}

# main_has_it_all - everything is given back under the mounted file system; then main is used alone.
main_has_it_all() {
    mnt /dev/mapper/live mnt
    msg_ok live clear_all
    eq "extents after clear_all" "$(field live extents)" 0
    same_tree "after clear_all" mnt/kept
    umount mnt
    dmsetup remove live
    mnt "$MAIN" mnt -o ro
    same_tree "on main alone" mnt/kept
    umount mnt
}
