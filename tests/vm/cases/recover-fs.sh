# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 420
# memory: 3072
#
# ext4 lives on a disk whose bad sectors grow while it works: copies and fio see no error that is
# not one of content that is really gone, and what was written reads back.

# grow COUNT - that many 4-KiB blocks go bad that hold nothing: those of a file that is only room.
grow() {
    local from to i count=$1
    fallocate -l 48M mnt/room
    sync
    read -r from to < <(filefrag -v mnt/room | awk '$1 == "0:" { gsub(/[.:]/, " "); print $4, $5 }')
    ((to - from > 512)) || fail "the room is in pieces: $from to $to"
    for ((i = 0; i < count; i++)); do
        local at=$(((from + (RANDOM * 32768 + RANDOM) % (to - from)) * 8))
        echo "+$at-$((at + 7))" >/sys/kernel/config/nullb/main/badblocks
    done
    rm mnt/room
    sync
}

mknull main size=400 memory_backed=1 blocksize=512 completion_nsec=0
MAIN=$NULL_DISK
mkloop SPARE 64M
mkremap live "$MAIN" "$SPARE"
check "mkfs" mkfs.ext4 -q -b 4096 /dev/mapper/live
mnt /dev/mapper/live mnt
make_tree tree
cp -r tree mnt/kept
same_tree "before anything is bad" mnt/kept
verify_begin fio mnt/fio "$(longer 8)" --size=24M
for round in 1 2 3; do
    grow 100
    cp -r tree mnt/copy$round
    sync
    head -c 40000000 /dev/urandom >mnt/large$round
    sha256sum mnt/large$round >large$round.sum
    sync
done
verify_end fio
same_tree "what was there" mnt/kept
for round in 1 2 3; do
    same_tree "copy $round" mnt/copy$round
    check "large file $round" sha256sum -c --quiet large$round.sum
done
(($(field live mapped) > 0)) || fail "no bad block was met"
echo "  remaps $(field live remaps), pending $(field live pending), mapped $(field live mapped)"
eq "write errors that went upward" "$(field live write_errors)" 0
umount mnt
check "fsck" e2fsck -fn /dev/mapper/live
