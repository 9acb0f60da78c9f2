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

# spoil_file FILE COUNT - so many blocks of a file that has room, but holds nothing, go bad: no program can
# keep what a disk has lost.
spoil_file() {
    local pieces first length i
    mapfile -t pieces < <(pieces_of "$1")
    ((${#pieces[@]})) || fail "$1 has no place"
    for ((i = 0; i < $2; i++)); do
        read -r first length <<<"${pieces[RANDOM % ${#pieces[@]}]}"
        spoil main "$first" "$length" 1
    done
}

# room FILE SIZE COUNT - a file with room and nothing in it, of which so many blocks are bad.
room() {
    fallocate -l "$2" "$1"
    sync
    spoil_file "$1" "$3"
}

ROUNDS=4
STRIP=8M
LARGE=40000000

# copies - until there is a file `stop`, and a large one whenever there is room for it.
copies() {
    local copied=0 to
    while [[ ! -e stop ]]; do
        to=mnt/copy$((copied % 2))
        rm -rf "$to"
        cp -r tree "$to" || fail "a copy saw an error"
        same_tree "copy $copied" "$to" >/dev/null
        if [[ -e mnt/room ]]; then
            dd if=large of=mnt/room bs=1M conv=notrunc,fsync status=none || fail "a large copy saw an error"
            mv mnt/room mnt/large
        fi
        copied=$((copied + 1))
        echo "$copied" >copied
    done
}

# all_on_the_spare - whatever has gone bad.
all_on_the_spare() {
    sort -nu spoiled >bad
    list_all live | awk 'NR == FNR { bad[$1]; next } { for (i = $1; i < $1 + $3; i++) delete bad[i] }
        END { for (i in bad) print i }' bad - >left
    eq "not on the spare, of $(wc -l <bad) bad blocks" "$(paste -sd ' ' left)" ''
    eq "nothing else is" "$(field live mapped)" $(($(wc -l <bad) * 8))
}

# write_while_it_grows - fio writes and verifies one file after the other, and files are copied, without a
# pause; meanwhile blocks of the next ones go bad. Each file has its place already, so that all are met.
write_while_it_grows() {
    local round copier
    rm -f stop copied
    (copies) &
    copier=$!
    room mnt/fio0 $STRIP 20
    for ((round = 0; round < ROUNDS; round++)); do
        rm -f enough
        verify_begin fio mnt/fio$round 600 --size=$STRIP --fallocate=none --randseed=$((round + 7))
        room mnt/next $LARGE 80
        ((round == ROUNDS - 1)) || room mnt/fio$((round + 1)) $STRIP 20
        if ! running "$FIO_PID" || ! running "$copier"; then fail "nothing was written while blocks went bad"; fi
        mv mnt/next mnt/room
        wait_for 300 test ! -e mnt/room || fail "the copies do not go on"
        touch enough
        verify_end fio
    done
    touch stop
    wait "$copier" || fail "the copies failed"
    echo "  $(<copied) copies"
    (($(<copied) >= ROUNDS)) || fail "too few copies"
    all_on_the_spare
}

# all_reads_back WHEN
all_reads_back() {
    local n
    same_tree "what was there, $1" mnt/kept
    for n in 0 1; do
        same_tree "copy $n, $1" mnt/copy$n
    done
    check "large file, $1" cmp large mnt/large
    for ((n = 0; n < ROUNDS; n++)); do
        check "what fio wrote, $1" fio --name=fio --filename=mnt/fio$n --size=$STRIP --bs=4k --rw=randwrite --direct=1 \
            --randseed=$((n + 7)) --verify=crc32c --verify_only --output=fio.log
    done
}

# seen_without_us - a write to blocks that have just gone bad, when they are not to be remapped.
seen_without_us() {
    dmsetup remove --retry live
    mkremap live "$NULL_DISK" "$SPARE" on_write_error fail
    mnt /dev/mapper/live mnt
    room mnt/room 48M 50
    expect_fail "without remaps, a write" dd if=/dev/zero of=mnt/room bs=1M count=48 conv=notrunc,fsync status=none
    umount mnt
}

# nothing_went_upward - not one error, says dm-remap, and the kernel has none to tell of.
nothing_went_upward() {
    echo "  remaps $(field live remaps), mapped $(field live mapped)"
    eq "pending, lost, read and write errors" \
        "$(field live pending) $(field live lost) $(field live read_errors) $(field live write_errors)" '0 0 0 0'
    not_logged "the kernel tells of no error" \
        'error on dev dm-|lost .*page write|EXT4-fs (error|warning)|XFS .*(error|[Ss]hut)|BTRFS (error|critical)'
}

# lives_on_bad_disk MKFS FSCK - commands without their device.
lives_on_bad_disk() {
    local -a mkfs fsck
    read -ra mkfs <<<"$1"
    read -ra fsck <<<"$2"
    RANDOM=${DMREMAP_SEED:=$RANDOM}
    echo "  seed $DMREMAP_SEED"
    mknull main size=512 memory_backed=1 blocksize=512 completion_nsec=0
    mkloop SPARE 64M
    mkremap live "$NULL_DISK" "$SPARE"
    check "mkfs" "${mkfs[@]}" /dev/mapper/live
    mnt /dev/mapper/live mnt
    make_tree tree
    head -c $LARGE /dev/urandom >large
    cp -r tree mnt/kept
    same_tree "before anything is bad" mnt/kept
    write_while_it_grows
    all_reads_back "mounted"
    umount mnt
    check "fsck" "${fsck[@]}" /dev/mapper/live
    nothing_went_upward
    dmsetup remove --retry live
    mkremap live "$NULL_DISK" "$SPARE"
    check "fsck, made again" "${fsck[@]}" /dev/mapper/live
    mnt /dev/mapper/live mnt
    all_reads_back "made again"
    nothing_went_upward
}
