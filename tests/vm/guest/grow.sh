# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# File systems on a disk of null_blk that gets worse while they work, and see nothing of that.

# pieces_of FILE - where it is on /dev/mapper/live: lines FIRST SECTORS. The addresses that btrfs tells
# are its own.
pieces_of() {
    local first length
    filefrag -b512 -v "$1" | awk '$1 ~ /^[0-9]+:$/ { gsub(/[.:]/, " "); print $4, $6 }' |
        while read -r first length; do
            [[ $(findmnt -no FSTYPE mnt) != btrfs ]] ||
                first=$(btrfs-map-logical -l $((first * 512)) /dev/mapper/live |
                    awk '$1 == "mirror" && $2 == 1 { print $6 / 512; exit }')
            echo "$first $length"
        done
}

# spoil_room COUNT - so many blocks of mnt/room go bad, which holds nothing: no program can keep what a
# disk has lost.
spoil_room() {
    local pieces first length i
    fallocate -l 48M mnt/room
    sync
    mapfile -t pieces < <(pieces_of mnt/room)
    ((${#pieces[@]})) || fail "the room has no place"
    for ((i = 0; i < $1; i++)); do
        read -r first length <<<"${pieces[RANDOM % ${#pieces[@]}]}"
        spoil main "$first" "$length" 1
    done
}

# write_while_it_grows - copies and fio, while what is free goes bad.
write_while_it_grows() {
    local round
    verify_begin fio mnt/fio "$(longer 8)" --size=24M
    for round in 1 2 3; do
        spoil_room 100
        rm mnt/room
        sync
        cp -r tree mnt/copy$round
        sync
        head -c 40000000 /dev/urandom >mnt/large$round
        sha256sum mnt/large$round >large$round.sum
        sync
    done
    verify_end fio
}

# all_reads_back WHEN
all_reads_back() {
    local round
    same_tree "what was there, $1" mnt/kept
    for round in 1 2 3; do
        same_tree "copy $round, $1" mnt/copy$round
        check "large file $round, $1" sha256sum -c --quiet large$round.sum
    done
}

# seen_without_us - a write to blocks that have just gone bad, when they are not to be remapped.
seen_without_us() {
    dmsetup remove --retry live
    mkremap live "$NULL_DISK" "$SPARE" on_write_error fail
    mnt /dev/mapper/live mnt
    spoil_room 50
    expect_fail "without remaps, a write" dd if=/dev/zero of=mnt/room bs=1M count=48 conv=notrunc,fsync status=none
    umount mnt
}

# lives_on_bad_disk MKFS FSCK - commands without their device.
lives_on_bad_disk() {
    local -a mkfs fsck
    read -ra mkfs <<<"$1"
    read -ra fsck <<<"$2"
    mknull main size=512 memory_backed=1 blocksize=512 completion_nsec=0
    mkloop SPARE 64M
    mkremap live "$NULL_DISK" "$SPARE"
    check "mkfs" "${mkfs[@]}" /dev/mapper/live
    mnt /dev/mapper/live mnt
    make_tree tree
    cp -r tree mnt/kept
    same_tree "before anything is bad" mnt/kept
    write_while_it_grows
    all_reads_back "mounted"
    (($(field live mapped) > 0)) || fail "no bad block was met"
    echo "  remaps $(field live remaps), pending $(field live pending), mapped $(field live mapped)"
    eq "write errors that went upward" "$(field live write_errors)" 0
    umount mnt
    check "fsck" "${fsck[@]}" /dev/mapper/live
    dmsetup remove --retry live
    mkremap live "$NULL_DISK" "$SPARE"
    mnt /dev/mapper/live mnt
    all_reads_back "made again"
}
